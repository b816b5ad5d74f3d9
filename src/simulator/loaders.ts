import { openImage } from '../utils/openImage.js';
import { annotatedPlace } from './folders.js';
import { decodeRgb, MAX_PIXELS, type Raster } from './images.js';
import { NodeException } from './NodeException.js';
import { type Inputs, type NodeClass, type NodeContext, type NodeOutput, textInput } from './nodeClass.js';

/** A mask is found when a node asks for it, which is seldom. */
export type LazyMask = () => Promise<Raster>;

/** The bytes of the file that an input names, as they are when the node runs. */
export function fileBytes(inputs: Inputs, name: string, { folders }: NodeContext): Buffer {
  const place = annotatedPlace(textInput(inputs, name));
  const bytes = folders.read(place);
  if (bytes) return bytes;
  const path = ['/opt/ComfyUI', place.type, place.subfolder, place.filename].filter(Boolean).join('/');
  throw new NodeException('FileNotFoundError', `[Errno 2] No such file or directory: '${path}'\n`);
}

/** `LoadImage`, but for what it makes of the file. */
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

/** `ETN_LoadImageBase64`, but for what it makes of the image. */
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
    const image = await decodeRgb(bytes, applyExif).catch(() => {
      throw new NodeException(
        'PIL.UnidentifiedImageError',
        'cannot identify image file <_io.BytesIO object at 0x7f0000000000>\n',
      );
    });
    await context.charge('decode', async () => image.width * image.height, since);
    const mask: LazyMask = () => maskOf(bytes, applyExif);
    return { values: [[image], mask] };
  };
}

/** The inverted alpha channel, black where there is none. */
async function maskOf(bytes: Buffer, applyExif: boolean): Promise<Raster> {
  const image = openImage(bytes, MAX_PIXELS);
  const alpha = (applyExif ? image.autoOrient() : image).ensureAlpha().extractChannel('alpha');
  const { data, info } = await alpha.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const grey = Buffer.alloc(data.length * 3);
  for (const [n, value] of data.entries()) grey.fill(255 - value, n * 3, n * 3 + 3);
  return { data: grey, width: info.width, height: info.height, channels: 3 };
}
