import { flowNodes } from './flowNodes.js';
import { cutOut, type Raster, resize } from './images.js';
import { decoded, type LazyMask, loadImage, loadImageBase64 } from './loaders.js';
import { NodeException } from './NodeException.js';
import { batchInput, eachImage, type NodeClass, textInput } from './nodeClass.js';
import { otherSavers } from './otherSavers.js';
import { imageSavers, PNG } from './savers.js';

const UPSCALE_STEPS = 4;
const MODEL_FACTOR = 4;

/**
 * The classes that a ComfyUI set up for this server's workflows has, and a few core ones beside them.
 * @param isOlder whether `UpscaleModelLoader`'s choices are checked at submission, as before it became a V3 node
 */
export function nodeClasses(models: readonly string[], isOlder: boolean): Record<string, NodeClass> {
  return {
    ETN_LoadImageBase64: loadImageBase64(decoded(false)),
    LoadImage: loadImage(decoded(true)),
    InspyrenetRembg: {
      required: { image: ['IMAGE'], torchscript_jit: [['default', 'on']] },
      output: ['IMAGE', 'MASK'],
      category: 'image',
      run: async (inputs, context) => {
        await context.step(1, 1);
        return { values: [await eachImage(inputs, 'image', cutOut), undefined] };
      },
    },
    UpscaleModelLoader: {
      required: {
        model_name: isOlder ? [[...models]] : ['COMBO', { multiselect: false, options: [...models] }],
      },
      output: ['UPSCALE_MODEL'],
      category: 'loaders',
      displayName: 'Load Upscale Model',
      run: async (inputs) => {
        const name = textInput(inputs, 'model_name');
        if (models.includes(name)) return { values: [{ factor: MODEL_FACTOR }] };
        const message = `Model in folder 'upscale_models' with filename '${name}' not found.\n`;
        throw new NodeException('FileNotFoundError', message);
      },
    },
    ImageUpscaleWithModel: {
      required: { upscale_model: ['UPSCALE_MODEL'], image: ['IMAGE'] },
      output: ['IMAGE'],
      category: 'image/upscaling',
      run: async (inputs, context) => {
        for (let done = 1; done <= UPSCALE_STEPS; done += 1) await context.step(done, UPSCALE_STEPS);
        const enlarge = (image: Raster) =>
          resize(image, image.width * MODEL_FACTOR, image.height * MODEL_FACTOR);
        return { values: [await eachImage(inputs, 'image', enlarge)] };
      },
    },
    ImageScaleBy: {
      required: {
        image: ['IMAGE'],
        upscale_method: [['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']],
        scale_by: ['FLOAT', { default: 1, min: 0.01, max: 8, step: 0.01 }],
      },
      output: ['IMAGE'],
      category: 'image/upscaling',
      run: async (inputs) => {
        const factor = Number(inputs['scale_by']);
        const side = (length: number) => Math.max(1, Math.round(length * factor));
        const scale = (image: Raster) => resize(image, side(image.width), side(image.height));
        return { values: [await eachImage(inputs, 'image', scale)] };
      },
    },
    ImageInvert: {
      required: { image: ['IMAGE'] },
      output: ['IMAGE'],
      category: 'image',
      run: async (inputs) => {
        const invert = (image: Raster) => ({
          ...image,
          data: Buffer.from(image.data.map((value) => 255 - value)),
        });
        return { values: [await eachImage(inputs, 'image', invert)] };
      },
    },
    RepeatImageBatch: {
      required: { image: ['IMAGE'], amount: ['INT', { default: 1, min: 1, max: 4096 }] },
      output: ['IMAGE'],
      category: 'image/batch',
      run: async (inputs) => {
        const batch = batchInput(inputs, 'image');
        return { values: [Array.from({ length: Number(inputs['amount']) }, () => batch).flat()] };
      },
    },
    EmptyImage: {
      required: { width: ['INT', {}], height: ['INT', {}], batch_size: ['INT', {}], color: ['INT', {}] },
      output: ['IMAGE'],
      category: 'image',
      run: async (inputs) => {
        const [width, height] = [Number(inputs['width']), Number(inputs['height'])];
        const data = Buffer.alloc(width * height * 3, Number(inputs['color']));
        return { values: [[{ data, width, height, channels: 3 }]] };
      },
    },
    MaskToImage: {
      required: { mask: ['MASK'] },
      output: ['IMAGE'],
      category: 'mask',
      run: async (inputs) => ({ values: [[await (inputs['mask'] as LazyMask)()]] }),
    },
    ...imageSavers(PNG),
    ...otherSavers,
    ...flowNodes,
  };
}
