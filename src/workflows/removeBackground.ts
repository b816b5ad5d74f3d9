import { z } from 'zod';
import { graphOf } from './graph.js';
import { imageOf } from './graphs.js';
import { booleanParameter } from './parameters.js';
import { defineWorkflow, IMAGE_FILE } from './types.js';

/** Removes the background with InspyrenetRembg. */
export const removeBackground = defineWorkflow({
  type: 'remove-background',
  title: 'Remove background',
  description: 'Removes the background: everything except the subject becomes transparent.',
  estimateSeconds: 8,
  files: [IMAGE_FILE],
  parameters: z.object({ crop: booleanParameter.describe('Crop the result to the subject.') }),
  requires: { nodes: ['InspyrenetRembg'], models: [] },
  outputs: [{ name: 'image', nodeId: '3' }],
  isBuiltIn: true,
  build: (files, _parameters, { loadImage, saveImage }) =>
    graphOf({
      '1': loadImage(imageOf(files)),
      '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
      '3': saveImage(['2', 0]),
    }),
  outputSize: (sizes) => sizes.get(IMAGE_FILE.name),
  finish: ({ crop }) => ({ cropToSubject: crop }),
});
