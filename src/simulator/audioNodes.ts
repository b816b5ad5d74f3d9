import { flac, type Sound } from './flac.js';
import { fileBytes } from './loaders.js';
import { type NodeClass, numberInput } from './nodeClass.js';
import { filenamePrefix, outputNode, PROMPT_INPUTS, written } from './outputNode.js';
import { soundOf } from './sounds.js';

/** Maximum length of generated silence; longer values are limited to it. */
const MAX_SECONDS = 600;

export const audioNodes: Record<string, NodeClass> = {
  LoadAudio: {
    required: { audio: [[], { audio_upload: true }] },
    output: ['AUDIO'],
    category: 'audio',
    displayName: 'Load Audio',
    file: { input: 'audio', kind: 'audio' },
    run: async (inputs, context) => ({ values: [soundOf(fileBytes(inputs, 'audio', context))] }),
  },
  EmptyAudio: {
    required: {
      duration: ['FLOAT', { default: 60, min: 0, step: 0.01, tooltip: 'Length in seconds.' }],
      sample_rate: ['INT', { default: 44100, min: 1, max: 192000, tooltip: 'Samples a second.' }],
      channels: ['INT', { default: 2, min: 1, max: 2, tooltip: 'One channel or two.' }],
    },
    output: ['AUDIO'],
    category: 'audio',
    displayName: 'Empty Audio',
    run: async (inputs) => {
      const sampleRate = numberInput(inputs, 'sample_rate');
      const seconds = Math.min(MAX_SECONDS, numberInput(inputs, 'duration'));
      return { values: [{ samples: new Int16Array(Math.round(seconds * sampleRate)), sampleRate }] };
    },
  },
  SaveAudio: outputNode({
    required: { audio: ['AUDIO'], filename_prefix: filenamePrefix('audio/ComfyUI') },
    hidden: PROMPT_INPUTS,
    category: 'audio',
    displayName: 'Save Audio (FLAC)',
    save: async (inputs, context) => ({
      audio: [await written(inputs, context, 'flac', flac(inputs['audio'] as Sound, context.textChunks))],
    }),
  }),
};
