/** Parts of graphs that several workflows share. */
import { type GraphFile, type GraphNode, graphOf, type PromptGraph } from './graph.js';
import { IMAGE_FILE, type ModelRequirement, type Size } from './types.js';

/** The upscale model and its native factor. */
const UPSCALE_MODEL = '4x_NMKD-Siax_200k.pth';
const MODEL_FACTOR = 4;

export const UPSCALE_MODEL_REQUIREMENT: ModelRequirement = {
  node: 'UpscaleModelLoader',
  input: 'model_name',
  model: UPSCALE_MODEL,
};

export const UPSCALE_NODES = ['UpscaleModelLoader', 'ImageUpscaleWithModel', 'ImageScaleBy'] as const;

/**
 * Loads the image (node 1), upscales it with the model (nodes 2 and 3), and scales it down to `scale` if that is not
 * the native factor (node 4).
 * @returns the nodes, and the id of the last one
 */
export function upscaleNodes(loadImage: GraphNode, scale: number): { nodes: PromptGraph; last: string } {
  const nodes = graphOf({
    '1': loadImage,
    '2': { class_type: 'UpscaleModelLoader', inputs: { model_name: UPSCALE_MODEL } },
    '3': { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['2', 0], image: ['1', 0] } },
  });
  if (scale === MODEL_FACTOR) return { nodes, last: '3' };
  const resize = graphOf({
    '4': {
      class_type: 'ImageScaleBy',
      inputs: { image: ['3', 0], upscale_method: 'lanczos', scale_by: scale / MODEL_FACTOR },
    },
  });
  return { nodes: new Map([...nodes, ...resize]), last: '4' };
}

/** Size of the image multiplied by `scale`. */
export function scaled(sizes: ReadonlyMap<string, Size>, scale: number): Size | undefined {
  const size = sizes.get(IMAGE_FILE.name);
  return size && { width: Math.round(size.width * scale), height: Math.round(size.height * scale) };
}

/** The client's image. @throws Error if there is none, which submissions prevent */
export function imageOf(files: ReadonlyMap<string, GraphFile>): GraphFile {
  const file = files.get(IMAGE_FILE.name);
  if (!file) throw new Error('The workflow got no image.');
  return file;
}
