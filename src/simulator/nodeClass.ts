import type { FileKind, Folders } from './folders.js';
import type { Raster } from './images.js';
import type { TextChunk } from './pngText.js';
import type { Graph } from './prompt.js';
import { plainText, toFloat, toInt } from './pythonNumbers.js';
import type { Message } from './sockets.js';

/** What a node can use during its run. */
export interface NodeContext {
  /** The node's own id. */
  readonly id: string;
  readonly folders: Folders;
  /** Prefix of this node object's files in the temp folder. */
  readonly tempPrefix: string;
  /** Text that is written into every PNG. */
  readonly textChunks: readonly TextChunk[];
  /** Reports a step of the running node and waits for its share of the node's time. Throws when interrupted. */
  step(value: number, max: number): Promise<void>;
  /** Waits for a fixed time. Throws when the machine dies. */
  work(ms: number): Promise<void>;
  /**
   * Extends the time of decoding or writing an image to that of ComfyUI, if switched on.
   * @param since start time, from `performance.now()`
   */
  charge(kind: keyof typeof PNG_COST_MS, pixels: () => Promise<number>, since: number): Promise<void>;
  /** Sends an image over the prompt's socket. `isDirect` is for nodes without progress messages. */
  preview(image: Buffer, format: 'JPEG' | 'PNG', isDirect?: boolean): void;
  /** Sends a message or a binary frame of the node's own to its prompt's client, or to all clients. */
  tell(what: Message | Buffer, toAll?: boolean): void;
}

/** Milliseconds per megapixel in ComfyUI, measured: PNG with zlib level 1 (preview) and 4 (save). */
export const PNG_COST_MS = { decode: 25, preview: 62, save: 155 } as const;

export type Inputs = Readonly<Record<string, unknown>>;

/** The result of a node. */
export interface NodeOutput {
  /** Values by output slot. With `expand`, links to the nodes that provide the values. */
  readonly values: readonly unknown[];
  /** The output of an output node, for the `executed` message. */
  readonly ui?: unknown;
  /** Nodes that replace this one; links between them use the ids of this graph. */
  readonly expand?: Graph;
}

/**
 * An input as `/object_info` describes it: its type or list of choices, then range, default, choices (of a `COMBO`) and tooltip.
 */
export type InputSpec = readonly [
  type: string | readonly string[],
  options?: Readonly<Record<string, unknown>>,
];

export type InputSpecs = Readonly<Record<string, InputSpec>>;

/** A node class: its description for `/object_info`, the checks of its inputs, and its function. */
export interface NodeClass {
  readonly required: InputSpecs;
  readonly optional?: InputSpecs;
  /** Inputs that ComfyUI itself provides, by their kind. */
  readonly hidden?: Readonly<Record<string, string>>;
  readonly output: readonly string[];
  /** Names of the outputs; the default is their types. */
  readonly outputNames?: readonly string[];
  readonly outputNode?: boolean;
  readonly category: string;
  readonly displayName?: string;
  readonly description?: string;
  /**
   * The input that names an uploaded file. Its choices are the files in the folder. Submission checks that the file exists, and
   * its content is part of the cache signature; if it is plain, submission accepts only its choices, and only the name counts.
   */
  readonly file?: { readonly input: string; readonly kind: FileKind; readonly isPlain?: boolean };
  /** Runs for each prompt, whatever the cache has of it. */
  readonly neverCached?: boolean;
  run(inputs: Inputs, context: NodeContext): Promise<NodeOutput>;
}

/** All inputs that a class declares. */
export function declaredInputs({ required, optional }: NodeClass): InputSpecs {
  return optional ? { ...required, ...optional } : required;
}

export const textInput = (inputs: Inputs, name: string) => plainText(inputs[name]);

/** A number, which was validated before the run; `otherwise` if an optional input is missing. */
export const numberInput = (inputs: Inputs, name: string, otherwise = 0) =>
  toFloat(inputs[name]) ?? otherwise;

/** An integer with all digits, as text. */
export const wholeInput = (inputs: Inputs, name: string) => String(toInt(inputs[name]) ?? 0n);

/** Like Python's `bool()`: any text is true. */
export const flagInput = (inputs: Inputs, name: string) => Boolean(inputs[name]);

/** The images of an input. The type was validated before the run. */
export const batchInput = (inputs: Inputs, name: string) => inputs[name] as readonly Raster[];

/** Returns a node result with `change` applied to each image of a batch. */
export function eachImage(
  inputs: Inputs,
  name: string,
  change: (image: Raster) => Raster | Promise<Raster>,
): Promise<Raster[]> {
  return Promise.all(batchInput(inputs, name).map(change));
}
