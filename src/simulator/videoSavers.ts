import type { Sharp } from 'sharp';
import { batchInput, flagInput, type Inputs, type NodeClass, numberInput, textInput } from './nodeClass.js';
import { filenamePrefix, outputNode, PROMPT_INPUTS, written } from './outputNode.js';
import type { TextChunk } from './pngText.js';
import { animation, delaysOf, mp4Of, type Video, webmOf } from './videos.js';

/** The output formats of `VHS_VideoCombine`: file extension and encoder. */
const FORMATS: Readonly<
  Record<
    string,
    readonly [string, (video: Video, inputs: Inputs, texts: readonly TextChunk[]) => Promise<Buffer>]
  >
> = {
  'image/gif': ['gif', (video, inputs) => animation(video).gif(playedBy(video, inputs)).toBuffer()],
  'image/webp': ['webp', (video, inputs) => animation(video).webp(playedBy(video, inputs)).toBuffer()],
  'video/h264-mp4': ['mp4', (video, inputs, texts) => mp4Of(video, { comment: commentOf(inputs), texts })],
  'video/webm': ['webm', (video, inputs, texts) => webmOf(video, { comment: commentOf(inputs), texts })],
};

const playedBy = (video: Video, inputs: Inputs) => ({
  delay: delaysOf(video),
  loop: numberInput(inputs, 'loop_count'),
});

/** The settings of a save node, which are written into the file: without its name, so that equal videos give equal files. */
const commentOf = ({ filename_prefix: _name, ...inputs }: Inputs) => {
  const settings = Object.entries(inputs).filter(([, value]) => typeof value !== 'object');
  return JSON.stringify(Object.fromEntries(settings));
};

/** Has the prompt as the camera's model, where ComfyUI writes it, and a text of `extra_pnginfo` as its make. */
export function withExif(image: Sharp, chunks: readonly TextChunk[]): Sharp {
  const [prompt, extra] = chunks.map(({ keyword, text }) => `${keyword}:${text}`);
  if (prompt === undefined) return image;
  return image.withExif({ IFD0: { Model: prompt, ...(extra === undefined ? {} : { Make: extra }) } });
}

/** Nodes that save animations and videos, from the core and from a well-known pack. */
export const videoSavers: Record<string, NodeClass> = {
  SaveAnimatedWEBP: outputNode({
    required: {
      images: ['IMAGE'],
      filename_prefix: filenamePrefix('ComfyUI'),
      fps: ['FLOAT', { default: 6, min: 0.01, max: 1000, step: 0.01 }],
      lossless: ['BOOLEAN', { default: true }],
      quality: ['INT', { default: 80, min: 0, max: 100 }],
      method: [['default', 'fastest', 'slowest']],
    },
    hidden: PROMPT_INPUTS,
    category: 'image/animation',
    save: async (inputs, context) => {
      const frames = batchInput(inputs, 'images');
      const video = { frames, framesPerSecond: numberInput(inputs, 'fps') };
      const webp = withExif(animation(video), context.textChunks).webp({
        delay: delaysOf(video),
        lossless: flagInput(inputs, 'lossless'),
        quality: Math.max(1, Math.trunc(numberInput(inputs, 'quality'))),
      });
      const place = await written(inputs, context, 'webp', await webp.toBuffer());
      return { images: [place], animated: [frames.length !== 1] };
    },
  }),
  SaveVideo: outputNode({
    required: {
      video: ['VIDEO', { tooltip: 'Video to save.' }],
      filename_prefix: filenamePrefix('video/ComfyUI'),
      format: ['COMBO', { default: 'auto', options: ['auto', 'mp4'], tooltip: 'Format of the file.' }],
      codec: ['COMBO', { default: 'auto', options: ['auto', 'h264'], tooltip: 'Codec of the video.' }],
    },
    hidden: PROMPT_INPUTS,
    category: 'image/video',
    displayName: 'Save Video',
    save: async (inputs, context) => {
      const video = inputs['video'] as Video;
      const { sound } = video;
      const audio = sound ? { samples: sound.samples.length, sample_rate: sound.sampleRate } : null;
      const comment = JSON.stringify({ fps: video.framesPerSecond, frames: video.frames.length, audio });
      const bytes = video.file ?? (await mp4Of(video, { comment, texts: context.textChunks }));
      return { images: [await written(inputs, context, 'mp4', bytes)], animated: [true] };
    },
  }),
  SaveWEBM: outputNode({
    required: {
      images: ['IMAGE'],
      filename_prefix: filenamePrefix('ComfyUI'),
      codec: ['COMBO', { options: ['vp9', 'av1'] }],
      fps: ['FLOAT', { default: 24, min: 0.01, max: 1000, step: 0.01 }],
      crf: ['FLOAT', { default: 32, min: 0, max: 63, step: 1, tooltip: 'Lower is better and larger.' }],
    },
    hidden: PROMPT_INPUTS,
    category: 'image/video',
    save: async (inputs, context) => {
      const video = { frames: batchInput(inputs, 'images'), framesPerSecond: numberInput(inputs, 'fps') };
      const bytes = await webmOf(video, { comment: commentOf(inputs), texts: context.textChunks });
      return { images: [await written(inputs, context, 'webm', bytes)], animated: [true] };
    },
  }),
  VHS_VideoCombine: {
    required: {
      images: ['IMAGE'],
      frame_rate: ['FLOAT', { default: 8, min: 1, step: 1 }],
      loop_count: ['INT', { default: 0, min: 0, max: 100, step: 1 }],
      filename_prefix: filenamePrefix('AnimateDiff'),
      format: [Object.keys(FORMATS)],
      pingpong: ['BOOLEAN', { default: false }],
      save_output: ['BOOLEAN', { default: true }],
    },
    optional: { audio: ['AUDIO'], meta_batch: ['VHS_BatchManager'], vae: ['VAE'] },
    hidden: { ...PROMPT_INPUTS, unique_id: 'UNIQUE_ID' },
    output: ['VHS_FILENAMES'],
    outputNames: ['Filenames'],
    outputNode: true,
    category: 'Video Helper Suite 🎥🅥🅗🅢',
    displayName: 'Video Combine 🎥🅥🅗🅢',
    run: async (inputs, context) => {
      const images = batchInput(inputs, 'images');
      const frames = flagInput(inputs, 'pingpong') ? [...images, ...images.slice(1, -1).reverse()] : images;
      const format = textInput(inputs, 'format');
      const [extension, encode] = FORMATS[format] ?? ['bin', async () => Buffer.alloc(0)];
      const video = { frames, framesPerSecond: numberInput(inputs, 'frame_rate') };
      const bytes = await encode(video, inputs, context.textChunks);
      const type = flagInput(inputs, 'save_output') ? 'output' : 'temp';
      const place = await written(inputs, context, extension, bytes, type);
      return { values: [[true, [place.filename]]], ui: { gifs: [{ ...place, format }] } };
    },
  },
};
