import type { Simulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { call, type FrameRecorder } from './recorder.js';

/** A graph that inverts and saves an uploaded image; `inputs` are added to the saver. */
export function inverted(name: string, inputs: Readonly<Record<string, unknown>> = {}) {
  return {
    '1': { class_type: 'LoadImage', inputs: { image: name } },
    '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
    '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0], ...inputs } },
  };
}

/** A graph that removes the background of an uploaded image with a model. */
export function cutOut(name: string, inputs: Readonly<Record<string, unknown>> = {}) {
  return {
    ...inverted(name, inputs),
    '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
  };
}

/** Submits a prompt for the client of a socket and waits for its end. */
export async function run(
  simulator: Simulator,
  socket: FrameRecorder,
  prompt: unknown,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const answer = await call(simulator, 'POST', '/prompt', { prompt, client_id: 'me', ...more });
  if (answer.status !== 200) throw new Error(answer.text);
  const id = (answer.json as { prompt_id: string }).prompt_id;
  await socket.ended(id);
  return id;
}

/** The history entry of a prompt, once it exists. */
export async function entryOf(simulator: Simulator, id: string): Promise<Record<string, unknown>> {
  let entry: Record<string, unknown> | undefined;
  await eventually(async () => {
    const history = (await call(simulator, 'GET', `/history/${id}`)).json as Record<string, typeof entry>;
    entry = history[id];
    if (!entry) throw new Error('no entry yet');
  });
  return entry ?? {};
}

/** The output in a node's `executed` message. */
export function outputOf(socket: FrameRecorder, promptId: string, node = '3'): Record<string, unknown[]> {
  const executed = socket.of(promptId).find(({ type, data }) => type === 'executed' && data['node'] === node);
  return (executed?.data['output'] ?? {}) as Record<string, unknown[]>;
}
