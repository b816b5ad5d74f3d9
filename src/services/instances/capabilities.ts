import pLimit from 'p-limit';
import { choicesOf } from '../../workflows/files/nodeInfo.js';
import type { Workflow } from '../../workflows/types.js';
import type { ComfyClient } from '../comfyui/ComfyClient.js';
import type { NodeInfo } from '../comfyui/protocol.js';

/** Concurrent requests for node classes to one instance: graphs have dozens of classes. */
const MAX_REQUESTS = 4;

/**
 * Asks an instance which nodes and models of the workflows it has.
 * @param sharedClasses node classes that every built-in workflow needs
 * @param labels of the instance
 * @returns what is missing by workflow type, a model as `UpscaleModelLoader: file.pth`, a label as `label a100`;
 * complete workflows are left out. Also the node info of the classes that it has.
 */
export async function findMissing(
  client: ComfyClient,
  workflows: readonly Workflow[],
  sharedClasses: readonly string[],
  labels: readonly string[],
  signal?: AbortSignal,
): Promise<{ missing: Map<string, string[]>; infos: ReadonlyMap<string, NodeInfo> }> {
  const classes = new Set([
    ...sharedClasses,
    ...workflows.flatMap(({ requires }) => [
      ...requires.nodes,
      ...requires.models.map((model) => model.node),
    ]),
  ]);
  const infos = new Map<string, NodeInfo | undefined>();
  const few = pLimit(MAX_REQUESTS);
  await Promise.all(
    [...classes].map((name) => few(async () => infos.set(name, await client.nodeInfo(name, signal)))),
  );
  const missing = workflows.map(({ type, requires, isBuiltIn }) => {
    const names = missingOf(requires, isBuiltIn ? sharedClasses : [], infos);
    const all = [...names, ...missingLabels(requires.labels, labels)];
    return [type, all] as const;
  });
  const known = [...infos].flatMap(([name, info]): [string, NodeInfo][] => (info ? [[name, info]] : []));
  return { missing: new Map(missing.filter(([, names]) => names.length > 0)), infos: new Map(known) };
}

/** Returns the missing classes and models, a model as `UpscaleModelLoader: file.pth`. */
export function missingOf(
  requires: Workflow['requires'],
  sharedClasses: readonly string[],
  infos: ReadonlyMap<string, NodeInfo | undefined>,
): string[] {
  const nodes = [...sharedClasses, ...requires.nodes].filter((name) => !infos.get(name));
  const models = requires.models.filter(({ node, input, model }) => {
    const info = infos.get(node);
    // An input without a list of choices takes any name: only the run can tell.
    return info !== undefined && choicesOf(info, input)?.includes(model) === false;
  });
  return [...nodes, ...models.map(modelName)];
}

/** Returns the missing labels as `label a100`. */
export function missingLabels(required: Workflow['requires']['labels'], own: readonly string[]): string[] {
  return (required ?? []).filter((label) => !own.includes(label)).map((label) => `label ${label}`);
}

/** The name of a model in the lists of what is missing. */
export function modelName({ node, model }: Workflow['requires']['models'][number]): string {
  return `${node}: ${model}`;
}
