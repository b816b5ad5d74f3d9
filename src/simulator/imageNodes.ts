import { emptyBatch, type Raster, resize } from './images.js';
import type { LazyMask } from './loaders.js';
import {
  batchInput,
  eachImage,
  type InputSpec,
  type NodeClass,
  numberInput,
  textInput,
} from './nodeClass.js';
import { combined } from './pixels.js';

/** How two images are blended; values from 0 to 1. */
const BLEND_MODES: Readonly<Record<string, (a: number, b: number) => number>> = {
  normal: (_, b) => b,
  multiply: (a, b) => a * b,
  screen: (a, b) => 1 - (1 - a) * (1 - b),
  overlay: (a, b) => (a <= 0.5 ? 2 * a * b : 1 - 2 * (1 - a) * (1 - b)),
  difference: (a, b) => a - b,
};

const side: InputSpec = ['INT', { default: 512, min: 1, max: 16384, step: 1 }];

/** Core nodes that need no model. */
export const imageNodes: Record<string, NodeClass> = {
  ImageScaleBy: {
    required: {
      image: ['IMAGE'],
      upscale_method: [['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']],
      scale_by: ['FLOAT', { default: 1, min: 0.01, max: 8, step: 0.01 }],
    },
    output: ['IMAGE'],
    category: 'image/upscaling',
    displayName: 'Upscale Image By',
    run: async (inputs) => {
      const factor = numberInput(inputs, 'scale_by');
      const scaled = (length: number) => Math.max(1, Math.round(length * factor));
      const scale = (image: Raster) => resize(image, scaled(image.width), scaled(image.height));
      return { values: [await eachImage(inputs, 'image', scale)] };
    },
  },
  ImageInvert: {
    required: { image: ['IMAGE'] },
    output: ['IMAGE'],
    category: 'image',
    displayName: 'Invert Image',
    run: async (inputs) => {
      const invert = (image: Raster) => ({
        ...image,
        data: Buffer.from(image.data.map((value) => 255 - value)),
      });
      return { values: [await eachImage(inputs, 'image', invert)] };
    },
  },
  ImageBlend: {
    required: {
      image1: ['IMAGE'],
      image2: ['IMAGE'],
      blend_factor: ['FLOAT', { default: 0.5, min: 0, max: 1, step: 0.01 }],
      blend_mode: [Object.keys(BLEND_MODES)],
    },
    output: ['IMAGE'],
    category: 'image/postprocessing',
    displayName: 'Image Blend',
    run: async (inputs) => {
      const seconds = batchInput(inputs, 'image2');
      const factor = numberInput(inputs, 'blend_factor');
      const mode = BLEND_MODES[textInput(inputs, 'blend_mode')] ?? (() => 0);
      const put = (a: number, b: number) => a + (255 * mode(a / 255, b / 255) - a) * factor;
      const blended = batchInput(inputs, 'image1').map((first, n) => {
        return combined(first, seconds[n % seconds.length] ?? first, put);
      });
      return { values: [await Promise.all(blended)] };
    },
  },
  RepeatImageBatch: {
    required: { image: ['IMAGE'], amount: ['INT', { default: 1, min: 1, max: 4096 }] },
    output: ['IMAGE'],
    category: 'image/batch',
    run: async (inputs) => {
      const batch = batchInput(inputs, 'image');
      return {
        values: [Array.from({ length: Math.trunc(numberInput(inputs, 'amount')) }, () => batch).flat()],
      };
    },
  },
  EmptyImage: {
    required: {
      width: side,
      height: side,
      batch_size: ['INT', { default: 1, min: 1, max: 4096 }],
      color: ['INT', { default: 0, min: 0, max: 0xffffff, step: 1, display: 'color' }],
    },
    output: ['IMAGE'],
    category: 'image',
    run: async (inputs) => {
      const [width, height] = [numberInput(inputs, 'width'), numberInput(inputs, 'height')];
      const count = numberInput(inputs, 'batch_size');
      return { values: [emptyBatch(width, height, count, numberInput(inputs, 'color'))] };
    },
  },
  MaskToImage: {
    required: { mask: ['MASK'] },
    output: ['IMAGE'],
    category: 'mask',
    displayName: 'Convert Mask to Image',
    run: async (inputs) => ({ values: [[await (inputs['mask'] as LazyMask)()]] }),
  },
};
