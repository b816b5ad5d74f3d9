import type { FileKind, Folders } from './folders.js';
import type { Raster } from './images.js';
import type { TextChunk } from './pngText.js';
import type { Graph } from './prompt.js';
import { plainText, toFloat, toInt } from './pythonNumbers.js';

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

/**
 * An input as `/object_info` describes it: its type or list of choices, then its range, default, choices (of a
 * `COMBO`) and tooltip.
 */
export type InputSpec = readonly [
  type: string | readonly string[],
  options?: Readonly<Record<string, unknown>>,
];

export type InputSpecs = Readonly<Record<string, InputSpec>>;

/** A node class: how `/object_info` describes it, what its inputs are checked for, and what it makes of them. */
export interface NodeClass {
  readonly required: InputSpecs;
  readonly optional?: InputSpecs;
  /** Inputs that ComfyUI itself gives, by their kind. */
  readonly hidden?: Readonly<Record<string, string>>;
  readonly output: readonly string[];
  /** Names of the outputs; their types where they are left out. */
  readonly outputNames?: readonly string[];
  readonly outputNode?: boolean;
  readonly category: string;
  readonly displayName?: string;
  readonly description?: string;
  /**
   * The input that names a file which somebody has uploaded. The files there are its choices; that the one that is
   * named is there is checked at submission, and what it holds is part of the cache signature.
   */
  readonly file?: { readonly input: string; readonly kind: FileKind };
  /** Runs for each prompt, whatever the cache has of it. */
  readonly neverCached?: boolean;
  run(inputs: Inputs, context: NodeContext): Promise<NodeOutput>;
}

/** Every input that a class declares. */
export function declaredInputs({ required, optional }: NodeClass): InputSpecs {
  return optional ? { ...required, ...optional } : required;
}

export const textInput = (inputs: Inputs, name: string) => plainText(inputs[name]);

/** A number, which was checked before the run; `otherwise` for an optional input that is left out. */
export const numberInput = (inputs: Inputs, name: string, otherwise = 0) =>
  toFloat(inputs[name]) ?? otherwise;

/** A whole number with every digit, as text. */
export const wholeInput = (inputs: Inputs, name: string) => String(toInt(inputs[name]) ?? 0n);

/** As Python's `bool()`: a text is true, whatever it says. */
export const flagInput = (inputs: Inputs, name: string) => Boolean(inputs[name]);

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
