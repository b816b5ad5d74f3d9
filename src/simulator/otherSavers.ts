import { openImage } from '../utils/openImage.js';
import { type FilePlace, nextPlaces } from './folders.js';
import { encodePng, MAX_PIXELS } from './images.js';
import { batchInput, type Inputs, type NodeClass, type NodeContext, textInput } from './nodeClass.js';

const PREFIX = ['STRING', { default: 'ComfyUI' }] as const;

/** What an MP4 file begins with; nobody here plays it. */
const VIDEO = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');
const AUDIO = Buffer.from('fLaC\0\0\0\x22', 'latin1');

/** Savers of what is no picture, or is one in another form: stand-ins for nodes of ComfyUI and of known packs. */
export const otherSavers: Record<string, NodeClass> = {
  SaveAnimatedWEBP: saver({ images: ['IMAGE'], filename_prefix: PREFIX }, async (inputs, context) => {
    const [image] = batchInput(inputs, 'images');
    const { data, width, height, channels } = image ?? {
      data: Buffer.alloc(3),
      width: 1,
      height: 1,
      channels: 3,
    };
    const webp = await openImage(data, MAX_PIXELS, { raw: { width, height, channels } }).webp().toBuffer();
    return { images: [written(inputs, context, 'webp', webp)], animated: [true] };
  }),
  SaveVideo: saver({ images: ['IMAGE'], filename_prefix: PREFIX }, (inputs, context) => {
    return { images: [written(inputs, context, 'mp4', VIDEO)], animated: [true] };
  }),
  VHS_VideoCombine: saver({ images: ['IMAGE'], filename_prefix: PREFIX }, (inputs, context) => {
    return { gifs: [{ ...written(inputs, context, 'mp4', VIDEO), format: 'video/h264-mp4' }] };
  }),
  SaveAudio: saver({ audio: ['AUDIO'], filename_prefix: PREFIX }, (inputs, context) => {
    return { audio: [written(inputs, context, 'flac', AUDIO)] };
  }),
  SaveLatent: saver({ samples: ['LATENT'], filename_prefix: PREFIX }, (inputs, context) => {
    return { latents: [written(inputs, context, 'latent', Buffer.from(JSON.stringify(inputs['samples'])))] };
  }),
  'ShowText|pysssss': saver({ text: ['STRING', {}] }, (inputs) => ({ text: [textInput(inputs, 'text')] })),
  ETN_SendImageWebSocket: saver({ images: ['IMAGE'], format: [['PNG', 'JPEG']] }, async (inputs, context) => {
    const batch = batchInput(inputs, 'images');
    for (const image of batch) context.preview(await encodePng(image), 'PNG', true);
    return {
      images: batch.map(() => ({ source: 'websocket', 'content-type': 'image/png', type: 'output' })),
    };
  }),
  SaveImageWebsocket: saver({ images: ['IMAGE'] }, async (inputs, context) => {
    for (const image of batchInput(inputs, 'images')) context.preview(await encodePng(image), 'PNG');
    return undefined;
  }),
  EmptyAudio: source('AUDIO', {}),
  EmptyLatentImage: source('LATENT', { width: ['INT', {}], height: ['INT', {}], batch_size: ['INT', {}] }),
};

function saver(
  required: NodeClass['required'],
  save: (inputs: Inputs, context: NodeContext) => unknown,
): NodeClass {
  return {
    required,
    output: [],
    outputNode: true,
    category: 'output',
    run: async (inputs, context) => ({ values: [], ui: await save(inputs, context) }),
  };
}

/** A node that makes something of nothing. */
function source(type: string, required: NodeClass['required']): NodeClass {
  return { required, output: [type], category: 'latent', run: async (inputs) => ({ values: [inputs] }) };
}

function written(inputs: Inputs, { folders }: NodeContext, extension: string, bytes: Buffer): FilePlace {
  const [place] = nextPlaces(folders, 'output', textInput(inputs, 'filename_prefix'), { extension });
  if (!place) throw new Error('one place was asked for');
  folders.write(place, bytes);
  return place;
}
