import type { z } from 'zod';
import type { PackedEntries } from '../utils/PackedJson.js';
import type { GraphFile, PromptGraph } from './graph.js';
import type { ImageNodes } from './imageNodes.js';

/** The kinds of client files. A mask is an image that marks where something is done. */
export type FileKind = 'image' | 'mask' | 'video' | 'audio' | 'file';

/** A file that a workflow takes from its client. */
export interface FileInput {
  /** Name of its form field, and of its JSON entry, such as `image`. */
  readonly name: string;
  readonly kind: FileKind;
  readonly required: boolean;
  /** Title for users. */
  readonly title?: string;
  readonly description?: string;
  /** The inputs of nodes that take it, if the client knows it only by them: in a graph of its own. */
  readonly places?: ReadonlyArray<{ readonly node: string; readonly field: string }>;
}

/** A node whose files or texts are results. */
export interface WorkflowOutput {
  readonly name: string;
  readonly nodeId: string;
}

/** The one file that the workflows of this folder take. */
export const IMAGE_FILE: FileInput = { name: 'image', kind: 'image', required: true };

/** Pixels of an image. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How the images from ComfyUI are processed before they are encoded in the requested format. */
interface FinishPlan {
  /** Crop each image to its non-transparent part. */
  readonly cropToSubject?: boolean;
}

/**
 * A workflow: a file in `src/workflows` with a line in its registry, or a graph that a user exported. Paths, job
 * type, documents and the check of instances are derived from it.
 */
export interface Workflow<Schema extends z.ZodObject = z.ZodObject> {
  /** Job type and last part of its paths, such as `remove-background`. */
  readonly type: string;
  /** Title for users. */
  readonly title: string;
  readonly description: string;
  /** Declared duration of a typical job, used until there are enough measurements. */
  readonly estimateSeconds: number;
  /** Its files, in the order of forms and documents. */
  readonly files: readonly FileInput[];
  /** Its own parameters, from form fields, the query (strings) and JSON; `format` is common to all workflows. */
  readonly parameters: Schema;
  /** The nodes whose files and texts are the results, at least one. The first one is the primary output. */
  readonly outputs: readonly WorkflowOutput[];
  /**
   * A TypeScript workflow that makes one image from one image. The result is encoded as PNG if no other format is
   * requested, and gets the transparency of the upload.
   */
  readonly isBuiltIn: boolean;
  /**
   * The prompt's graph. Pure: no I/O, no time.
   * @param files one for each file that the client sent, by name
   * @param nodes how an image gets into ComfyUI and out of it on this server
   */
  build(files: ReadonlyMap<string, GraphFile>, parameters: z.output<Schema>, nodes: ImageNodes): PromptGraph;
  /**
   * Size of the result for images of these sizes (by name), for the limit on output pixels.
   * @returns undefined if it is not known in advance
   */
  outputSize?(sizes: ReadonlyMap<string, Size>, parameters: z.output<Schema>): Size | undefined;
  finish?(parameters: z.output<Schema>): FinishPlan;
  /** Further fields of the result in a response, such as `upscale_factor`. */
  resultFields?(parameters: z.output<Schema>): Readonly<Record<string, string>>;
  /**
   * What an instance needs: node classes, and choices (such as model files) of a node's input. The nodes that load
   * and save the image of a built-in workflow are not listed, because all of those need them.
   */
  readonly requires: {
    readonly nodes: readonly string[];
    readonly models: readonly ModelRequirement[];
    /** Labels that the instance must have, such as a kind of GPU. */
    readonly labels?: readonly string[];
  };
  /** What an instance needs for these parameters; undefined if that is what `requires` says. */
  requiresWith?(parameters: Readonly<Record<string, unknown>>): Workflow['requires'] | undefined;
  /** Sent to ComfyUI with the prompt, as `extra_data`. */
  readonly extraData?: PackedEntries | undefined;
}

export interface ModelRequirement {
  /** Class and input that load the model. */
  readonly node: string;
  readonly input: string;
  /** File name that must be among the input's choices. */
  readonly model: string;
}

/** Types a workflow by its own parameters, and returns it as a workflow of any parameters for the registry. */
export function defineWorkflow<Schema extends z.ZodObject>(workflow: Workflow<Schema>): Workflow {
  return workflow as unknown as Workflow;
}
