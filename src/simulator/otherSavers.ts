import { encodePng } from './images.js';
import type { Latent } from './latents.js';
import { batchInput, type NodeClass, textInput } from './nodeClass.js';
import { filenamePrefix, outputNode, PROMPT_INPUTS, written } from './outputNode.js';
import { safetensors } from './safetensors.js';

/** Nodes that save latents or texts, or images without writing a file. */
export const otherSavers: Record<string, NodeClass> = {
  SaveLatent: outputNode({
    required: { samples: ['LATENT'], filename_prefix: filenamePrefix('latents/ComfyUI') },
    hidden: PROMPT_INPUTS,
    category: '_for_testing',
    save: async (inputs, context) => {
      const { images } = inputs['samples'] as Latent;
      return { latents: [await written(inputs, context, 'latent', safetensors(images, context.textChunks))] };
    },
  }),
  /** As in several custom packs. */
  SaveText: outputNode({
    required: {
      text: ['STRING', { default: '', multiline: true }],
      filename_prefix: filenamePrefix('ComfyUI'),
      extension: [['txt', 'json', 'html', 'svg'], { default: 'txt' }],
    },
    category: 'utils',
    save: async (inputs, context) => {
      const bytes = Buffer.from(textInput(inputs, 'text'));
      return { files: [await written(inputs, context, textInput(inputs, 'extension'), bytes)] };
    },
  }),
  ETN_SendImageWebSocket: outputNode({
    required: { images: ['IMAGE'], format: [['PNG', 'JPEG'], { default: 'PNG' }] },
    category: 'external_tooling',
    displayName: 'Send Image (WebSocket)',
    save: async (inputs, context) => {
      const batch = batchInput(inputs, 'images');
      for (const image of batch) context.preview(await encodePng(image), 'PNG', true);
      return {
        images: batch.map(() => ({ source: 'websocket', 'content-type': 'image/png', type: 'output' })),
      };
    },
  }),
  SaveImageWebsocket: outputNode({
    required: { images: ['IMAGE'] },
    category: 'api/image',
    neverCached: true,
    save: async (inputs, context) => {
      for (const image of batchInput(inputs, 'images')) context.preview(await encodePng(image), 'PNG');
      return undefined;
    },
  }),
};
