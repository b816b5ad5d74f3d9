import { z } from 'zod';
import { defineWorkflow } from '../../src/workflows/types.js';

/** Turns an image into its negative. */
export const invertImage = defineWorkflow({
  type: 'invert-image',
  title: 'Invert',
  description: 'Turns the image into its negative.',
  estimateSeconds: 2,
  parameters: z.object({}),
  requires: { nodes: ['ETN_LoadImageBase64', 'ImageInvert', 'SaveImage'], models: [] },
  outputNode: '3',
  build: ({ image, outputPrefix }) => ({
    '1': { class_type: 'ETN_LoadImageBase64', inputs: { image } },
    '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: outputPrefix } },
  }),
  outputSize: (size) => size,
});
