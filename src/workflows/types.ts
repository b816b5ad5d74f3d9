import type { z } from 'zod';

/** A picture in a prompt: kept as bytes. When the prompt is sent, it becomes the name of an uploaded file or base64. */
export class GraphImage {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/** A link to output `slot` of node `id`. */
type NodeLink = readonly [id: string, slot: number];

export interface GraphNode {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, string | number | boolean | NodeLink | GraphImage>>;
}

/** A ComfyUI prompt in its API form: nodes by id. */
export type PromptGraph = Readonly<Record<string, GraphNode>>;

/** What `build` gets to make a prompt of. */
export interface WorkflowInput {
  /** The node that loads the upload; its slot 0 is the upright image. */
  readonly loadImage: GraphNode;
  /** Makes the node that saves `images`. It belongs under the id that `outputNode` names. */
  saveImage(images: NodeLink): GraphNode;
}

export type FileKind = 'image' | 'mask' | 'video' | 'audio' | 'file';

/** A file that a workflow takes from its client. */
export interface FileInput {
  /** Name of its form field, and of its entry in JSON. */
  readonly name: string;
  readonly kind: FileKind;
  readonly required: boolean;
  readonly title?: string;
  readonly description?: string;
}

/** Pixels of an image. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What is done to the PNG that ComfyUI returned, before it is encoded in the format that was asked for. */
interface FinishPlan {
  /** Cut the image down to what is not transparent. */
  readonly cropToSubject?: boolean;
}

/**
 * A workflow: one file in `src/workflows`, one line in its registry. Routes, job type, documents and the check of
 * what an instance has all come from it.
 */
export interface Workflow<Schema extends z.ZodObject = z.ZodObject> {
  /** Job type and last part of its routes, such as `remove-background`. */
  readonly type: string;
  /** A few words for people. */
  readonly title: string;
  readonly description: string;
  /** Declared duration of a typical job, used until enough were measured. */
  readonly estimateSeconds: number;
  /** Files that it takes; one image when it is left out. */
  readonly files?: readonly FileInput[];
  /** Its own parameters, from form fields and query (strings); `format` is known to every workflow. */
  readonly parameters: Schema;
  /** The prompt's graph. Pure: no I/O, no time. */
  build(input: WorkflowInput, parameters: z.output<Schema>): PromptGraph;
  /** Id of the node whose image is the result. */
  readonly outputNode: string;
  /** Size of the result for an upload of `size`, for the limit on output pixels. */
  outputSize(size: Size, parameters: z.output<Schema>): Size;
  finish?(parameters: z.output<Schema>): FinishPlan;
  /** Further fields of the result in an answer, such as `upscale_factor`. */
  resultFields?(parameters: z.output<Schema>): Readonly<Record<string, string>>;
  /**
   * What an instance must have: node classes, and choices (such as model files) of a node's input. The nodes that load
   * and save an image are not listed: every workflow needs them.
   */
  readonly requires: {
    readonly nodes: readonly string[];
    readonly models: readonly ModelRequirement[];
  };
}

export interface ModelRequirement {
  /** Class and input that load the model. */
  readonly node: string;
  readonly input: string;
  /** File name that must be among the input's choices. */
  readonly model: string;
}

/** Types a workflow by its own parameters, and hands it on for a registry of workflows of any parameters. */
export function defineWorkflow<Schema extends z.ZodObject>(workflow: Workflow<Schema>): Workflow {
  return workflow as unknown as Workflow;
}
