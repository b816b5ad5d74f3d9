import { jsonMemory } from '../../utils/jsonMemory.js';
import { isJsonObject, type Json } from '../../utils/losslessJson.js';
import { type PackedEntries, PackedJson, sizeOfEntries } from '../../utils/PackedJson.js';

/** What a client sent, packed: it may be large, and is only shown. */
export interface SentPrompt {
  readonly graph: PackedJson;
  /** Without secrets. */
  readonly extraData: PackedEntries;
  /** The output nodes that run. */
  readonly outputNodes: readonly string[];
  /** Id of the workflow on ComfyUI's page, if it was submitted there. */
  readonly workflowId: Json | undefined;
}

/** Left of a prompt that is not shown any more. */
export const NOTHING_SENT: SentPrompt = {
  graph: new PackedJson(new Map()),
  extraData: new Map(),
  outputNodes: [],
  workflowId: undefined,
};

/** Bytes in memory. */
export function sizeOfSent({ graph, extraData, workflowId }: SentPrompt): number {
  return graph.size + sizeOfEntries(extraData) + (workflowId === undefined ? 0 : jsonMemory(workflowId));
}

/** Returns the id of the workflow in `extra_data`. */
export function workflowIdOf(extraData: ReadonlyMap<string, Json>): Json | undefined {
  const info = extraData.get('extra_pnginfo');
  const workflow = isJsonObject(info) ? info.get('workflow') : undefined;
  return isJsonObject(workflow) ? workflow.get('id') : undefined;
}
