import type { Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { addressOf, startControl } from '../../src/simulator/control.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { call, FrameRecorder } from './recorder.js';

let simulator: Simulator;
afterEach(() => simulator.stop());

const start = async (options: SimulatorOptions = {}) => {
  simulator = await startSimulator({
    workMs: { InspyrenetRembg: 20, ImageUpscaleWithModel: 40 },
    ...options,
  });
};

async function cutOut(n = 1) {
  const image = (await png({ colour: colourOf(n) })).toString('base64');
  return {
    '1': { class_type: 'ETN_LoadImageBase64', inputs: { image } },
    '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'rec' } },
  };
}

async function upscale(n = 1) {
  const image = (await png({ colour: colourOf(n) })).toString('base64');
  return {
    '1': { class_type: 'ETN_LoadImageBase64', inputs: { image } },
    '2': { class_type: 'UpscaleModelLoader', inputs: { model_name: '4x_NMKD-Siax_200k.pth' } },
    '3': { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['2', 0], image: ['1', 0] } },
    '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'up' } },
  };
}

async function submit(prompt: unknown, client_id: string, prompt_id?: string): Promise<string> {
  const { status, json } = await call(simulator, 'POST', '/prompt', { prompt, client_id, prompt_id });
  expect(status).toBe(200);
  expect(Object.keys(json)).toEqual(['prompt_id', 'number', 'node_errors']);
  return (json as { prompt_id: string }).prompt_id;
}

const history = async (id: string) =>
  (await call(simulator, 'GET', `/history/${id}`)).json as Record<string, Record<string, unknown>>;

describe('a run', () => {
  it('sends its messages in order, and the output with its file', async () => {
    await start();
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(await cutOut(), 'me', 'chosen-id');
    expect(id).toBe('chosen-id');
    await socket.ended(id);
    expect(socket.types(id)).toEqual([
      'execution_start',
      'execution_cached',
      'progress_state',
      'executing 1',
      'progress_state',
      'progress_state',
      'executing 2',
      'progress_state',
      'progress_state',
      'executing 3',
      'executed 3',
      'progress_state',
      'execution_success',
      'executing null',
    ]);
    expect(socket.of(id).find(({ type }) => type === 'executed')?.data).toEqual({
      node: '3',
      display_node: '3',
      output: { images: [{ filename: 'rec_00001_.png', subfolder: '', type: 'output' }] },
      prompt_id: id,
    });
    const states = socket.of(id).filter(({ type }) => type === 'progress_state');
    expect(states.at(-1)?.data).toHaveProperty('nodes.3', {
      value: 1,
      max: 1,
      state: 'finished',
      node_id: '3',
      prompt_id: id,
      display_node_id: '3',
      parent_node_id: null,
      real_node_id: '3',
    });
    const view = await fetch(`http://${simulator.host}/view?filename=rec_00001_.png&subfolder=&type=output`);
    expect([view.status, view.headers.get('content-type')]).toEqual([200, 'image/png']);
  });

  it('reports the steps of a node twice, as its state and as progress', async () => {
    await start();
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(await upscale(), 'me');
    await socket.ended(id);
    const steps = socket.of(id).filter(({ type }) => type === 'progress');
    expect(steps.map(({ data }) => data)).toEqual(
      [1, 2, 3, 4].map((value) => ({ value, max: 4, node: '3', prompt_id: id })),
    );
    for (const step of steps) {
      expect(socket.frames[socket.frames.indexOf(step) - 1]?.type).toBe('progress_state');
    }
  });

  it('tells the queue to everybody, greets with it, and counts it down', async () => {
    await start();
    const [mine, other] = [
      await FrameRecorder.open(simulator, 'me'),
      await FrameRecorder.open(simulator, 'other'),
    ];
    const id = await submit(await cutOut(), 'me');
    await mine.ended(id);
    const remaining = (recorder: FrameRecorder) =>
      recorder.frames.filter(({ type }) => type === 'status').map(({ data }) => data['status']);
    const counted = [0, 1, 1, 0].map((queue_remaining) => ({ exec_info: { queue_remaining } }));
    await eventually(() => expect(remaining(other)).toEqual(counted));
    expect(remaining(mine)).toEqual(counted);
    expect(mine.frames[0]?.data['sid']).toBe('me');
    expect(other.of(id)).toEqual([]);
  });

  it('from the cache names every node, tells the earlier file, and may be over before the answer', async () => {
    await start();
    const socket = await FrameRecorder.open(simulator, 'me');
    await socket.ended(await submit(await cutOut(), 'me'));
    const id = await submit(await cutOut(), 'me');
    await socket.ended(id);
    expect(socket.types(id)).toEqual([
      'execution_start',
      'execution_cached',
      'executed 3',
      'progress_state',
      'execution_success',
      'executing null',
    ]);
    const [, cached, executed, state] = socket.of(id);
    expect(cached?.data['nodes']).toEqual(['1', '2', '3']);
    expect(executed?.data).toHaveProperty('output.images.0.filename', 'rec_00001_.png');
    expect(Object.keys(state?.data['nodes'] as object)).toEqual(['3']);
  });

  it('from the cache in part runs only what differs', async () => {
    await start();
    const socket = await FrameRecorder.open(simulator, 'me');
    const first = await cutOut();
    await socket.ended(await submit(first, 'me'));
    const save = { ...first['3'], inputs: { ...first['3'].inputs, filename_prefix: 'sub/other' } };
    const id = await submit({ ...first, '3': save }, 'me');
    await socket.ended(id);
    expect(socket.of(id)[1]?.data['nodes']).toEqual(['1', '2']);
    expect(socket.types(id)).not.toContain('executing 2');
    expect(socket.of(id).find(({ type }) => type === 'executed')?.data).toHaveProperty('output.images', [
      { filename: 'other_00001_.png', subfolder: 'sub', type: 'output' },
    ]);
  });

  it('on an older server has no progress_state, no execution_success, its own id and no job', async () => {
    await start({ generation: 'older' });
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(await cutOut(), 'me', 'chosen-id');
    expect(id).not.toBe('chosen-id');
    await socket.ended(id);
    expect(socket.types(id)).toEqual([
      'execution_start',
      'execution_cached',
      'executing 1',
      'executing 2',
      'executing 3',
      'executed 3',
      'executing null',
    ]);
    expect((await call(simulator, 'GET', '/api/jobs')).status).toBe(404);
    expect((await history(id))[id]?.['prompt']).toEqual(expect.arrayContaining([{ client_id: 'me' }]));
  });

  it('is one at a time, the others wait in order', async () => {
    await start();
    const socket = await FrameRecorder.open(simulator, 'me');
    const ids = [];
    for (const n of [1, 2, 3]) ids.push(await submit(await cutOut(n), 'me'));
    for (const id of ids) await socket.ended(id);
    const order = socket.frames.filter(
      ({ type }) => type === 'execution_start' || type === 'execution_success',
    );
    expect(order.map(({ data }) => data['prompt_id'])).toEqual(ids.flatMap((id) => [id, id]));
  });
});

describe('a run that fails', () => {
  it.each([
    ['itself', { '1': '1' }],
    ['a node that depends on it', { '1': '2', '2': '1' }],
  ])(
    'because an input that its class does not declare links to %s ends, and the next one runs',
    async (_, links) => {
      await start();
      const socket = await FrameRecorder.open(simulator, 'me');
      const image = (await png()).toString('base64');
      const nodes = Object.entries(links).map(([id, source]) => [
        id,
        { class_type: 'ETN_LoadImageBase64', inputs: { image, more: [source, 0] } },
      ]);
      const saver = { class_type: 'PreviewImage', inputs: { images: ['1', 0] } };
      const id = await submit({ ...Object.fromEntries(nodes), '3': saver }, 'me');
      await socket.ended(id);
      expect(socket.of(id).find(({ type }) => type === 'execution_error')?.data).toMatchObject({
        exception_type: 'graph.DependencyCycleError',
        exception_message: 'Dependency cycle detected',
      });
      const next = await submit(await cutOut(), 'me');
      await socket.ended(next);
      expect(socket.types(next)).toContain('execution_success');
    },
  );

  it('ends with execution_error, in the history too', async () => {
    await start();
    simulator.faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom\n' });
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(await cutOut(), 'me');
    await socket.ended(id);
    expect(socket.types(id).slice(-3)).toEqual(['executing 2', 'execution_error', 'executing null']);
    const error = socket.of(id).find(({ type }) => type === 'execution_error');
    expect(error?.data).toMatchObject({
      node_id: '2',
      node_type: 'InspyrenetRembg',
      exception_type: 'ValueError',
      exception_message: 'boom\n',
      executed: ['1'],
      traceback: expect.arrayContaining([expect.stringContaining('execution.py')]),
      current_outputs: expect.any(Array),
    });
    const entry = (await history(id))[id];
    expect(entry).toMatchObject({
      outputs: {},
      status: {
        status_str: 'error',
        completed: false,
        messages: [
          ['execution_start', expect.anything()],
          ['execution_cached', expect.anything()],
          ['execution_error', error?.data],
        ],
      },
    });
  });

  it('fails in the loader for bytes that are no image', async () => {
    await start();
    const socket = await FrameRecorder.open(simulator, 'me');
    const prompt = await cutOut();
    const id = await submit(
      { ...prompt, '1': { ...prompt['1'], inputs: { image: 'bm90IGFuIGltYWdl' } } },
      'me',
    );
    await socket.ended(id);
    expect(socket.of(id).find(({ type }) => type === 'execution_error')?.data).toMatchObject({
      node_id: '1',
      exception_type: 'PIL.UnidentifiedImageError',
    });
  });
});

describe('trap', () => {
  it("1: events go to the owner's socket alone and are not kept", async () => {
    await start();
    const id = await submit(await cutOut(), 'late');
    await eventually(async () => expect(await history(id)).toHaveProperty(id));
    const late = await FrameRecorder.open(simulator, 'late');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(late.frames.map(({ type }) => type)).toEqual(['status']);
  });

  it('2: execution_success comes before the history entry, executing null after it', async () => {
    await start({ historyDelayMs: 1500 });
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(await cutOut(), 'me');
    await eventually(() => expect(socket.types(id)).toContain('execution_success'));
    expect(await history(id)).toEqual({});
    await socket.ended(id);
    expect(await history(id)).toHaveProperty(id);
  });

  it('3: a second socket with the same id takes over, and goes deaf when the first is closed', async () => {
    await start();
    const first = await FrameRecorder.open(simulator, 'same');
    const second = await FrameRecorder.open(simulator, 'same');
    const heard = await submit(await cutOut(1), 'same');
    await second.ended(heard);
    expect(first.of(heard)).toEqual([]);
    await first.close();
    const unheard = await submit(await cutOut(2), 'same');
    await eventually(async () => expect(await history(unheard)).toHaveProperty(unheard));
    expect(second.isOpen).toBe(true);
    expect(second.of(unheard)).toEqual([]);
  });

  it('4: a socket that reconnects hears of the node at work without a prompt id', async () => {
    await start();
    simulator.faults.hang = true;
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(await cutOut(), 'me');
    await eventually(() => expect(socket.types(id)).toContain('executing 2'));
    await socket.close();
    const again = await FrameRecorder.open(simulator, 'me');
    await eventually(() => expect(again.frames.map(({ type }) => type)).toEqual(['status', 'executing']));
    expect(again.frames[1]?.data).toEqual({ node: '2' });
    simulator.faults.hang = false;
    await again.ended(id);
  });

  it('5: queue and history are gone after a restart', async () => {
    await start();
    const done = await submit(await cutOut(1), 'me');
    await eventually(async () => expect(await history(done)).toHaveProperty(done));
    simulator.faults.hang = true;
    const lost = await submit(await cutOut(2), 'me');
    await simulator.restart();
    // The client's keep-alive connection was closed with the server.
    await eventually(async () => expect(await history(done)).toEqual({}));
    expect(await history(lost)).toEqual({});
    expect((await call(simulator, 'GET', '/queue')).json).toEqual({ queue_running: [], queue_pending: [] });
  });

  it('6: queue and history carry the whole prompt, until it is deleted', async () => {
    await start();
    const create_time = expect.any(Number) as number;
    simulator.faults.hang = true;
    const prompt = await cutOut();
    const id = await submit(prompt, 'me');
    const waiting = await submit(await cutOut(2), 'me');
    await eventually(async () => {
      expect((await call(simulator, 'GET', '/queue')).json).toEqual({
        queue_running: [[0, id, prompt, { client_id: 'me', create_time }, ['3']]],
        queue_pending: [[1, waiting, await cutOut(2), { client_id: 'me', create_time }, ['3']]],
      });
    });
    expect((await call(simulator, 'GET', '/prompt')).json).toEqual({ exec_info: { queue_remaining: 2 } });
    simulator.faults.hang = false;
    await eventually(async () => expect(await history(waiting)).toHaveProperty(waiting));
    expect((await history(id))[id]?.['prompt']).toEqual([
      0,
      id,
      prompt,
      { client_id: 'me', create_time },
      ['3'],
    ]);
    expect(Object.keys((await call(simulator, 'GET', '/history?max_items=1')).json)).toEqual([waiting]);
    await call(simulator, 'POST', '/history', { delete: [id] });
    expect(await history(id)).toEqual({});
  });

  it('7: an interrupt stops the prompt it names if that runs, and no other; without a name, any', async () => {
    await start();
    simulator.faults.hang = true;
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(await cutOut(1), 'me');
    await eventually(() => expect(socket.types(id)).toContain('executing 2'));
    await call(simulator, 'POST', '/interrupt', { prompt_id: 'another' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(socket.types(id)).not.toContain('executing null');
    await call(simulator, 'POST', '/interrupt', { prompt_id: id });
    await socket.ended(id);
    expect(socket.types(id)).toContain('execution_interrupted');
    const next = await submit(await cutOut(2), 'me');
    await eventually(() => expect(socket.types(next)).toContain('executing 2'));
    expect((await call(simulator, 'POST', '/interrupt')).status).toBe(200);
    await socket.ended(next);
    const last = await submit(await cutOut(3), 'me');
    await eventually(() => expect(socket.types(last)).toContain('executing 2'));
    // Unlike elsewhere, a body that is not JSON counts as empty.
    const answer = await fetch(`http://${simulator.host}/interrupt`, { method: 'POST', body: 'xx' });
    expect(answer.status).toBe(200);
    await socket.ended(last);
  });

  it('7: a deleted pending prompt leaves no trace', async () => {
    await start();
    simulator.faults.hang = true;
    const socket = await FrameRecorder.open(simulator, 'me');
    const running = await submit(await cutOut(1), 'me');
    const pending = await submit(await cutOut(2), 'me');
    await call(simulator, 'POST', '/queue', { delete: [pending, running] });
    simulator.faults.hang = false;
    await socket.ended(running);
    expect(socket.types(running)).toContain('execution_success');
    expect(socket.of(pending)).toEqual([]);
    expect(await history(pending)).toEqual({});
  });

  it('8: unknown things are empty answers, missing files 404, and every route is under /api too', async () => {
    await start();
    for (const path of ['/history/unknown', '/object_info/Unknown', '/api/history/unknown']) {
      expect(await call(simulator, 'GET', path)).toMatchObject({ status: 200, text: '{}' });
    }
    expect((await call(simulator, 'GET', '/view?filename=no.png&type=output')).status).toBe(404);
    expect((await call(simulator, 'GET', '/view?filename=../../etc/passwd&type=output')).status).toBe(400);
    expect((await call(simulator, 'GET', '/api/jobs')).json).toMatchObject({ jobs: [] });
    expect((await call(simulator, 'GET', '/jobs')).status).toBe(404);
    expect((await call(simulator, 'GET', '/api/system_stats')).json).toHaveProperty('system.comfyui_version');
    const socket = await FrameRecorder.open(simulator, 'me', '/api/ws');
    expect(socket.isOpen).toBe(true);
  });
});

describe('a refusal', () => {
  const refusal = async (prompt: unknown) => call(simulator, 'POST', '/prompt', prompt);

  it('has the form of its kind', async () => {
    await start();
    const prompt = await cutOut();
    const unknown = await refusal({ prompt: { ...prompt, '2': { class_type: 'NoSuchNode', inputs: {} } } });
    expect(unknown).toMatchObject({ status: 400 });
    expect(unknown.json).toEqual({
      error: {
        type: 'invalid_prompt',
        message: 'Cannot execute because node NoSuchNode does not exist.',
        details: "Node ID '#2'",
        extra_info: {},
      },
      node_errors: {},
    });
    const { '1': _loader, ...withoutLoader } = prompt;
    const missing = await refusal({
      prompt: {
        ...withoutLoader,
        '2': { class_type: 'InspyrenetRembg', inputs: { torchscript_jit: 'default' } },
      },
    });
    expect(missing.json).toMatchObject({
      error: { type: 'prompt_outputs_failed_validation', message: 'Prompt outputs failed validation' },
      node_errors: {
        '2': {
          errors: [{ type: 'required_input_missing', details: 'image', extra_info: { input_name: 'image' } }],
          dependent_outputs: ['3'],
          class_type: 'InspyrenetRembg',
        },
      },
    });
    const bogus = await refusal({
      prompt: {
        ...prompt,
        '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'bogus' } },
      },
    });
    expect(bogus.json).toHaveProperty('node_errors.2.errors.0', {
      type: 'value_not_in_list',
      message: 'Value not in list',
      details: "torchscript_jit: 'bogus' not in ['default', 'on']",
      extra_info: {
        input_name: 'torchscript_jit',
        input_config: [['default', 'on'], {}],
        received_value: 'bogus',
      },
    });
    expect((await refusal({ prompt: { '1': prompt['1'] } })).json).toHaveProperty(
      'error.type',
      'prompt_no_outputs',
    );
    expect((await refusal({})).json).toHaveProperty('error.type', 'no_prompt');
    const broken = await refusal('{bad');
    expect([broken.status, broken.type]).toEqual([500, 'text/plain; charset=utf-8']);
  });
});

describe('a picture', () => {
  it('can be uploaded for LoadImage', async () => {
    await start();
    const form = new FormData();
    form.set('image', new Blob([new Uint8Array(await png())]), 'up.png');
    const response = await fetch(`http://${simulator.host}/upload/image`, { method: 'POST', body: form });
    expect(await response.json()).toEqual({ name: 'up.png', subfolder: '', type: 'input' });
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(
      { ...(await cutOut()), '1': { class_type: 'LoadImage', inputs: { image: 'up.png' } } },
      'me',
    );
    await socket.ended(id);
    expect(socket.types(id)).toContain('execution_success');
  });
});

describe('its control', () => {
  let control: Server;
  afterEach(() => control.close());

  const tell = async (method: string, body?: unknown) => {
    const response = await fetch(`http://${addressOf(control)}/`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };

  it('sets how long a model node works', async () => {
    await start({ workMs: { InspyrenetRembg: 3_600_000 } });
    control = await startControl(simulator, 0, '127.0.0.1');
    expect((await tell('PUT', { workMs: -1 })).status).toBe(400);
    expect((await tell('PUT', { workMs: 0 })).status).toBe(200);
    const socket = await FrameRecorder.open(simulator, 'me');
    const id = await submit(await cutOut(), 'me');
    await socket.ended(id);
    expect(socket.types(id)).toContain('execution_success');
  });

  it('forgets the mischief that there was when it is to behave', async () => {
    await start();
    control = await startControl(simulator, 0, '127.0.0.1');
    expect((await tell('POST', { name: 'never finishes' })).json).toMatchObject({
      sprung: { name: 'never finishes' },
    });
    expect((await tell('DELETE')).json).toMatchObject({ sprung: null });
  });
});
