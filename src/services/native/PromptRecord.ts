import type { Json } from '../../utils/losslessJson.js';

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
  /** Epoch ms. */
  readonly createdTime: number;
}
