import { Blocker } from './Blocker.js';
import { NodeException } from './NodeException.js';
import { type NodeClass, numberInput, textInput } from './nodeClass.js';
import { filenamePrefix } from './outputNode.js';
import { OWN_INPUT } from './PromptGraph.js';
import { graphOf } from './prompt.js';

const SLEEP_STEPS = 10;

/** Nodes that change how a prompt runs: stand-ins for custom nodes. */
export const flowNodes: Record<string, NodeClass> = {
  /** Blocks all nodes that depend on it. */
  BlockImage: passing({ message: ['STRING', {}] }, async (inputs) => ({
    values: [new Blocker(textInput(inputs, 'message'))],
  })),
  /** Expands into two nodes: one inverts the image and one previews the result. */
  InvertAndPreview: passing({}, async () => ({
    values: [['1', 0]],
    expand: graphOf({
      '1': { class_type: 'ImageInvert', inputs: { image: [OWN_INPUT, 'image'] } },
      '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    }),
  })),
  /** Expands into two nodes: one inverts the image and one saves the result. It is no output node, so its file name has no mark. */
  InvertAndKeep: passing({}, async () => ({
    values: [['1', 0]],
    expand: graphOf({
      '1': { class_type: 'ImageInvert', inputs: { image: [OWN_INPUT, 'image'] } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'ComfyUI' } },
    }),
  })),
  PrimitiveString: {
    required: { value: ['STRING', {}] },
    output: ['STRING'],
    category: 'utils/primitive',
    run: async (inputs) => ({ values: [textInput(inputs, 'value')] }),
  },
  /** An output node that saves nothing itself: it expands into a node that does. */
  InvertAndSave: {
    required: { image: ['IMAGE'], filename_prefix: filenamePrefix('ComfyUI') },
    output: [],
    outputNode: true,
    category: 'flow',
    run: async () => ({
      values: [],
      expand: graphOf({
        '1': { class_type: 'ImageInvert', inputs: { image: [OWN_INPUT, 'image'] } },
        '2': {
          class_type: 'SaveImage',
          inputs: { images: ['1', 0], filename_prefix: [OWN_INPUT, 'filename_prefix'] },
        },
      }),
    }),
  },
  RaiseError: passing({ message: ['STRING', {}] }, async (inputs) => {
    throw new NodeException('RuntimeError', `${textInput(inputs, 'message')}\n`);
  }),
  SleepImage: passing({ seconds: ['FLOAT', { default: 1, min: 0, max: 600 }] }, async (inputs, context) => {
    for (let done = 1; done <= SLEEP_STEPS; done += 1) {
      await context.work((numberInput(inputs, 'seconds') * 1000) / SLEEP_STEPS);
      await context.step(done, SLEEP_STEPS);
    }
    return { values: [inputs['image']] };
  }),
};

function passing(required: NodeClass['required'], run: NodeClass['run']): NodeClass {
  return { required: { image: ['IMAGE'], ...required }, output: ['IMAGE'], category: 'flow', run };
}
