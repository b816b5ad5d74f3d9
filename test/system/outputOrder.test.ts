/** The order of the outputs of a node that saves several times. */
import { afterEach, describe, expect, it } from 'vitest';
import { ComfyApiClient } from '../support/comfyApi.js';
import { graphWorkflow } from '../support/graphWorkflow.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const GRAPH = {
  '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 0xc81414 } },
  '4': { class_type: 'SaveTwo', inputs: { image: ['1', 0], filename_prefix: 'x' } },
};

/** Nothing is saved behind it, so the history is read. */
const BLOCKED = {
  '2': { class_type: 'BlockImage', inputs: { image: ['1', 0], message: 'not needed' } },
  '5': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'y' } },
};

const NAMES = ['x_00001_.png', 'x_00002_.png'];

async function start(options: StackOptions = {}): Promise<void> {
  stack = await Stack.start(options);
  stack.simulator().faults.reverseHistory = true;
}

describe.each([
  ['their messages', false],
  ['the ids of their nodes if there were no messages', true],
])('a node’s outputs are in the order of %s, whatever the history has', (_order, muteSockets) => {
  it('in REST', async () => {
    const loop = graphWorkflow('loop', {
      outputs: { pair: '4', nothing: '5' },
      build: () => ({ ...GRAPH, ...BLOCKED }) as never,
    });
    await start({ overrides: { workflows: [loop] } });
    stack.simulator().faults.muteSockets = muteSockets;
    const response = await stack.client.request('/api/loop', { method: 'POST' });
    const { outputs } = (await response.json()) as { outputs: { filename: string }[] };
    expect(outputs.map(({ filename }) => filename)).toEqual(NAMES);
  });

  it('in the Comfy API v2', async () => {
    await start();
    stack.simulator().faults.muteSockets = muteSockets;
    const api = new ComfyApiClient(stack.client.baseUrl);
    const { id } = await api.submit({ ...GRAPH, ...BLOCKED });
    const { outputs } = await api.ended(id);
    expect(outputs.map(({ name }) => name)).toEqual(NAMES);
  });
});
