import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { png } from '../support/pictures.js';
import { entryOf, outputOf } from './graphs.js';
import { call, FrameRecorder } from './recorder.js';
import { textChunks, upload, view } from './upload.js';

let simulator: Simulator;
beforeEach(async () => {
  simulator = await startSimulator();
  await upload(simulator, { name: 'a.png', bytes: await png() });
});
afterEach(() => simulator.stop());

/** A prompt as Python writes it: unordered nodes, and integers and floats that JavaScript changes. */
const GRAPH =
  '{"10": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}, ' +
  '"2": {"inputs": {"images": ["10", 0], "seed": 18446744073709551615, "cfg": 8.0, "noise": 0.8000000000000002, ' +
  '"deep": {"b": [[-9007199254740993, null]], "1": "\\u00e9\\"\\\\"}}, "class_type": "PreviewImage", ' +
  '"_meta": {"title": "\\u7d50\\u679c"}}}';

async function submit(graph: string) {
  const socket = await FrameRecorder.open(simulator, 'me');
  const answer = await call(simulator, 'POST', '/prompt', `{"prompt": ${graph}, "client_id": "me"}`);
  return { socket, answer, id: (answer.json as { prompt_id?: string } | undefined)?.prompt_id ?? '' };
}

it('a prompt keeps numbers, order and what no node knows, in the queue, the history and the picture', async () => {
  simulator.occupy();
  const { socket, id } = await submit(GRAPH);
  expect((await call(simulator, 'GET', '/queue')).text).toContain(GRAPH);
  simulator.release();
  await socket.ended(id);
  await entryOf(simulator, id);
  expect((await call(simulator, 'GET', `/history/${id}`)).text).toContain(GRAPH);
  const chunks = textChunks(await view(simulator, outputOf(socket, id, '2')['images']?.[0]));
  expect(chunks.get('prompt')?.replace(/, "is_changed": \["[0-9a-f]{64}"\]/, '')).toBe(GRAPH);
});

it('a number at its limit is taken, the next one is not', async () => {
  const withAmount = (amount: string, scale = '1') =>
    submit(
      `{"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "RepeatImageBatch", "inputs": {"image": ["1", 0], "amount": ${amount}}},
        "3": {"class_type": "ImageScaleBy", "inputs": {"image": ["2", 0], "scale_by": ${scale},
              "upscale_method": "area"}},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}}}`,
    );
  for (const [amount, error] of [
    ['" 2 "', undefined],
    ['1.9', undefined],
    ['true', undefined],
    ['"2.0"', 'invalid_input_type'],
    ['""', 'invalid_input_type'],
    ['null', 'invalid_input_type'],
    ['[1]', 'bad_linked_input'],
    // Node ids are texts: Python finds no node 1, and that is an exception.
    ['[1, 2]', 'exception_during_inner_validation'],
    ['18446744073709551616', 'value_bigger_than_max'],
    ['-18446744073709551616', 'value_smaller_than_min'],
  ] as const) {
    const { answer } = await withAmount(amount);
    const { node_errors } = answer.json as { node_errors: Record<string, { errors: [{ type: string }] }> };
    expect([amount, node_errors['2']?.errors[0].type]).toEqual([amount, error]);
  }
  expect((await withAmount('1', '"0.5"')).answer.status).toBe(200);
});

it.each([
  '{"1": {"class_type": "LoadImage", "inputs": {"image": "a.png",}}}',
  `${'['.repeat(2000)}${']'.repeat(2000)}`,
  '{"1": 01}',
  '{"1": "line\nbreak"}',
  '{"1": "unended}',
  '{1: 2}',
])('what is no JSON is a failure in plain text', async (graph) => {
  expect((await submit(graph)).answer).toMatchObject({ status: 500, type: 'text/plain; charset=utf-8' });
});
