import { z } from 'zod';
import { imageOf, scaled, UPSCALE_MODEL_REQUIREMENT, UPSCALE_NODES, upscaleNodes } from './graphs.js';
import { scaleParameter } from './parameters.js';
import { defineWorkflow, IMAGE_FILE } from './types.js';

/** Upscales an image up to four times with NMKD-Siax. */
export const upscaleImage = defineWorkflow({
  type: 'upscale-image',
  title: 'Upscale',
  description: 'Enlarges up to four times with NMKD-Siax.',
  estimateSeconds: 15,
  files: [IMAGE_FILE],
  parameters: z.object({ scale: scaleParameter.describe('Scale factor, 1 to 4.') }),
  requires: { nodes: UPSCALE_NODES, models: [UPSCALE_MODEL_REQUIREMENT] },
  outputs: [{ name: 'image', nodeId: 'save' }],
  isBuiltIn: true,
  build: (files, { scale }, { loadImage, saveImage }) => {
    const { nodes, last } = upscaleNodes(loadImage(imageOf(files)), scale);
    return new Map([...nodes, ['save', saveImage([last, 0])]]);
  },
  outputSize: (sizes, { scale }) => scaled(sizes, scale),
  resultFields: ({ scale }) => ({ upscale_factor: `${scale}x` }),
});
