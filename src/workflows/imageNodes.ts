/** The nodes by which an image gets into ComfyUI and out of it, common to all built-in workflows. */
import type { GraphFile, GraphNode, NodeLink } from './graph.js';

/** `upload`: as a file, with `POST /upload/image`; `base64`: inside the prompt. */
export type ImageInput = 'upload' | 'base64';

const LOADERS: Readonly<Record<ImageInput, string>> = {
  upload: 'LoadImage',
  base64: 'ETN_LoadImageBase64',
};

/**
 * Writes to the temp folder, which ComfyUI empties at each start, with the fastest compression. `SaveImage` fills the
 * output folder permanently, and takes the GPU twice as long.
 */
const SAVER = 'PreviewImage';

/** Creates the nodes for an image in `Workflow.build`. */
export interface ImageNodes {
  /** The node that loads the file; its slot 0 is the upright image. */
  loadImage(file: GraphFile): GraphNode;
  /** The node that saves `images`. Use it under the node id of the workflow's output. */
  saveImage(images: NodeLink): GraphNode;
}

/** Classes that every built-in workflow needs besides its own. */
export function imageNodeClasses(input: ImageInput): readonly string[] {
  return [LOADERS[input], SAVER];
}

/** The nodes for this kind of image transfer. */
export function imageNodes(input: ImageInput): ImageNodes {
  return {
    loadImage: (file) => ({ classType: LOADERS[input], inputs: new Map([['image', file]]) }),
    saveImage: (images) => ({ classType: SAVER, inputs: new Map([['images', images]]) }),
  };
}
