import { v4 as uuid } from 'uuid';
import type { Graph } from './prompt.js';

/** A prompt of somebody who uses the machine, too: some work, and a picture of its own. */
export function strangersGraph(seconds: number): Graph {
  const job = `stranger ${uuid()}`;
  return {
    '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 0 } },
    '2': { class_type: 'SleepImage', inputs: { image: ['1', 0], seconds } },
    '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0], job } },
    '4': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'ComfyUI', job } },
  };
}

/** Output nodes of such a prompt. */
export const STRANGERS_OUTPUTS: readonly string[] = ['3', '4'];
