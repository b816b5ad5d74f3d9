import type { NodeClass } from './nodeClass.js';
import { toFloat } from './pythonNumbers.js';

/** A class as packs have it: it declares `float('inf')` and NaN, which Python writes as they are, and reports any float. */
export const showFloat: NodeClass = {
  required: {
    value: [
      'FLOAT',
      { default: Number.NaN, min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY, step: 0.1 },
    ],
  },
  output: ['FLOAT'],
  outputNode: true,
  category: 'utils',
  run: async ({ value }) => {
    const number = toFloat(value);
    return { values: [number], ui: { value: [number], text: [`It is ${number}.`] } };
  },
};
