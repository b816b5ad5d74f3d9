/** The nodes by which a picture gets into ComfyUI and out of it again, the same for every workflow. */
import { GraphImage, type GraphNode, type WorkflowInput } from './types.js';

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

/** Classes that every workflow needs beside its own. */
export function imageNodeClasses(input: ImageInput): readonly string[] {
  return [LOADERS[input], SAVER];
}

/** What `Workflow.build` gets for a picture. */
export function imageNodes(input: ImageInput, bytes: Buffer): WorkflowInput {
  const loadImage: GraphNode = { class_type: LOADERS[input], inputs: { image: new GraphImage(bytes) } };
  return { loadImage, saveImage: (images) => ({ class_type: SAVER, inputs: { images } }) };
}
