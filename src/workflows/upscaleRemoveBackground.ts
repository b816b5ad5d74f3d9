import { z } from 'zod';
import { graphOf } from './graph.js';
import { imageOf, scaled, UPSCALE_MODEL_REQUIREMENT, UPSCALE_NODES, upscaleNodes } from './graphs.js';
import { scaleParameter } from './parameters.js';
import { defineWorkflow, IMAGE_FILE } from './types.js';

/** Upscales an image, then removes its background. */
export const upscaleRemoveBackground = defineWorkflow({
  type: 'upscale-remove-bg',
  title: 'Upscale and remove background',
  description: 'Enlarges up to four times, then removes the background.',
  estimateSeconds: 25,
  files: [IMAGE_FILE],
  parameters: z.object({ scale: scaleParameter.describe('Scale factor, 1 to 4.') }),
  requires: { nodes: [...UPSCALE_NODES, 'InspyrenetRembg'], models: [UPSCALE_MODEL_REQUIREMENT] },
  outputs: [{ name: 'image', nodeId: 'save' }],
  isBuiltIn: true,
  build: (files, { scale }, { loadImage, saveImage }) => {
    const { nodes, last } = upscaleNodes(loadImage(imageOf(files)), scale);
    const cutOut = graphOf({
      cut: { class_type: 'InspyrenetRembg', inputs: { image: [last, 0], torchscript_jit: 'default' } },
      save: saveImage(['cut', 0]),
    });
    return new Map([...nodes, ...cutOut]);
  },
  outputSize: (sizes, { scale }) => scaled(sizes, scale),
  resultFields: ({ scale }) => ({ upscale_factor: `${scale}x` }),
});
