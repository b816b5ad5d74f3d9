import { audioNodes } from './audioNodes.js';
import { captionNodes } from './captionNodes.js';
import { diffusionNodes } from './diffusionNodes.js';
import { fixedSavers } from './fixedSavers.js';
import { flowNodes } from './flowNodes.js';
import { imageNodes } from './imageNodes.js';
import { cutOut, type Raster, resize } from './images.js';
import { decoded, loadImage, loadImageBase64, loadImageMask } from './loaders.js';
import { messagingNodes } from './messagingNodes.js';
import { NodeException } from './NodeException.js';
import { eachImage, type NodeClass, textInput } from './nodeClass.js';
import type { ModelFolders } from './options.js';
import { otherSavers } from './otherSavers.js';
import { plainLoaders } from './plainLoaders.js';
import { imageSavers, PNG } from './savers.js';
import { unusualSavers } from './unusualSavers.js';
import { videoNodes } from './videoNodes.js';
import { videoSavers } from './videoSavers.js';

const UPSCALE_STEPS = 4;
const MODEL_FACTOR = 4;

/**
 * The classes of a ComfyUI that is set up for this server's workflows and for common user graphs. `/object_info`, the validation
 * of a prompt and its execution all use this table.
 * @param isOlder whether `UpscaleModelLoader`'s choices are checked at submission, as before it became a V3 node
 */
export function nodeClasses(folders: ModelFolders, isOlder: boolean): Record<string, NodeClass> {
  const models = folders.upscale_models;
  return {
    ETN_LoadImageBase64: loadImageBase64(decoded(false)),
    LoadImage: loadImage(decoded(true)),
    LoadImageMask: loadImageMask,
    ...plainLoaders,
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
        if (models.includes(name)) return { values: [{ name, factor: MODEL_FACTOR }] };
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
    ...imageNodes,
    ...diffusionNodes(folders.checkpoints),
    ...captionNodes,
    ...audioNodes,
    ...videoNodes,
    ...imageSavers(PNG),
    ...videoSavers,
    ...fixedSavers,
    ...otherSavers,
    ...messagingNodes,
    ...flowNodes,
    ...unusualSavers,
  };
}
