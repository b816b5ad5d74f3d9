/** Prompts whose errors would be many, on the port of ComfyUI's own API. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NativeClient } from '../support/NativeClient.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let machine: NativeClient;
let server: NativeClient;

beforeAll(async () => {
  stack = await Stack.start({ env: { COMFYUI_API_PORT: '0' } });
  machine = new NativeClient(stack.simulator().host);
  server = new NativeClient(stack.nativeHost);
});

afterAll(() => stack.stop());

const LOST = { class_type: 'LoadImage', inputs: { image: 'gone.png' } };

/** A file that does not exist, and `count` invalid nodes that need it. */
function invalid(count: number): Record<string, unknown> {
  const outputs = Array.from({ length: count }, (_, n): [string, unknown] => [
    `out-${n}`,
    { class_type: 'SaveImage', inputs: { images: ['image', 0] } },
  ]);
  return { image: LOST, ...Object.fromEntries(outputs) };
}

describe('a prompt with many invalid nodes', () => {
  it('is answered as by a ComfyUI, with each dependent output of each node', async () => {
    const prompt = invalid(150);
    const [there, here] = [await machine.submit({ prompt }), await server.submit({ prompt })];
    expect(here.json.node_errors.image.dependent_outputs).toHaveLength(150);
    expect([here.status, here.json]).toEqual([there.status, there.json]);
  });

  it('is answered at once and briefly if it has as many nodes as a graph may have', async () => {
    const { status, json, text } = await server.submit({ prompt: invalid(1999) });
    expect([status, json.error.type]).toEqual([400, 'prompt_outputs_failed_validation']);
    expect(text.length).toBeLessThan(2_000_000);
    expect(Object.keys(json.node_errors).slice(0, 2)).toEqual(['image', 'out-0']);
    expect(json.node_errors['out-0'].errors[0].type).toBe('required_input_missing');
  });

  it('runs what is valid, and reports the rest', async () => {
    const empty = { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } };
    const preview = { class_type: 'PreviewImage', inputs: { images: ['empty', 0] } };
    const prompt = { ...invalid(1997), empty, preview };
    const { status, json, text } = await server.submit({ prompt });
    expect([status, Object.keys(json.node_errors)[0]]).toEqual([200, 'image']);
    expect(text.length).toBeLessThan(2_000_000);
  });
});

describe('a prompt beyond the limits of graphs', () => {
  it.each([
    ['nodes', invalid(2000), 'The prompt has more than 2000 nodes.'],
    [
      'inputs of a node',
      {
        a: {
          class_type: 'LoadImage',
          inputs: Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [n, 0])),
        },
      },
      'Cannot execute because a node has more than 1000 inputs.',
    ],
    [
      'characters of an id',
      { ['a'.repeat(201)]: LOST },
      'Cannot execute because a node has an id of more than 200 characters.',
    ],
    [
      'characters of a name',
      { a: { class_type: 'LoadImage', inputs: { ['a'.repeat(201)]: 0 } } },
      'Cannot execute because a node has an input whose name has more than 200 characters.',
    ],
  ])('by the number of %s is refused', async (_what, prompt, message) => {
    const { status, json } = await server.submit({ prompt });
    expect([status, json.error.type, json.error.message]).toEqual([400, 'invalid_prompt', message]);
    expect(json.node_errors).toEqual({});
  });
});
