/** The used part of the output of `node --cpu-prof`. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** The running node of each sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** Frames below this share are omitted, with everything that they call. */
const LEAST_SHARE = 0.01;
const MAX_DEPTH = 14;
const IDLE = new Set(['(idle)', '(program)', '(root)']);

/** Self time by package and by function, each with its share of the time that the process was not idle. */
export function selfTimes(profile: CpuProfile): string {
  const own = ownTimes(profile);
  const packages = new Map<string, number>();
  const functions = new Map<string, number>();
  let total = 0;
  for (const node of profile.nodes) {
    const time = own.get(node.id) ?? 0;
    if (IDLE.has(node.callFrame.functionName)) continue;
    total += time;
    add(packages, packageOf(node), time);
    add(functions, labelOf(node), time);
  }
  return [
    `busy: ${(total / 1e6).toFixed(2)} s`,
    '',
    'by package',
    ...largest(packages, total, 16),
    '',
    'by function',
    ...largest(functions, total, 40),
  ].join('\n');
}

/** The call tree, longest calls first, each with its share including callees. */
export function flameGraph(profile: CpuProfile): string {
  const own = ownTimes(profile);
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const totals = new Map<number, number>();
  const totalOf = (id: number): number => {
    const known = totals.get(id);
    if (known !== undefined) return known;
    const below = (byId.get(id)?.children ?? []).reduce((sum, child) => sum + totalOf(child), 0);
    const total = below + (own.get(id) ?? 0);
    totals.set(id, total);
    return total;
  };
  const idle = profile.nodes
    .filter(({ callFrame }) => IDLE.has(callFrame.functionName))
    .reduce((sum, { id }) => sum + (own.get(id) ?? 0), 0);
  const root = profile.nodes[0]?.id ?? 0;
  const busy = totalOf(root) - idle;
  const lines: string[] = [];
  const walk = (id: number, depth: number) => {
    const node = byId.get(id);
    const share = totalOf(id) / busy;
    if (!node || share < LEAST_SHARE || depth > MAX_DEPTH || node.callFrame.functionName === '(idle)') return;
    if (id !== root) {
      lines.push(`${(100 * share).toFixed(1).padStart(5)} % ${'  '.repeat(depth - 1)}${labelOf(node)}`);
    }
    const children = [...(node.children ?? [])].sort((a, b) => totalOf(b) - totalOf(a));
    for (const child of children) walk(child, depth + 1);
  };
  walk(root, 0);
  return lines.join('\n');
}

/** Self time of each node in microseconds. */
function ownTimes({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const own = new Map<number, number>();
  for (const [index, id] of samples.entries()) add(own, id, timeDeltas[index] ?? 0);
  return own;
}

function add<K>(sums: Map<K, number>, key: K, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

function largest(sums: ReadonlyMap<string, number>, total: number, count: number): string[] {
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([label, time]) => `${((100 * time) / total).toFixed(1).padStart(5)} % ${label}`);
}

function packageOf({ callFrame: { url, functionName } }: ProfileNode): string {
  const installed = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (installed) return installed;
  if (url.startsWith('node:')) return 'node';
  if (url.includes('/dist/')) return 'this server';
  return functionName.startsWith('(') ? functionName : 'native';
}

function labelOf(node: ProfileNode): string {
  const { functionName, url } = node.callFrame;
  const file = url.slice(url.lastIndexOf('/') + 1);
  return `${functionName || '(anonymous)'}${file ? ` (${packageOf(node)} ${file})` : ''}`;
}
