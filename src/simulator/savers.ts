import { type FilePlace, nextPlaces } from './folders.js';
import { encodePng } from './images.js';
import { batchInput, type Inputs, type NodeClass, type NodeContext } from './nodeClass.js';
import { checkedPrefix, filenamePrefix, outputNode, PROMPT_INPUTS } from './outputNode.js';
import { withText } from './pngText.js';

/** How the two save nodes encode an image, and how many pixels it has. */
export interface Encoding {
  /** The images of the input. */
  images(inputs: Inputs): readonly unknown[];
  encode(image: unknown, context: NodeContext): Promise<Buffer>;
  pixels(image: unknown): Promise<number>;
}

/** PNG that contains the prompt. */
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
    SaveImage: outputNode({
      required: {
        images: ['IMAGE', { tooltip: 'Images to save.' }],
        filename_prefix: filenamePrefix('ComfyUI'),
      },
      hidden: PROMPT_INPUTS,
      category: 'image',
      displayName: 'Save Image',
      save: async (inputs, context) => ({
        images: await save(encoding, inputs, context, 'save', checkedPrefix(inputs)),
      }),
    }),
    PreviewImage: outputNode({
      required: { images: ['IMAGE'] },
      hidden: PROMPT_INPUTS,
      category: 'image',
      displayName: 'Preview Image',
      save: async (inputs, context) => ({
        images: await save(encoding, inputs, context, 'preview', context.tempPrefix),
      }),
    }),
  };
}

/** Chooses the file names first and writes the files afterwards; meanwhile another machine may choose the same names. */
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
