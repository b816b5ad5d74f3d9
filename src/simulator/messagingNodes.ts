import { ownFrame, textFrame } from './frames.js';
import { encodePng } from './images.js';
import { batchInput, type NodeClass, type NodeContext, textInput } from './nodeClass.js';
import { outputNode } from './outputNode.js';

/** What SwarmUI's nodes announce with `progress`, as its value and maximum. */
const ANNOUNCED = { image: 12345, video: 12346, text: 12347 } as const;
/** Event types of binary frames. */
const PREVIEW = 1;
const TEXT = 3;
const SWARM_RAW = 10;
/** SwarmUI's numbers of formats. */
const PNG = 2;
const WEBP = 3;

/** Sends a result as SwarmUI's nodes do: a `progress` without a prompt id, then the frame. */
function announce(context: NodeContext, kind: keyof typeof ANNOUNCED, frame: Buffer): void {
  const id = ANNOUNCED[kind];
  context.tell({ type: 'progress', data: { value: id, max: id } });
  context.tell(frame);
}

/** Nodes that send messages and binary frames of their own over the WebSocket. */
export const messagingNodes: Record<string, NodeClass> = {
  SwarmSaveImageWS: outputNode({
    required: { images: ['IMAGE'] },
    optional: { bit_depth: [['8bit', '16bit', 'raw'], { default: '8bit' }] },
    category: 'SwarmUI/images',
    neverCached: true,
    save: async (inputs, context) => {
      for (const image of batchInput(inputs, 'images')) {
        const frame =
          inputs['bit_depth'] === 'raw'
            ? ownFrame(SWARM_RAW, PREVIEW, image.data)
            : ownFrame(PREVIEW, PNG, await encodePng(image));
        announce(context, 'image', frame);
      }
      return undefined;
    },
  }),
  SwarmSaveAnimationWS: outputNode({
    required: { images: ['IMAGE'] },
    category: 'SwarmUI/video',
    neverCached: true,
    save: async (inputs, context) => {
      const frames = batchInput(inputs, 'images').map(({ data }) => data);
      announce(context, 'video', ownFrame(PREVIEW, WEBP, Buffer.concat(frames)));
      return undefined;
    },
  }),
  SwarmAddSaveMetadataWS: outputNode({
    required: { key: ['STRING', {}], value: ['STRING', {}] },
    category: 'SwarmUI/images',
    save: async (inputs, context) => {
      const text = `${textInput(inputs, 'key')}:${textInput(inputs, 'value')}`;
      announce(context, 'text', ownFrame(TEXT, 0, Buffer.from(text)));
      return undefined;
    },
  }),
  /** An output node that sends core's progress text, and whose pack tells all clients of it. */
  TellEverybody: outputNode({
    required: { image: ['IMAGE'], text: ['STRING', {}] },
    category: 'flow',
    neverCached: true,
    save: async (inputs, context) => {
      const text = textInput(inputs, 'text');
      context.tell(textFrame(context.id, text));
      context.tell({ type: 'my-node-feedback', data: { node: context.id, text } }, true);
      context.tell({ type: 'my-node-text', data: text }, true);
      context.tell(ownFrame(SWARM_RAW, 0, Buffer.from(text)), true);
      await context.step(1, 1);
      return undefined;
    },
  }),
};
