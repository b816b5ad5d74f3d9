import { numberIn } from '../../utils/losslessJson.js';
import { type GraphNode, type GraphValue, linkOf, type NodeLink } from '../graph.js';
import type { GraphView } from './GraphView.js';
import type { ValueKind } from './inputKinds.js';
import type { Target } from './manifest.js';
import { isOpenNumber } from './placeholders.js';
import { isRandomSeed } from './readParameter.js';

/** A number that people change, and the range of ComfyUI's own nodes for it. */
interface Setting {
  readonly name: string;
  readonly kind: ValueKind;
  readonly fields: RegExp;
  readonly isOn: (node: GraphNode) => boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly step?: number;
}

/** A setting, and the fields of the graph with the same value of it. */
export interface FoundSetting {
  readonly setting: Setting;
  readonly targets: readonly Target[];
}

const hasSome = (node: GraphNode, ...fields: string[]) => fields.some((field) => node.inputs.has(field));
const isSampling = (node: GraphNode) =>
  /sampl|schedul|guider|sigma/i.test(node.classType) ||
  hasSome(node, 'sampler_name', 'scheduler', 'latent_image', 'positive');
/** Creates an empty image or video; a node that only scales one also has a size. */
const isSized = (node: GraphNode) =>
  !/scale|resize|crop|composite/i.test(node.classType) &&
  (/latent|empty|tovideo/i.test(node.classType) ||
    (hasSome(node, 'width') && hasSome(node, 'batch_size', 'length', 'num_frames', 'video_frames')));
const isAny = () => true;

const SEED: Setting = { name: 'seed', kind: 'seed', fields: /(^|_)seed$/i, isOn: isAny };

const SIZE = { kind: 'integer', isOn: isSized, minimum: 16, maximum: 16_384, step: 8 } as const;

/** In the order of forms and documents. */
const SETTINGS: readonly Setting[] = [
  { name: 'steps', kind: 'integer', fields: /^steps$/, isOn: isSampling, minimum: 1, maximum: 10_000 },
  { name: 'cfg', kind: 'number', fields: /^cfg$/, isOn: isSampling, minimum: 0, maximum: 100, step: 0.1 },
  {
    name: 'guidance',
    kind: 'number',
    fields: /^guidance$/,
    isOn: isAny,
    minimum: 0,
    maximum: 100,
    step: 0.1,
  },
  {
    name: 'denoise',
    kind: 'number',
    fields: /^denoise$/,
    isOn: isSampling,
    minimum: 0,
    maximum: 1,
    step: 0.01,
  },
  { name: 'width', fields: /^width$/, ...SIZE },
  { name: 'height', fields: /^height$/, ...SIZE },
  {
    name: 'length',
    kind: 'integer',
    fields: /^(length|num_frames|video_frames)$/,
    isOn: isSized,
    minimum: 1,
    maximum: 16_384,
  },
  { name: 'batch_size', kind: 'integer', fields: /^batch_size$/, isOn: isSized, minimum: 1, maximum: 4096 },
  { name: 'fps', kind: 'number', fields: /^(fps|frame_rate)$/, isOn: isAny, minimum: 0.01, maximum: 1000 },
];

/** All seeds, as one input. */
export function findSeeds(view: GraphView, needed: ReadonlySet<string>): readonly Target[] {
  return targetsOf(
    view,
    needed,
    SEED,
    (value) => isNumeral(value) || isRandomSeed(value) || isOpenNumber(value),
  );
}

/** The usual settings. Fields with the same value are one input: changing only one of them is rarely intended. */
export function findSettings(view: GraphView, needed: ReadonlySet<string>): readonly FoundSetting[] {
  return SETTINGS.flatMap((setting) => {
    const byValue = new Map<unknown, Target[]>();
    for (const target of targetsOf(
      view,
      needed,
      setting,
      (value) => isNumeral(value) || isOpenNumber(value),
    )) {
      const value = view.graph.get(target.node)?.inputs.get(target.field);
      const key = isNumeral(value) ? numberOf(value) : value;
      const same = byValue.get(key);
      if (same) same.push(target);
      else byValue.set(key, [target]);
    }
    return [...byValue.values()].map((targets) => ({ setting, targets }));
  });
}

function targetsOf(
  view: GraphView,
  needed: ReadonlySet<string>,
  setting: Setting,
  takes: (value: GraphValue) => boolean,
): readonly Target[] {
  const targets = new Map<string, Target>();
  const steps = new Map<string, Step>();
  for (const [id, node] of view.graph) {
    if (!needed.has(id) || !setting.isOn(node)) continue;
    for (const [field, value] of node.inputs) {
      if (!setting.fields.test(field)) continue;
      const link = linkOf(value);
      const target = link === undefined ? { node: id, field } : sourceOf(view, link, setting, steps);
      const own = target && view.graph.get(target.node)?.inputs.get(target.field);
      if (target && own !== undefined && takes(own))
        targets.set(JSON.stringify([target.node, target.field]), target);
    }
  }
  return [...targets.values()];
}

/** Fields of nodes that only hold a number. */
const SOURCE_FIELD = /^(value|int|integer|float|number|int_value|float_value|constant)$/i;
const MAX_STEPS = 20;

/** Where a node gets a setting from: its own field, or the link of that field or of a node that only passes a value on. */
interface Step {
  readonly field: string | undefined;
  readonly next: NodeLink | undefined;
}

/**
 * The field at the source of a linked setting: one with the same name, or of a node that only holds a number.
 * @param steps those that are known, by node
 */
function sourceOf(
  view: GraphView,
  link: NodeLink,
  setting: Setting,
  steps: Map<string, Step>,
): Target | undefined {
  let next: NodeLink | undefined = link;
  for (let count = 0; next !== undefined && count < MAX_STEPS; count += 1) {
    const [id]: NodeLink = next;
    const step: Step = steps.get(id) ?? stepAt(view.graph.get(id), setting);
    steps.set(id, step);
    next = step.next;
    if (next === undefined) return step.field === undefined ? undefined : { node: id, field: step.field };
  }
  return undefined;
}

function stepAt(node: GraphNode | undefined, setting: Setting): Step {
  if (node === undefined) return { field: undefined, next: undefined };
  const fields = [...node.inputs.keys()];
  const field =
    fields.find((one) => setting.fields.test(one)) ?? fields.find((one) => SOURCE_FIELD.test(one));
  const from = field ?? (/reroute/i.test(node.classType) ? fields[0] : undefined);
  return { field, next: from === undefined ? undefined : linkOf(node.inputs.get(from)) };
}

/** Whether the value is a number, or text that ComfyUI accepts as one. */
function isNumeral(value: GraphValue | undefined): boolean {
  return Number.isFinite(numberOf(value));
}

/** The number in a value or its text; NaN for anything else. */
export function numberOf(value: GraphValue | undefined): number {
  if (typeof value !== 'string') return numberIn(value) ?? Number.NaN;
  return /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : Number.NaN;
}
