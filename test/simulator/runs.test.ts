import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { cutOut, entryOf, inverted, outputOf, run } from './graphs.js';
import { call, FrameRecorder } from './recorder.js';
import { upload, view } from './upload.js';

let simulator: Simulator;
let socket: FrameRecorder;
beforeEach(async () => {
  simulator = await startSimulator();
  socket = await FrameRecorder.open(simulator, 'me');
  await upload(simulator, { type: 'temp', name: 'slot.jpg', bytes: await png() });
});
afterEach(() => simulator.stop());

const passing = (class_type: string, inputs: Readonly<Record<string, unknown>>) => ({
  ...inverted('slot.jpg [temp]'),
  '2': { class_type, inputs: { image: ['1', 0], ...inputs } },
});

const IMAGE = /^ComfyUI_temp_[a-z]{5}_\d{5}_\.png$/;
const shown = { images: [{ filename: expect.stringMatching(IMAGE), subfolder: '', type: 'temp' }] };
const meta = (id: string, node_id = id) => ({
  [id]: { node_id, display_node: node_id, parent_node: null, real_node_id: node_id },
});

describe('a prompt', () => {
  it('with an uploaded image is told node by node, and its output lies in the temp folder', async () => {
    const id = await run(simulator, socket, inverted('slot.jpg [temp]'));
    expect(socket.types(id)).toEqual([
      'execution_start',
      'execution_cached',
      ...['1', '2'].flatMap((node) => ['progress_state', `executing ${node}`, 'progress_state']),
      ...['progress_state', 'executing 3', 'executed 3', 'progress_state'],
      'execution_success',
      'executing null',
    ]);
    expect(outputOf(socket, id)).toEqual(shown);
    expect(await entryOf(simulator, id)).toMatchObject({
      outputs: { '3': shown },
      status: { status_str: 'success', completed: true },
      meta: meta('3'),
    });
    const file = await view(simulator, outputOf(socket, id)['images']?.[0]);
    expect(file.subarray(1, 4).toString()).toBe('PNG');
  });

  it('goes on beside a blocked branch, with an execution_error that is not the end', async () => {
    const other = { '4': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } } };
    const first = await run(simulator, socket, { ...inverted('slot.jpg [temp]'), ...other });
    const prompt = { ...passing('BlockImage', { message: 'not this branch' }), ...other };
    const id = await run(simulator, socket, prompt);
    expect(socket.of(id)[1]?.data['nodes']).toEqual(['1', '4']);
    expect(socket.types(id)).toEqual([
      'execution_start',
      'execution_cached',
      'executed 4',
      'progress_state',
      ...['progress_state', 'executing 2', 'progress_state'],
      ...['progress_state', 'executing 3', 'execution_error', 'progress_state'],
      'execution_success',
      'executing null',
    ]);
    const error = socket.of(id).find(({ type }) => type === 'execution_error');
    expect(error?.data).toEqual({
      prompt_id: id,
      node_id: '3',
      node_type: 'PreviewImage',
      executed: ['2'],
      exception_message: 'Execution Blocked: not this branch',
      exception_type: 'ExecutionBlocked',
      traceback: [],
      current_inputs: [],
      current_outputs: [],
    });
    const entry = await entryOf(simulator, id);
    expect(entry).toMatchObject({ outputs: { '4': outputOf(socket, first, '4') }, meta: meta('4') });
    const { messages, ...status } = entry['status'] as { messages: unknown[][] };
    expect(status).toEqual({ status_str: 'success', completed: true });
    expect(messages.map(([type]) => type)).toEqual([
      'execution_start',
      'execution_cached',
      'execution_success',
    ]);
  });

  it('with a node that expands names inner nodes, and the history which node shows them', async () => {
    const id = await run(simulator, socket, passing('InvertAndPreview', {}));
    expect(socket.types(id).filter((type) => type !== 'progress_state')).toEqual([
      'execution_start',
      'execution_cached',
      'executing 1',
      'executing 2',
      'executing 2.0.0.1',
      'executing 2.0.0.2',
      'executed 2.0.0.2',
      'executing 3',
      'executed 3',
      'execution_success',
      'executing null',
    ]);
    const inner = socket.of(id).find(({ type, data }) => type === 'executing' && data['node'] === '2.0.0.1');
    expect(inner?.data).toEqual({ node: '2.0.0.1', display_node: '2', prompt_id: id });
    const states = socket.of(id).filter(({ type }) => type === 'progress_state');
    const nodes = states.at(-1)?.data['nodes'];
    expect(nodes).toHaveProperty(['2.0.0.2'], {
      value: 1,
      max: 1,
      state: 'finished',
      node_id: '2.0.0.2',
      prompt_id: id,
      display_node_id: '2',
      parent_node_id: '2',
      real_node_id: '2',
    });
    const entry = await entryOf(simulator, id);
    expect(entry['outputs']).toEqual({ '2.0.0.2': shown, '3': shown });
    expect(entry['meta']).toEqual({
      ...meta('3'),
      '2.0.0.2': { node_id: '2.0.0.2', display_node: '2', parent_node: '2', real_node_id: '2' },
    });
  });

  it('that somebody else interrupts ends as interrupted, in the history as an error', async () => {
    const answer = await call(simulator, 'POST', '/prompt', {
      client_id: 'me',
      prompt: passing('SleepImage', { seconds: 60 }),
    });
    const id = (answer.json as { prompt_id: string }).prompt_id;
    simulator.faults.hang = true;
    await eventually(() => expect(socket.types(id)).toContain('executing 2'));
    const stopped = await call(simulator, 'POST', '/interrupt', {});
    expect([stopped.status, stopped.type, stopped.text]).toEqual([200, null, '']);
    await socket.ended(id);
    expect(socket.types(id).slice(-2)).toEqual(['execution_interrupted', 'executing null']);
    const interrupted = {
      prompt_id: id,
      node_id: '2',
      node_type: 'SleepImage',
      executed: ['1'],
      timestamp: expect.any(Number),
    };
    expect(socket.of(id).find(({ type }) => type === 'execution_interrupted')?.data).toEqual(interrupted);
    expect(await entryOf(simulator, id)).toMatchObject({
      outputs: {},
      meta: {},
      status: {
        status_str: 'error',
        completed: false,
        messages: [expect.anything(), expect.anything(), ['execution_interrupted', interrupted]],
      },
    });
  }, 20_000);

  it('with a model that is not there fails when it runs', async () => {
    const id = await run(simulator, socket, {
      '1': { class_type: 'LoadImage', inputs: { image: 'slot.jpg [temp]' } },
      '3': { class_type: 'UpscaleModelLoader', inputs: { model_name: 'nope.pth' } },
      '4': { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['3', 0], image: ['1', 0] } },
      '5': { class_type: 'SaveImage', inputs: { images: ['4', 0], filename_prefix: 'x' } },
    });
    expect(socket.of(id).find(({ type }) => type === 'execution_error')?.data).toMatchObject({
      node_id: '3',
      node_type: 'UpscaleModelLoader',
      exception_message: "Model in folder 'upscale_models' with filename 'nope.pth' not found.\n",
      exception_type: 'FileNotFoundError',
      current_inputs: { model_name: ['nope.pth'] },
    });
  });

  it('that breaks the GPU fails, and so does all that comes later, until a restart', async () => {
    const message = 'CUDA error: an illegal memory access was encountered';
    const failure = (id: string) => socket.of(id).find(({ type }) => type === 'execution_error')?.data;
    const id = await run(simulator, socket, passing('RaiseError', { message }));
    expect(failure(id)).toEqual({
      prompt_id: id,
      node_id: '2',
      node_type: 'RaiseError',
      executed: ['1'],
      exception_message: `${message}\n`,
      exception_type: 'RuntimeError',
      traceback: expect.arrayContaining([expect.stringMatching(/^ {2}File ".*execution.py", line \d+/)]),
      current_inputs: { image: [expect.stringMatching(/^tensor\(/)], message: [message] },
      current_outputs: ['3', '2', '1'],
      timestamp: expect.any(Number),
    });
    for (const prompt of [cutOut('slot.jpg [temp]'), inverted('slot.jpg [temp]')]) {
      expect(failure(await run(simulator, socket, prompt))).toMatchObject({
        exception_message: `${message}\n`,
      });
    }
    await simulator.restart();
    await upload(simulator, { name: 'slot.jpg', bytes: await png() });
    socket = await FrameRecorder.open(simulator, 'me');
    expect(failure(await run(simulator, socket, cutOut('slot.jpg')))).toBeUndefined();
  });
});
