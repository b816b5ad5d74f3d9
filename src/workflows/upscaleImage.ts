import { z } from 'zod';
import { scaled, UPSCALE_MODEL_REQUIREMENT, UPSCALE_NODES, upscaleNodes } from './graphs.js';
import { scaleParameter } from './parameters.js';
import { defineWorkflow } from './types.js';

/** Enlarges an image up to four times with NMKD-Siax. */
export const upscaleImage = defineWorkflow({
  type: 'upscale-image',
  title: 'Upscale',
  description: 'Enlarges the image up to four times with NMKD-Siax.',
  estimateSeconds: 15,
  parameters: z.object({ scale: scaleParameter.describe('How many times larger, 1 to 4.') }),
  requires: { nodes: UPSCALE_NODES, models: [UPSCALE_MODEL_REQUIREMENT] },
  outputNode: 'save',
  build: ({ loadImage, saveImage }, { scale }) => {
    const { nodes, last } = upscaleNodes(loadImage, scale);
    return { ...nodes, save: saveImage([last, 0]) };
  },
  outputSize: (size, { scale }) => scaled(size, scale),
  resultFields: ({ scale }) => ({ upscale_factor: `${scale}x` }),
});
