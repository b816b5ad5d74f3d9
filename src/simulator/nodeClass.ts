import type { Folders } from './folders.js';
import type { Raster } from './images.js';
import type { TextChunk } from './pngText.js';
import type { Graph } from './prompt.js';

/** What a node does its work with. */
export interface NodeContext {
  readonly folders: Folders;
  /** Prefix of the files that this node object writes into the temp folder. */
  readonly tempPrefix: string;
  /** What is written into every PNG. */
  readonly textChunks: readonly TextChunk[];
  /** Reports a step of the running node and takes its share of the node's time; throws when interrupted. */
  step(value: number, max: number): Promise<void>;
  /** Takes a set time; throws when the machine dies. */
  work(ms: number): Promise<void>;
  /**
   * Lets decoding or writing an image take as long as in ComfyUI, if that is switched on.
   * @param since when it began, by `performance.now()`
   */
  charge(kind: keyof typeof PNG_COST_MS, pixels: () => Promise<number>, since: number): Promise<void>;
  /** Sends an image over the prompt's own socket; `isDirect` is for nodes that know nothing of progress. */
  preview(image: Buffer, format: 'JPEG' | 'PNG', isDirect?: boolean): void;
}

/** Milliseconds per megapixel in ComfyUI, measured: PNG at zlib level 1 (preview) and 4 (save). */
export const PNG_COST_MS = { decode: 25, preview: 62, save: 155 } as const;

export type Inputs = Readonly<Record<string, unknown>>;

/** What a node makes of its inputs. */
export interface NodeOutput {
  /** Values by output slot. With `expand`, links to the nodes that give them. */
  readonly values: readonly unknown[];
  /** What `executed` tells of an output node. */
  readonly ui?: unknown;
  /** Nodes that run in place of this one; links among them go by the ids that they have here. */
  readonly expand?: Graph;
}

/** A node class: how `/object_info` describes it, and what it makes of its inputs. */
export interface NodeClass {
  readonly required: Readonly<Record<string, readonly unknown[]>>;
  readonly output: readonly string[];
  readonly outputNode?: boolean;
  readonly category: string;
  readonly displayName?: string;
  /** Its own check of one input at submission, in place of ComfyUI's; says what is wrong with it. */
  readonly checks?: { readonly input: string; check(value: unknown, folders: Folders): string | undefined };
  /** What its result depends on beside its inputs; part of the cache signature. NaN when it cannot be told. */
  changed?(inputs: Inputs, folders: Folders): string | number;
  run(inputs: Inputs, context: NodeContext): Promise<NodeOutput>;
}

export const textInput = (inputs: Inputs, name: string) => String(inputs[name]);

/** The images of an input; the links were validated before the run, so it is a batch. */
export const batchInput = (inputs: Inputs, name: string) => inputs[name] as readonly Raster[];

/** A node that does the same to each image of a batch. */
export function eachImage(
  inputs: Inputs,
  name: string,
  change: (image: Raster) => Raster | Promise<Raster>,
): Promise<Raster[]> {
  return Promise.all(batchInput(inputs, name).map(change));
}
