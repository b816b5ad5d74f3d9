import { NumberText } from '../utils/losslessJson.js';
import { emptyLatent, encoded, grown, type Latent, sampled } from './latents.js';
import type { LazyMask } from './loaders.js';
import {
  eachImage,
  type InputSpec,
  type Inputs,
  type NodeClass,
  numberInput,
  textInput,
  wholeInput,
} from './nodeClass.js';

/** The largest seed, which JavaScript numbers cannot represent exactly. */
export const MAX_SEED = new NumberText('18446744073709551615');

const SAMPLERS = ['euler', 'euler_ancestral', 'heun', 'dpmpp_2m', 'dpmpp_2m_sde', 'ddim', 'uni_pc'];
const SCHEDULERS = ['normal', 'karras', 'exponential', 'sgm_uniform', 'simple', 'ddim_uniform', 'beta'];
const SIDE = { min: 16, max: 16384, step: 8 } as const;

const size = (tooltip: string): InputSpec => ['INT', { default: 512, ...SIDE, tooltip }];

/** Models, conditionings and latents each have the name of what they were made of. */
const nameOf = (inputs: Inputs, name: string) => (inputs[name] as { readonly name: string }).name;
const latentOf = (inputs: Inputs, name: string) => inputs[name] as Latent;
const maskOf = (inputs: Inputs) => (inputs['mask'] as LazyMask)();

/** The nodes of text to image, image to image and inpainting. */
export function diffusionNodes(checkpoints: readonly string[]): Record<string, NodeClass> {
  return {
    CheckpointLoaderSimple: {
      required: { ckpt_name: [[...checkpoints], { tooltip: 'Checkpoint to load.' }] },
      output: ['MODEL', 'CLIP', 'VAE'],
      category: 'loaders',
      displayName: 'Load Checkpoint',
      run: async (inputs) => {
        const model = { name: textInput(inputs, 'ckpt_name') };
        return { values: [model, model, model] };
      },
    },
    CLIPTextEncode: {
      required: {
        text: ['STRING', { multiline: true, dynamicPrompts: true, tooltip: 'Text to encode.' }],
        clip: ['CLIP', { tooltip: 'Text encoder.' }],
      },
      output: ['CONDITIONING'],
      category: 'conditioning',
      displayName: 'CLIP Text Encode (Prompt)',
      run: async (inputs) => ({ values: [{ name: textInput(inputs, 'text') }] }),
    },
    KSampler: kSampler,
    EmptyLatentImage: {
      required: {
        width: size('Width of the images in pixels.'),
        height: size('Height of the images in pixels.'),
        batch_size: ['INT', { default: 1, min: 1, max: 4096, tooltip: 'Number of images.' }],
      },
      output: ['LATENT'],
      category: 'latent',
      displayName: 'Empty Latent Image',
      run: async (inputs) => {
        const [width, height] = [numberInput(inputs, 'width'), numberInput(inputs, 'height')];
        return { values: [emptyLatent(width, height, numberInput(inputs, 'batch_size'))] };
      },
    },
    VAEDecode: {
      required: { samples: ['LATENT'], vae: ['VAE'] },
      output: ['IMAGE'],
      category: 'latent',
      displayName: 'VAE Decode',
      run: async (inputs) => ({ values: [latentOf(inputs, 'samples').images] }),
    },
    VAEEncode: {
      required: { pixels: ['IMAGE'], vae: ['VAE'] },
      output: ['LATENT'],
      category: 'latent',
      displayName: 'VAE Encode',
      run: async (inputs) => ({ values: [{ images: await eachImage(inputs, 'pixels', encoded) }] }),
    },
    VAEEncodeForInpaint: {
      required: {
        pixels: ['IMAGE'],
        vae: ['VAE'],
        mask: ['MASK'],
        grow_mask_by: ['INT', { default: 6, min: 0, max: 64, step: 1 }],
      },
      output: ['LATENT'],
      category: 'latent/inpaint',
      displayName: 'VAE Encode (for Inpainting)',
      run: async (inputs) => {
        const mask = await grown(await maskOf(inputs), numberInput(inputs, 'grow_mask_by'));
        return { values: [{ images: await eachImage(inputs, 'pixels', encoded), mask }] };
      },
    },
    SetLatentNoiseMask: {
      required: { samples: ['LATENT'], mask: ['MASK'] },
      output: ['LATENT'],
      category: 'latent/inpaint',
      displayName: 'Set Latent Noise Mask',
      run: async (inputs) => ({
        values: [{ ...latentOf(inputs, 'samples'), mask: await maskOf(inputs) }],
      }),
    },
  };
}

const kSampler: NodeClass = {
  required: {
    model: ['MODEL', { tooltip: 'Diffusion model.' }],
    seed: [
      'INT',
      {
        default: 0,
        min: 0,
        max: MAX_SEED,
        control_after_generate: true,
        tooltip: 'Seed of the random noise.',
      },
    ],
    steps: ['INT', { default: 20, min: 1, max: 10000, tooltip: 'Number of sampling steps.' }],
    cfg: [
      'FLOAT',
      { default: 8, min: 0, max: 100, step: 0.1, round: 0.01, tooltip: 'How closely to follow the prompt.' },
    ],
    sampler_name: [SAMPLERS, { tooltip: 'Sampling algorithm.' }],
    scheduler: [SCHEDULERS, { tooltip: 'Noise schedule.' }],
    positive: ['CONDITIONING', { tooltip: 'Conditioning for what the image should show.' }],
    negative: ['CONDITIONING', { tooltip: 'Conditioning for what the image should not show.' }],
    latent_image: ['LATENT', { tooltip: 'Latent image to denoise.' }],
    denoise: ['FLOAT', { default: 1, min: 0, max: 1, step: 0.01, tooltip: 'Strength of the denoising.' }],
  },
  output: ['LATENT'],
  category: 'sampling',
  run: async (inputs, context) => {
    const steps = Math.trunc(numberInput(inputs, 'steps'));
    for (let done = 1; done <= steps; done += 1) await context.step(done, steps);
    const settings = {
      model: nameOf(inputs, 'model'),
      positive: nameOf(inputs, 'positive'),
      negative: nameOf(inputs, 'negative'),
      seed: wholeInput(inputs, 'seed'),
      steps,
      cfg: numberInput(inputs, 'cfg'),
      sampler: textInput(inputs, 'sampler_name'),
      scheduler: textInput(inputs, 'scheduler'),
    };
    const latent = latentOf(inputs, 'latent_image');
    return { values: [await sampled(latent, settings, numberInput(inputs, 'denoise'))] };
  },
};
