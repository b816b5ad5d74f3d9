import { setTimeout as sleep } from 'node:timers/promises';
import { batchInput, type NodeClass, textInput } from './nodeClass.js';
import { outputNode, PROMPT_INPUTS } from './outputNode.js';
import { OWN_INPUT } from './PromptGraph.js';
import type { TextChunk } from './pngText.js';
import { graphOf } from './prompt.js';
import { withExif } from './videoSavers.js';
import { animation, mp4Of, type Video, webmOf } from './videos.js';

/** Time to write a file, ms. */
const WRITING_MS = 5;

/** How the formats of `SaveFixed` are encoded: file extension and encoder. */
const FORMATS: Readonly<
  Record<string, readonly [string, (video: Video, texts: readonly TextChunk[]) => Promise<Buffer>]>
> = {
  webp: ['webp', (video, texts) => withExif(animation(video), texts).webp({ lossless: true }).toBuffer()],
  'webp without metadata': ['webp', (video) => animation(video).webp({ lossless: true }).toBuffer()],
  mp4: ['mp4', (video, texts) => mp4Of(video, { comment: '', texts })],
  webm: ['webm', (video, texts) => webmOf(video, { comment: '', texts })],
};

/** Nodes that always write the same file, as custom nodes may. */
export const fixedSavers: Record<string, NodeClass> = {
  SaveFixed: outputNode({
    required: {
      images: ['IMAGE'],
      name: ['STRING', { default: 'result' }],
      format: [Object.keys(FORMATS)],
    },
    hidden: PROMPT_INPUTS,
    category: 'pack/image',
    save: async (inputs, { folders, textChunks }) => {
      const [extension, encode] = FORMATS[textInput(inputs, 'format')] ?? [];
      if (!encode) throw new Error('the format was checked');
      const bytes = await encode({ frames: batchInput(inputs, 'images'), framesPerSecond: 1 }, textChunks);
      await sleep(WRITING_MS);
      const place = {
        filename: `${textInput(inputs, 'name')}.${extension}`,
        subfolder: '',
        type: 'output',
      } as const;
      folders.write(place, bytes);
      return { images: [place] };
    },
  }),
  /** A loop that overwrites its file. */
  LoopFixed: {
    required: { images: ['IMAGE'], name: ['STRING', { default: 'last' }] },
    output: [],
    outputNode: true,
    category: 'pack/image',
    run: async () => {
      const inputs = { name: [OWN_INPUT, 'name'], format: 'webp' };
      return {
        values: [],
        expand: graphOf({
          '1': { class_type: 'SaveFixed', inputs: { images: [OWN_INPUT, 'images'], ...inputs } },
          '2': { class_type: 'SleepImage', inputs: { image: [OWN_INPUT, 'images'], seconds: 0.3 } },
          '3': { class_type: 'ImageInvert', inputs: { image: ['2', 0] } },
          '4': { class_type: 'SaveFixed', inputs: { images: ['3', 0], ...inputs } },
        }),
      };
    },
  },
};
