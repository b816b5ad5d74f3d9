import { MAX_SEED } from './diffusionNodes.js';
import { batchInput, type NodeClass, textInput } from './nodeClass.js';
import { averageColour } from './pixels.js';

const TASKS = ['caption', 'detailed_caption', 'more_detailed_caption', 'ocr', 'region_caption'];

const hex = (colour: readonly number[]) => colour.map((one) => one.toString(16).padStart(2, '0')).join('');

/** Nodes of well-known packs that describe an image. */
export const captionNodes: Record<string, NodeClass> = {
  DownloadAndLoadFlorence2Model: {
    required: {
      model: [['microsoft/Florence-2-base', 'microsoft/Florence-2-large']],
      precision: [['fp16', 'bf16', 'fp32'], { default: 'fp16' }],
      attention: [['flash_attention_2', 'sdpa', 'eager'], { default: 'sdpa' }],
    },
    output: ['FL2MODEL'],
    outputNames: ['florence2_model'],
    category: 'Florence2',
    run: async (inputs) => ({ values: [{ name: textInput(inputs, 'model') }] }),
  },
  /** Describes what can be determined without a model, and repeats the question. */
  Florence2Run: {
    required: {
      image: ['IMAGE'],
      florence2_model: ['FL2MODEL'],
      text_input: ['STRING', { default: '', multiline: true }],
      task: [TASKS, { default: 'caption' }],
      fill_mask: ['BOOLEAN', { default: true }],
    },
    optional: {
      keep_model_loaded: ['BOOLEAN', { default: false }],
      max_new_tokens: ['INT', { default: 1024, min: 1, max: 4096 }],
      num_beams: ['INT', { default: 3, min: 1, max: 64 }],
      do_sample: ['BOOLEAN', { default: true }],
      output_mask_select: ['STRING', { default: '' }],
      seed: ['INT', { default: 1, min: 1, max: MAX_SEED }],
    },
    output: ['IMAGE', 'MASK', 'STRING', 'JSON'],
    outputNames: ['image', 'mask', 'caption', 'data'],
    category: 'Florence2',
    run: async (inputs, context) => {
      await context.step(1, 1);
      const images = batchInput(inputs, 'image');
      const asked = textInput(inputs, 'text_input');
      const seen = images.map((image) => {
        return `A ${image.width} x ${image.height} picture, mostly #${hex(averageColour(image))}`;
      });
      const caption = [...seen, ...(asked === '' ? [] : [asked])].join('. ');
      return { values: [images, undefined, `${textInput(inputs, 'task')}: ${caption}`, {}] };
    },
  },
  'ShowText|pysssss': {
    required: { text: ['STRING', { forceInput: true }] },
    hidden: { unique_id: 'UNIQUE_ID', extra_pnginfo: 'EXTRA_PNGINFO' },
    output: ['STRING'],
    outputNode: true,
    category: 'utils',
    displayName: 'Show Text 🐍',
    run: async (inputs) => {
      const text = textInput(inputs, 'text');
      return { values: [text], ui: { text: [text] } };
    },
  },
};
