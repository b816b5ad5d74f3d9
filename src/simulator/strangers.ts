import { v4 as uuid } from 'uuid';
import { graphOf, type Prompt } from './prompt.js';

/** A prompt of another client: some work, and an image of its own. */
export function strangersPrompt(number: number, seconds: number): Prompt {
  const job = `stranger ${uuid()}`;
  // A unique colour, so that the result is not cached.
  const color = number % 0x1000000;
  const graph = graphOf({
    '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color } },
    '2': { class_type: 'SleepImage', inputs: { image: ['1', 0], seconds } },
    '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0], job } },
    '4': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'ComfyUI', job } },
  });
  const createTime = Date.now();
  const client = { clientId: undefined, extraData: new Map() };
  return { number, id: uuid(), graph, ...client, createTime, outputs: ['3', '4'] };
}
