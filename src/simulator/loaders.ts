import { openImage } from '../utils/openImage.js';
import { annotatedPlace } from './folders.js';
import { decodeRgb, MAX_PIXELS, type Raster } from './images.js';
import { NodeException } from './NodeException.js';
import { type Inputs, type NodeClass, type NodeContext, type NodeOutput, textInput } from './nodeClass.js';

/** A mask is computed only when a node requests it, which is rare. */
export type LazyMask = () => Promise<Raster>;

/** In the order of a pixel's bytes. */
const CHANNELS = ['red', 'green', 'blue', 'alpha'];

/** Reads the file that an input names, at the time the node runs. */
export function fileBytes(inputs: Inputs, name: string, { folders }: NodeContext): Buffer {
  const place = annotatedPlace(textInput(inputs, name));
  const bytes = folders.read(place);
  if (bytes) return bytes;
  const path = ['/opt/ComfyUI', place.type, place.subfolder, place.filename].filter(Boolean).join('/');
  throw new NodeException('FileNotFoundError', `[Errno 2] No such file or directory: '${path}'\n`);
}

/** `LoadImage`, with `decode` for the file. */
export function loadImage(decode: (bytes: Buffer, context: NodeContext) => Promise<NodeOutput>): NodeClass {
  return {
    required: { image: [[], { image_upload: true }] },
    output: ['IMAGE', 'MASK'],
    category: 'image',
    displayName: 'Load Image',
    file: { input: 'image', kind: 'image' },
    run: async (inputs, context) => decode(fileBytes(inputs, 'image', context), context),
  };
}

/** `ETN_LoadImageBase64`, with `decode` for the image. */
export function loadImageBase64(
  decode: (bytes: Buffer, context: NodeContext) => Promise<NodeOutput>,
): NodeClass {
  return {
    required: { image: ['STRING', { multiline: true }] },
    output: ['IMAGE', 'MASK'],
    category: 'external_tooling',
    run: (inputs, context) => decode(Buffer.from(textInput(inputs, 'image'), 'base64'), context),
  };
}

/** Decodes an image to a batch of one and its mask. */
export function decoded(applyExif: boolean) {
  return async (bytes: Buffer, context: NodeContext): Promise<NodeOutput> => {
    const since = performance.now();
    const image = await decodeRgb(bytes, applyExif).catch(unidentified);
    await context.charge('decode', async () => image.width * image.height, since);
    const mask: LazyMask = () => channelOf(bytes, applyExif, 'alpha');
    return { values: [[image], mask] };
  };
}

/** `LoadImageMask`: one channel of a file as a mask, with alpha inverted. */
export const loadImageMask: NodeClass = {
  required: { image: [[], { image_upload: true }], channel: [CHANNELS] },
  output: ['MASK'],
  category: 'mask',
  displayName: 'Load Image (as Mask)',
  file: { input: 'image', kind: 'image' },
  run: async (inputs, context) => {
    const bytes = fileBytes(inputs, 'image', context);
    const mask = await channelOf(bytes, true, textInput(inputs, 'channel')).catch(unidentified);
    return { values: [async () => mask] };
  },
};

function unidentified(): never {
  const message = 'cannot identify image file <_io.BytesIO object at 0x7f0000000000>\n';
  throw new NodeException('PIL.UnidentifiedImageError', message);
}

/** A channel as a grey image. Alpha is inverted, and black if the image has no alpha channel. */
async function channelOf(bytes: Buffer, applyExif: boolean, channel: string): Promise<Raster> {
  const image = openImage(bytes, MAX_PIXELS);
  const upright = (applyExif ? image.autoOrient() : image).toColourspace('srgb').ensureAlpha();
  const { data, info } = await upright.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const at = CHANNELS.indexOf(channel);
  const grey = Buffer.alloc(info.width * info.height * 3);
  for (let n = 0; n < info.width * info.height; n += 1) {
    const value = data[n * info.channels + at] ?? 0;
    grey.fill(channel === 'alpha' ? 255 - value : value, n * 3, n * 3 + 3);
  }
  return { data: grey, width: info.width, height: info.height, channels: 3 };
}
