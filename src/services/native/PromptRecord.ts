import { isJsonObject, type Json } from '../../utils/losslessJson.js';

/** A prompt as its client sent it, with the ids in the response. */
export interface PromptRecord {
  readonly id: string;
  readonly jobId: string;
  /** Client id of the socket that gets its messages. */
  readonly clientId: string | undefined;
  /** Name of the API key; `undefined` without keys. */
  readonly owner: string | undefined;
  readonly number: number;
  readonly graph: Json;
  readonly extraData: Json;
  /** The output nodes that run. */
  readonly outputNodes: readonly string[];
  /** Id of the workflow on ComfyUI's page, if it was submitted there. */
  readonly workflowId: Json | undefined;
  /** Epoch ms: a whole number, as in ComfyUI, because typed clients may refuse any other. */
  readonly createTime: number;
}

/** Returns the id of the workflow in `extra_data`. */
export function workflowIdOf(extraData: ReadonlyMap<string, Json>): Json | undefined {
  const info = extraData.get('extra_pnginfo');
  const workflow = isJsonObject(info) ? info.get('workflow') : undefined;
  return isJsonObject(workflow) ? workflow.get('id') : undefined;
}
