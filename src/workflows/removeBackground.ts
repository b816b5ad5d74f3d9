import { z } from 'zod';
import { booleanParameter } from './parameters.js';
import { defineWorkflow } from './types.js';

/** Cuts the subject out of its background with InspyrenetRembg. */
export const removeBackground = defineWorkflow({
  type: 'remove-background',
  title: 'Remove background',
  description: 'Cuts the subject out: everything else becomes transparent.',
  estimateSeconds: 8,
  parameters: z.object({ crop: booleanParameter.describe('Crop the result to the subject.') }),
  requires: { nodes: ['InspyrenetRembg'], models: [] },
  outputNode: '3',
  build: ({ loadImage, saveImage }) => ({
    '1': loadImage,
    '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
    '3': saveImage(['2', 0]),
  }),
  outputSize: (size) => size,
  finish: ({ crop }) => ({ cropToSubject: crop }),
});
