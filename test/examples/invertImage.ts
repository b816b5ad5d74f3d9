import { z } from 'zod';
import { graphOf } from '../../src/workflows/graph.js';
import { imageOf } from '../../src/workflows/graphs.js';
import { defineWorkflow, IMAGE_FILE } from '../../src/workflows/types.js';

/** Inverts an image. */
export const invertImage = defineWorkflow({
  type: 'invert-image',
  title: 'Invert',
  description: 'Turns the image into its negative.',
  estimateSeconds: 2,
  files: [IMAGE_FILE],
  parameters: z.object({}),
  requires: { nodes: ['ImageInvert'], models: [] },
  outputs: [{ name: 'image', nodeId: '3' }],
  isBuiltIn: true,
  build: (files, _parameters, { loadImage, saveImage }) =>
    graphOf({
      '1': loadImage(imageOf(files)),
      '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
      '3': saveImage(['2', 0]),
    }),
  outputSize: (sizes) => sizes.get(IMAGE_FILE.name),
});
