import type { Json } from '../../utils/losslessJson.js';

/** A prompt as its client sent it, and what it was answered. */
export interface PromptRecord {
  readonly id: string;
  readonly jobId: string;
  /** Of the socket that hears of it. */
  readonly clientId: string | undefined;
  /** Name of the key that it came with, where there are keys. */
  readonly owner: string | undefined;
  readonly number: number;
  readonly graph: Json;
  readonly extraData: Json;
  /** The output nodes that run. */
  readonly outputNodes: readonly string[];
  /** Epoch ms. */
  readonly createdTime: number;
}
