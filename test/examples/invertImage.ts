import { z } from 'zod';
import { defineWorkflow } from '../../src/workflows/types.js';

/** Turns an image into its negative. */
export const invertImage = defineWorkflow({
  type: 'invert-image',
  title: 'Invert',
  description: 'Turns the image into its negative.',
  estimateSeconds: 2,
  parameters: z.object({}),
  requires: { nodes: ['ImageInvert'], models: [] },
  outputNode: '3',
  build: ({ loadImage, saveImage }) => ({
    '1': loadImage,
    '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
    '3': saveImage(['2', 0]),
  }),
  outputSize: (size) => size,
});
