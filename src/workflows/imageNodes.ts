/** The nodes by which a picture gets into ComfyUI and out of it again, the same for every built-in workflow. */
import type { GraphFile, GraphNode, NodeLink } from './graph.js';

/** `upload`: as a file, by `POST /upload/image`; `base64`: inside the prompt. */
export type ImageInput = 'upload' | 'base64';

const LOADERS: Readonly<Record<ImageInput, string>> = {
  upload: 'LoadImage',
  base64: 'ETN_LoadImageBase64',
};

/**
 * Writes to the temp folder, which ComfyUI empties at every start, with the fastest compression. `SaveImage` fills the
 * output folder for good, and the GPU waits twice as long for it.
 */
const SAVER = 'PreviewImage';

/** What `Workflow.build` makes the nodes for a picture with. */
export interface ImageNodes {
  /** The node that loads the file; its slot 0 is the upright image. */
  loadImage(file: GraphFile): GraphNode;
  /** The node that saves `images`. It belongs under the id that the workflow's output names. */
  saveImage(images: NodeLink): GraphNode;
}

/** Classes that every built-in workflow needs beside its own. */
export function imageNodeClasses(input: ImageInput): readonly string[] {
  return [LOADERS[input], SAVER];
}

/** The nodes for a server that hands pictures over in this way. */
export function imageNodes(input: ImageInput): ImageNodes {
  return {
    loadImage: (file) => ({ classType: LOADERS[input], inputs: new Map([['image', file]]) }),
    saveImage: (images) => ({ classType: SAVER, inputs: new Map([['images', images]]) }),
  };
}
