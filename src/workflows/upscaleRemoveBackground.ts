import { z } from 'zod';
import { scaled, UPSCALE_MODEL_REQUIREMENT, UPSCALE_NODES, upscaleNodes } from './graphs.js';
import { scaleParameter } from './parameters.js';
import { defineWorkflow } from './types.js';

/** Enlarges an image, then cuts its subject out. */
export const upscaleRemoveBackground = defineWorkflow({
  type: 'upscale-remove-bg',
  title: 'Upscale and remove background',
  description: 'Enlarges the image up to four times, then cuts the subject out.',
  estimateSeconds: 25,
  parameters: z.object({ scale: scaleParameter.describe('How many times larger, 1 to 4.') }),
  requires: { nodes: [...UPSCALE_NODES, 'InspyrenetRembg'], models: [UPSCALE_MODEL_REQUIREMENT] },
  outputNode: 'save',
  build: ({ loadImage, saveImage }, { scale }) => {
    const { nodes, last } = upscaleNodes(loadImage, scale);
    return {
      ...nodes,
      cut: { class_type: 'InspyrenetRembg', inputs: { image: [last, 0], torchscript_jit: 'default' } },
      save: saveImage(['cut', 0]),
    };
  },
  outputSize: (size, { scale }) => scaled(size, scale),
  resultFields: ({ scale }) => ({ upscale_factor: `${scale}x` }),
});
