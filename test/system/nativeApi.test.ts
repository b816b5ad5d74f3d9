import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.js';
import { NativeClient } from '../support/NativeClient.js';
import { png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
const clients: NativeClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await stack.stop();
});

async function start(options: StackOptions = {}): Promise<NativeClient> {
  stack = await Stack.start({ ...options, env: { COMFYUI_API_PORT: '0', ...options.env } });
  return newClient();
}

function newClient(key?: string): NativeClient {
  const client = new NativeClient(stack.nativeHost, key === undefined ? {} : { 'X-API-Key': key });
  clients.push(client);
  return client;
}

const slow = (ms: number) => ({ workMs: { InspyrenetRembg: ms } });
const KEYS = { API_KEYS: 'one:admin:key-of-the-first-one,other:admin:key-of-the-other-one' };

const cutOut = (image: string, filename_prefix = 'cut') => ({
  '1': { class_type: 'LoadImage', inputs: { image } },
  '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix } },
});

/** Uploads an image and submits a prompt that reads it. @returns the prompt's id */
async function run(client: NativeClient, clientId: string, prefix?: string): Promise<string> {
  await client.upload('photo.png', await png({ width: 32, height: 24 }));
  const { json } = await client.submit({ prompt: cutOut('photo.png', prefix), client_id: clientId });
  return String(json.prompt_id);
}

describe('a prompt on the port of ComfyUI’s own API', () => {
  it('is answered, followed and fetched as on a ComfyUI', async () => {
    const client = await start({ simulators: [{}, {}] });
    const socket = await client.connect('client-1');
    const id = await run(client, 'client-1');
    await socket.ended(id);
    expect(socket.messages[0]).toEqual({
      type: 'status',
      data: { status: { exec_info: { queue_remaining: 0 } }, sid: 'client-1' },
    });
    expect(socket.kinds(id).filter((kind) => kind !== 'progress_state' && kind !== 'progress')).toEqual([
      'execution_start',
      'execution_cached',
      'executing 1',
      'executing 2',
      'executing 3',
      'executed 3',
      'execution_success',
      'executing null',
    ]);
    const { [id]: entry } = await client.json(`/history/${id}`);
    expect(entry).toMatchObject({
      prompt: [0, id, cutOut('photo.png'), { client_id: 'client-1' }, ['3']],
      status: { status_str: 'success', completed: true },
      meta: { '3': { node_id: '3', display_node: '3', parent_node: null, real_node_id: '3' } },
    });
    const [image] = entry.outputs['3'].images;
    const { status, type, bytes } = await client.view(image);
    expect({ status, type }).toEqual({ status: 200, type: 'image/png' });
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 32, height: 24, hasAlpha: true });
  });

  it('runs only the outputs that are its targets, and is told to the client that its extra data names', async () => {
    const client = await start();
    const socket = await client.connect('named in the extra data');
    await client.upload('photo.png', await png());
    const prompt = {
      ...cutOut('photo.png'),
      '4': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    };
    const { json } = await client.submit({
      prompt,
      extra_data: { client_id: 'named in the extra data' },
      partial_execution_targets: ['4'],
    });
    await socket.ended(json.prompt_id);
    const executed = socket.kinds(json.prompt_id).filter((kind) => kind.startsWith('execut'));
    expect(executed).toContain('executed 4');
    expect(executed).not.toContain('executing 2');
    const { [json.prompt_id]: entry } = await client.json('/history');
    const create_time = expect.any(Number) as number;
    expect(entry.prompt.slice(2)).toEqual([
      prompt,
      { client_id: 'named in the extra data', create_time },
      ['4'],
    ]);
    expect(Object.keys(entry.outputs)).toEqual(['4']);
  });

  it('gives a file as soon as its message arrives, while the job still runs', async () => {
    const client = await start({ simulators: [slow(1000)] });
    const socket = await client.connect('c');
    await client.upload('photo.png', await png());
    const graph = {
      ...cutOut('photo.png'),
      '4': { class_type: 'InspyrenetRembg', inputs: { image: ['2', 0], torchscript_jit: 'on' } },
      '5': { class_type: 'PreviewImage', inputs: { images: ['4', 0] } },
    };
    const { json } = await client.submit({
      prompt: graph,
      client_id: 'c',
      prompt_id: 'chosen by the client',
    });
    expect(json.prompt_id).toBe('chosen by the client');
    await socket.heard((kinds) => kinds.includes('executed 3'), json.prompt_id);
    const made = socket.of(json.prompt_id).find(({ type }) => type === 'executed')?.data['output'];
    const [image] = (made as { images: Record<string, string>[] }).images;
    expect(await client.view(image ?? {})).toMatchObject({ status: 200, type: 'image/png' });
    expect(socket.kinds(json.prompt_id)).not.toContain('execution_success');
    await socket.ended(json.prompt_id);
    const { [json.prompt_id]: entry } = await client.json('/history');
    expect(Object.keys(entry.outputs).sort()).toEqual(['3', '5']);
    const [preview] = entry.outputs['5'].images;
    expect(preview.type).toBe('temp');
    expect(await client.view(preview)).toMatchObject({ status: 200, type: 'image/png' });
  });

  it('that fails over in mid-run begins again for its client, and ends well', async () => {
    const client = await start({ simulators: [slow(1000), slow(1000)] });
    const socket = await client.connect('c');
    const id = await run(client, 'c');
    await socket.heard((kinds) => kinds.includes('executing 2'), id);
    const busy = stack.simulators.find(({ executions }) => executions.length > 0);
    await busy?.unplug();
    await socket.ended(id, 30_000);
    const kinds = socket.kinds(id);
    expect(kinds.filter((kind) => kind === 'execution_start')).toHaveLength(2);
    expect(kinds).not.toContain('execution_error');
    expect(kinds.slice(-2)).toEqual(['execution_success', 'executing null']);
    const { [id]: entry } = await client.json(`/history/${id}`);
    expect(entry.status.messages.map(([type]: [string]) => type)).toEqual([
      'execution_start',
      'execution_cached',
      'execution_success',
    ]);
    expect(await client.view(entry.outputs['3'].images[0])).toMatchObject({ status: 200 });
  });

  it('whose messages were lost ends all the same, with what it made', async () => {
    const client = await start();
    stack.simulator().faults.muteSockets = true;
    const socket = await client.connect('c');
    const id = await run(client, 'c');
    await socket.ended(id, 30_000);
    expect(socket.kinds(id)).toEqual(['executed 3', 'execution_success', 'executing null']);
    const { [id]: entry } = await client.json(`/history/${id}`);
    expect(await client.view(entry.outputs['3'].images[0])).toMatchObject({ status: 200, type: 'image/png' });
  });

  it('whose messages were lost has its outputs as the machine lists them', async () => {
    const client = await start();
    const socket = await client.connect('c');
    const empty = { width: 32, height: 32, batch_size: 2, color: 51 };
    const video = { frame_rate: 8, loop_count: 0, format: 'video/h264-mp4', pingpong: false };
    const prompt = {
      '1': { class_type: 'EmptyImage', inputs: empty },
      '2': {
        class_type: 'VHS_VideoCombine',
        inputs: { images: ['1', 0], filename_prefix: 'sub/fo/clip', save_output: true, ...video },
      },
      '3': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
      '4': { class_type: 'ShowText|pysssss', inputs: { text: 'hi' } },
    };
    const names = new Set(['filename', 'fullpath', 'workflow']);
    const shapeOf = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (key, one) => (names.has(key) ? key : one)));
    const shapes: unknown[] = [];
    for (const isMute of [false, true]) {
      stack.simulator().faults.muteSockets = isMute;
      const { status, json } = await client.submit({ prompt, client_id: 'c' });
      expect({ status, json }).toMatchObject({ status: 200 });
      const id: string = json.prompt_id;
      await socket.ended(id, 30_000);
      const { [id]: entry } = await client.json(`/history/${id}`);
      const told = socket.of(id).filter(({ type }) => type === 'executed');
      const made = Object.fromEntries(told.map(({ data }) => [String(data['node']), data['output']]));
      expect(made).toEqual(entry.outputs);
      expect(told).toHaveLength(3);
      for (const file of [...entry.outputs['2'].gifs, ...entry.outputs['3'].images]) {
        expect(await client.view(file)).toMatchObject({ status: 200 });
      }
      shapes.push(shapeOf([entry.outputs, entry.meta]));
    }
    expect(shapes[0]).toMatchObject([
      {
        '2': { gifs: [{ subfolder: 'sub/fo', format: 'video/h264-mp4' }] },
        '3': { images: [{ type: 'temp' }, {}] },
      },
      {},
    ]);
    expect(shapes[1]).toEqual(shapes[0]);
  });

  it.each([
    ['deep', '['.repeat(900)],
    ['too deep', '['.repeat(1500)],
    ['no number', '"score":[NaN,Infinity,-Infinity]'],
  ] as const)(
    'whose nodes report values that are %s is told, listed and fetched, whatever its files are called',
    async (how, written) => {
      const client = await start();
      const socket = await client.connect('c');
      stack.simulator().faults.oddOutputs = how;
      await client.upload('photo.png', await png({ width: 32, height: 24 }));
      const preview = { class_type: 'PreviewImage', inputs: { images: ['1', 0] } };
      const prompt = { ...cutOut('photo.png'), '4': preview };
      const { json } = await client.submit({ prompt, client_id: 'c' });
      const id = String(json.prompt_id);
      await socket.ended(id);
      const { text, json: history } = await client.request(`/history/${id}`);
      expect(text.split(written)).toHaveLength(3);
      for (const node of ['3', '4']) {
        const message = socket.of(id).find(({ type, data }) => type === 'executed' && data['node'] === node);
        const made = message?.data['output'];
        // As text, because the matcher does not compare so many levels.
        expect(JSON.stringify(history[id].outputs[node])).toBe(JSON.stringify(made));
        const [image] = (made as { images: Record<string, string>[] }).images;
        expect(await client.view(image ?? {})).toMatchObject({ status: 200, type: 'image/png' });
      }
      const listed = await client.json(`/api/jobs/${id}`);
      expect(JSON.stringify(listed.outputs)).toBe(JSON.stringify(history[id].outputs));
    },
  );

  it('whose nodes report floats that are no numbers ends, and is listed as the machine writes it', async () => {
    const client = await start({ simulators: [{ hasOddFloats: true }] });
    const socket = await client.connect('c');
    const show = (value: number) => ({ class_type: 'ShowFloat', inputs: { value } });
    const prompt = { '1': show(1111), '2': show(2222), '3': show(3333) };
    const body = JSON.stringify({ prompt, client_id: 'c' })
      .replace('1111', 'NaN')
      .replace('2222', 'Infinity')
      .replace('3333', '-Infinity');
    const { status, json } = await client.request('/prompt', { method: 'POST', body });
    expect({ status, json }).toMatchObject({ status: 200, json: { node_errors: {} } });
    await socket.ended(json.prompt_id);
    expect(socket.kinds(json.prompt_id).at(-2)).toBe('execution_success');
    const { text } = await client.request(`/history/${json.prompt_id}`);
    for (const [id, word] of Object.entries({ 1: 'NaN', 2: 'Infinity', 3: '-Infinity' })) {
      expect(text).toContain(`"${id}":{"value":[${word}],"text":["It is ${word}."]}`);
      expect(text).toContain(`{"value":${word}}`);
    }
    expect(stack.simulator().promptIds).toHaveLength(1);
    const listed = (await client.request('/object_info/ShowFloat')).text;
    expect(listed).toContain('"default": NaN, "min": -Infinity, "max": Infinity');
  });

  it('that fails tells what the machine said', async () => {
    const client = await start();
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
    const socket = await client.connect('c');
    const id = await run(client, 'c');
    await socket.ended(id);
    const error = socket.of(id).find(({ type }) => type === 'execution_error');
    expect(error?.data).toMatchObject({
      node_id: '2',
      node_type: 'InspyrenetRembg',
      exception_message: 'boom',
    });
    const { [id]: entry } = await client.json(`/history/${id}`);
    expect(entry.status).toMatchObject({ status_str: 'error', completed: false });
  });

  it('sends its previews in the form that each client understands', async () => {
    const client = await start();
    const [plain, knowing] = [await client.connect('plain'), await client.connect('knowing')];
    knowing.ws.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
    await eventually(() => expect(knowing.messages.map(({ type }) => type)).toContain('feature_flags'));
    await client.upload('photo.png', await png());
    const graph = {
      '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
      '2': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
    };
    const one = await client.submit({ prompt: graph, client_id: 'plain' });
    const other = await client.submit({ prompt: graph, client_id: 'knowing' });
    await plain.ended(one.json.prompt_id);
    await knowing.ended(other.json.prompt_id);
    // An image that is only sent over the socket is a success, as with ComfyUI.
    expect(plain.kinds(one.json.prompt_id)).toContain('execution_success');
    expect(plain.previews.map((frame) => [frame.readUInt32BE(0), frame.readUInt32BE(4)])).toEqual([[1, 2]]);
    expect(await sharp(plain.previews[0]?.subarray(8)).metadata()).toMatchObject({ format: 'png' });
    const [frame = Buffer.alloc(8)] = knowing.previews;
    expect(frame.readUInt32BE(0)).toBe(4);
    const metadata = JSON.parse(frame.toString('utf8', 8, 8 + frame.readUInt32BE(4)));
    expect(metadata).toMatchObject({
      node_id: '2',
      prompt_id: other.json.prompt_id,
      image_type: 'image/png',
    });
    expect(knowing.previews).toHaveLength(1);
  });

  it('reaches the later of two sockets with the same id, which is told the node at work', async () => {
    const client = await start({ simulators: [slow(800)] });
    const first = await client.connect('c');
    const id = await run(client, 'c');
    await first.heard((kinds) => kinds.includes('executing 2'), id);
    const second = await client.connect('c');
    await eventually(() =>
      expect(second.messages).toContainEqual({ type: 'executing', data: { node: '2' } }),
    );
    await first.close();
    await second.ended(id);
    expect(second.kinds(id)).toContain('executed 3');
    expect(first.kinds(id)).not.toContain('executed 3');
  });
});

describe('the queue on the port of ComfyUI’s own API', () => {
  it('lists, deletes and interrupts prompts', async () => {
    const client = await start({ simulators: [slow(3000)], env: { MAX_JOBS_PER_INSTANCE: '1' } });
    const socket = await client.connect('c');
    const running = await run(client, 'c', 'a');
    await socket.heard((kinds) => kinds.includes('executing 2'), running);
    const [second, third] = [await run(client, 'c', 'b'), await run(client, 'c', 'c')];
    expect(await client.json('/prompt')).toEqual({ exec_info: { queue_remaining: 3 } });
    const queue = await client.json('/api/queue');
    expect(queue.queue_running.map((one: unknown[]) => one[1])).toEqual([running]);
    expect(queue.queue_pending.map((one: unknown[]) => one[1])).toEqual([second, third]);
    expect(await client.post('/queue', { delete: [second] })).toMatchObject({ status: 200, text: '' });
    expect((await client.json('/queue')).queue_pending).toHaveLength(1);
    await client.post('/interrupt', { prompt_id: 'not this one' });
    // An id, although no prompt can have it.
    await client.post('/interrupt', { prompt_id: 5 });
    await client.post('/queue', { clear: 0 });
    expect((await client.json('/queue')).queue_pending).toHaveLength(1);
    expect((await client.json('/queue')).queue_running).toHaveLength(1);
    await client.post('/interrupt', { prompt_id: running });
    await socket.ended(running);
    expect(socket.kinds(running).slice(-2)).toEqual(['execution_interrupted', 'executing null']);
    await socket.heard((kinds) => kinds.includes('executing 2'), third);
    await client.post('/interrupt', { prompt_id: '' });
    await socket.ended(third);
    // A prompt deleted from the queue leaves no trace.
    expect(socket.of(second)).toEqual([]);
    expect(await client.json(`/history/${second}`)).toEqual({});
    expect(Object.keys(await client.json('/history'))).toEqual([running, third]);
    expect(await client.json('/api/jobs?status=cancelled')).toMatchObject({ pagination: { total: 2 } });
    await client.post('/history', { delete: [running] });
    expect(Object.keys(await client.json('/history'))).toEqual([third]);
    // ComfyUI uses Python's rules for what is true.
    await client.post('/history', { clear: 1 });
    expect(await client.json('/history')).toEqual({});
  });

  it('interrupts what runs if the body is not JSON, as ComfyUI does', async () => {
    const client = await start({ simulators: [slow(3000)] });
    const socket = await client.connect('c');
    const id = await run(client, 'c', 'a');
    await socket.heard((kinds) => kinds.includes('executing 2'), id);
    // Elsewhere the body has what to do.
    expect((await client.post('/queue', 'xx')).status).toBe(400);
    expect(await client.post('/interrupt', 'xx')).toMatchObject({ status: 200, text: '' });
    await socket.ended(id);
    expect(socket.kinds(id).slice(-2)).toEqual(['execution_interrupted', 'executing null']);
  });

  it('shows each key its own prompts, files and messages, and lets it stop no others', async () => {
    await start({ simulators: [slow(1500)], env: KEYS });
    const [one, other] = [newClient('key-of-the-first-one'), newClient('key-of-the-other-one')];
    const [socket, others] = [await one.connect('same'), await other.connect('same')];
    const id = await run(one, 'same');
    await socket.heard((kinds) => kinds.includes('executing 2'), id);
    await other.post('/interrupt');
    await other.post('/interrupt', { prompt_id: id });
    expect(await other.json('/queue')).toEqual({ queue_running: [], queue_pending: [] });
    expect((await other.submit({ prompt: cutOut('photo.png') })).json.error.type).toBe(
      'prompt_outputs_failed_validation',
    );
    await socket.ended(id);
    expect(socket.kinds(id)).toContain('execution_success');
    expect(others.of(id)).toEqual([]);
    const { [id]: entry } = await one.json(`/history/${id}`);
    expect(await other.json(`/history/${id}`)).toEqual({});
    // Both are admins, who may see all jobs of the REST API. Only the prompt's own client knows the file names.
    expect((await other.view({ filename: 'photo.png', type: 'temp' })).status).toBe(404);
    expect((await one.view(entry.outputs['3'].images[0])).status).toBe(200);
  });

  it('needs a key where there are keys, in a header or in the address', async () => {
    await start({ env: { API_KEYS: 'somebody:admin:key-of-somebody-here' } });
    const stranger = newClient();
    expect(await stranger.request('/queue')).toMatchObject({
      status: 401,
      json: { error: { type: 'unauthorized', message: 'This request needs an API key.' }, node_errors: {} },
    });
    expect((await stranger.request('/queue?token=key-of-somebody-here')).status).toBe(200);
    expect((await stranger.request('/some/page')).status).toBe(401);
    await expect(stranger.connect('c')).rejects.toThrow('401');
    const socket = await stranger.connect('c', '&token=key-of-somebody-here');
    await eventually(() => expect(socket.messages).toHaveLength(1));
  });
});

describe('files on the port of ComfyUI’s own API', () => {
  it.each(['memory', 'disk'])('are kept under the names that ComfyUI gives them, in %s', async (store) => {
    const ASSET_DIR = await mkdtemp(path.join(tmpdir(), 'assets-'));
    const client = await start({ env: { ASSET_STORE: store, ASSET_DIR } });
    const [red, blue] = [
      await png({ colour: { r: 255, g: 0, b: 0 } }),
      await png({ colour: { r: 0, g: 0, b: 255 } }),
    ];
    const named = (name: string, subfolder = '') => ({ name, subfolder, type: 'input' });
    expect(await client.upload('a.png', red)).toEqual(named('a.png'));
    expect(await client.upload('a.png', red)).toEqual(named('a.png'));
    expect(await client.upload('a.png', blue)).toEqual(named('a (1).png'));
    expect(await client.upload('a.png', blue, { subfolder: 'deep/er' })).toEqual(named('a.png', 'deep/er'));
    expect(await client.upload('a.png', blue, { overwrite: 'true' })).toEqual(named('a.png'));
    const view = await client.view({ filename: 'a.png', subfolder: 'deep/er', type: 'input' });
    expect(view.bytes.equals(blue)).toBe(true);
    expect((await client.view({ filename: 'nope.png', type: 'input' })).status).toBe(404);
    expect((await client.view({ filename: '../../etc/passwd', type: 'output' })).status).toBe(400);
    const { LoadImage } = await client.json('/object_info/LoadImage');
    expect(LoadImage.input.required.image[0]).toEqual(expect.arrayContaining(['a.png', 'a (1).png']));
  });

  it('are listed by the loaders of their kind', async () => {
    const client = await start();
    for (const name of ['a.png', 'b.wav', 'c.mp4', 'd.txt']) await client.upload(name, await png());
    const { LoadImage, LoadAudio } = await client.json('/object_info');
    expect(LoadImage.input.required.image[0]).toEqual(['a.png']);
    expect(LoadAudio.input.required.audio[0]).toEqual(['b.wav', 'c.mp4']);
    const machine = new NativeClient(stack.simulator().host);
    for (const name of ['a.png', 'b.wav', 'c.mp4', 'd.txt']) await machine.upload(name, await png());
    expect(LoadAudio).toEqual((await machine.json('/object_info'))['LoadAudio']);
  });

  it('get a mask as their alpha channel', async () => {
    const client = await start();
    await client.upload('photo.png', await png({ width: 32, height: 32 }));
    const mask = await sharp({
      create: { width: 32, height: 32, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    const original_ref = JSON.stringify({ filename: 'photo.png', type: 'input', subfolder: '' });
    const answer = await client.upload(
      'mask.png',
      mask,
      { original_ref, subfolder: 'clipspace' },
      '/upload/mask',
    );
    expect(answer).toEqual({ name: 'mask.png', subfolder: 'clipspace', type: 'input' });
    const { bytes } = await client.view({ filename: 'mask.png', subfolder: 'clipspace', type: 'input' });
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(4);
    expect(data[3]).toBe(128);
  });
});

describe('everything else on the port of ComfyUI’s own API', () => {
  it('goes to a machine, or is told as the whole fleet would', async () => {
    const client = await start({
      simulators: [{ withoutNodes: ['ImageInvert'], models: ['a.pth'] }, { models: ['b.pth'] }],
    });
    const classes = await client.json('/object_info');
    expect(Object.keys(classes)).toEqual(expect.arrayContaining(['ImageInvert', 'SaveImage']));
    expect(JSON.stringify(classes.UpscaleModelLoader)).toMatch(/a\.pth.*b\.pth/);
    expect(await client.json('/models/upscale_models')).toEqual(['a.pth', 'b.pth']);
    expect((await client.json('/system_stats')).devices).toHaveLength(2);
    expect(await client.request('/internal/logs')).toMatchObject({ status: 404, text: '' });
    expect(await client.json('/api/jobs/nope')).toEqual({ error: 'Job not found' });
  });

  it('keeps pages of other origins from opening sockets', async () => {
    const client = await start();
    const page = new NativeClient(client.host, { Origin: 'https://elsewhere.example' });
    await expect(page.connect('c')).rejects.toThrow('403');
  });
});

describe('a client that does not answer pings', () => {
  afterEach(() => vi.useRealTimers());

  it('stays connected, however long it waits', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const client = await start();
    const socket = await client.connect('c');
    socket.ws.pause();
    await vi.advanceTimersByTimeAsync(300_000);
    vi.useRealTimers();
    socket.ws.resume();
    const id = await run(client, 'c');
    await socket.ended(id);
    expect(socket.ws.readyState).toBe(socket.ws.OPEN);
  });
});
