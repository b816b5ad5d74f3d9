import { encodePng } from './images.js';
import { batchInput, type Inputs, type NodeClass, textInput } from './nodeClass.js';
import { filenamePrefix, outputNode } from './outputNode.js';
import { OWN_INPUT } from './PromptGraph.js';
import { graphOf } from './prompt.js';

/** Output nodes that name their files in their own way, or save several times: stand-ins for custom nodes. */
export const unusualSavers: Record<string, NodeClass> = {
  /** Expands into two savers, as a loop with a saver in it does: one of the image, then one of the inverted image. */
  SaveTwo: {
    required: { image: ['IMAGE'], filename_prefix: filenamePrefix('ComfyUI') },
    output: [],
    outputNode: true,
    category: 'flow',
    run: async () => ({
      values: [],
      expand: graphOf({
        '1': { class_type: 'ImageInvert', inputs: { image: [OWN_INPUT, 'image'] } },
        '2': saver([OWN_INPUT, 'image']),
        '3': saver(['1', 0]),
      }),
    }),
  },
  /** Writes numbered frames into a folder that has the name of the prefix. */
  SaveFrames: outputNode({
    required: { images: ['IMAGE'], filename_prefix: filenamePrefix('frames') },
    category: 'flow',
    save: async (inputs, { folders }) => {
      const subfolder = textInput(inputs, 'filename_prefix');
      const frames = await Promise.all(batchInput(inputs, 'images').map(encodePng));
      const images = frames.map((frame, n) => {
        const place = { filename: `frame_${n}.png`, subfolder, type: 'output' } as const;
        folders.write(place, frame);
        return place;
      });
      return { images };
    },
  }),
  /** Writes a file without a number: a name and an extension. */
  SaveModel: outputNode({
    required: { images: ['IMAGE'], filename_prefix: filenamePrefix('model'), extension: ['STRING', {}] },
    category: 'flow',
    save: async (inputs, context) => {
      const filename = `${textInput(inputs, 'filename_prefix')}.${textInput(inputs, 'extension')}`;
      const place = { filename, subfolder: '', type: 'output' } as const;
      context.folders.write(place, await model(inputs));
      return { '3d': [place] };
    },
  }),
};

/** The prefix is linked, as the input of the expanded node. */
const saver = (images: readonly [string, string | number]) => ({
  class_type: 'SaveImage',
  inputs: { images, filename_prefix: [OWN_INPUT, 'filename_prefix'] },
});

/** Bytes of no known type, from which the first image can be read. */
async function model(inputs: Inputs): Promise<Buffer> {
  const [first] = batchInput(inputs, 'images');
  if (!first) throw new Error('there is no image');
  return Buffer.concat([Buffer.from('MODEL'), await encodePng(first)]);
}
