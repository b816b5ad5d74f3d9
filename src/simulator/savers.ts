import { type FilePlace, leadsOut, nextPlaces } from './folders.js';
import { encodePng } from './images.js';
import { NodeException } from './NodeException.js';
import { batchInput, type Inputs, type NodeClass, type NodeContext, textInput } from './nodeClass.js';
import { withText } from './pngText.js';

/** What the two savers of images have in common: how an image becomes a file's bytes, and how large it is. */
export interface Encoding {
  /** Images of an input. */
  images(inputs: Inputs): readonly unknown[];
  encode(image: unknown, context: NodeContext): Promise<Buffer>;
  pixels(image: unknown): Promise<number>;
}

/** PNG with the prompt in it. */
export const PNG: Encoding = {
  images: (inputs) => batchInput(inputs, 'images'),
  encode: async (image, { textChunks }) => withText(await encodePng(image as never), textChunks),
  pixels: async (image) => {
    const { width, height } = image as { width: number; height: number };
    return width * height;
  },
};

/** `SaveImage` and `PreviewImage`. */
export function imageSavers(encoding: Encoding): { SaveImage: NodeClass; PreviewImage: NodeClass } {
  return {
    SaveImage: {
      required: { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'ComfyUI' }] },
      output: [],
      outputNode: true,
      category: 'image',
      displayName: 'Save Image',
      run: async (inputs, context) => {
        const prefix = textInput(inputs, 'filename_prefix');
        if (leadsOut(prefix)) {
          const message = 'Saving image outside the output folder is not allowed.';
          throw new NodeException('Exception', `**** ERROR: ${message}\n`);
        }
        return { values: [], ui: { images: await save(encoding, inputs, context, 'save', prefix) } };
      },
    },
    PreviewImage: {
      required: { images: ['IMAGE'] },
      output: [],
      outputNode: true,
      category: 'image',
      displayName: 'Preview Image',
      run: async (inputs, context) => {
        const images = await save(encoding, inputs, context, 'preview', context.tempPrefix);
        return { values: [], ui: { images } };
      },
    },
  };
}

/** The numbers are chosen first and the files written when they are done, which is when another machine may have too. */
async function save(
  { images, encode, pixels }: Encoding,
  inputs: Inputs,
  context: NodeContext,
  kind: 'save' | 'preview',
  prefix: string,
): Promise<FilePlace[]> {
  const batch = images(inputs);
  const type = kind === 'save' ? 'output' : 'temp';
  const places = nextPlaces(context.folders, type, prefix, { count: batch.length });
  for (const [n, place] of places.entries()) {
    const since = performance.now();
    const bytes = await encode(batch[n], context);
    await context.charge(kind, () => pixels(batch[n]), since);
    context.folders.write(place, bytes);
  }
  return places;
}
