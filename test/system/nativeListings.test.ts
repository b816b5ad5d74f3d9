/** The queue, the history and the jobs on the port of ComfyUI's own API, when they are longer than what is in memory. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, expect, it, vi } from 'vitest';
import { startSimulator } from '../../src/simulator/index.js';
import { PackedJson } from '../../src/utils/PackedJson.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { NativeClient } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import { ServerProcess } from '../support/process.js';

const site = new NativeSite();
afterEach(async () => {
  vi.restoreAllMocks();
  await site.stop();
});

const picture = (color: number, seconds = 0) => ({
  '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color } },
  '2': { class_type: 'SleepImage', inputs: { image: ['1', 0], seconds } },
  '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
});

/** Texts of about this many bytes in a response. */
const notes = (bytes: number) => ({ notes: { text: 'ä 😀 \ud83d "\n'.repeat(bytes / 24), seed: 7.25 } });

async function submit(client: NativeClient, id: string, extra_data: object, seconds = 0): Promise<void> {
  const prompt = picture(id.length * 1000 + (id.codePointAt(0) ?? 0), seconds);
  const { status, text } = await client.submit({ prompt, prompt_id: id, extra_data });
  if (status !== 200) throw new Error(text);
}

async function ended(client: NativeClient, id: string): Promise<void> {
  await eventually(
    async () =>
      expect((await client.json('/api/jobs'))['jobs']).toContainEqual(
        expect.objectContaining({ id, status: 'completed' }),
      ),
    60_000,
  );
}

/** Opens a response without reading it. */
async function opened(client: NativeClient, path: string): Promise<IncomingMessage> {
  const [response] = (await once(get(`http://${client.host}${path}`), 'response')) as [IncomingMessage];
  return response;
}

it('have the same content whether they are short or long', async () => {
  const client = await site.start();
  for (const [id, bytes] of [
    ['short', 240],
    ['long', 480_000],
    ['empty', 0],
  ] as const) {
    await submit(client, id, bytes > 0 ? notes(bytes) : {});
    await ended(client, id);
  }
  await submit(client, 'running', notes(480_000), 120);
  await submit(client, 'waiting', notes(480_000));
  await eventually(async () => expect((await client.json('/queue')).queue_running).toHaveLength(1));
  const entries = [];
  for (const id of ['short', 'long', 'empty']) {
    const { text, json } = await client.request(`/history/${id}`);
    entries.push(text.slice(1, -1));
    const { create_time, ...sent } = json[id].prompt[3];
    expect(sent).toEqual(id === 'empty' ? {} : notes(id === 'long' ? 480_000 : 240));
    const job = await client.json(`/api/jobs/${id}`);
    expect(job).toMatchObject({ id, create_time, outputs_count: 1, outputs: json[id].outputs });
    expect(job.workflow).toEqual({ prompt: json[id].prompt[2], extra_data: json[id].prompt[3] });
    expect(job.execution_status).toEqual(json[id].status);
  }
  expect((await client.request('/history')).text).toBe(`{${entries.join(',')}}`);
  const { queue_running, queue_pending } = await client.json('/queue');
  expect([...queue_running, ...queue_pending].map(([, id]: [number, string]) => id)).toEqual([
    'running',
    'waiting',
  ]);
  expect(queue_pending[0][3]).toMatchObject(notes(480_000));
  const { jobs, pagination } = await client.json('/api/jobs?limit=3');
  expect(jobs).toHaveLength(3);
  expect(pagination).toEqual({ offset: 0, limit: 3, total: 5, has_more: true });
  for (const path of [
    '/history',
    '/history/short',
    '/history/long',
    '/history/none',
    '/queue',
    '/api/jobs/long',
  ]) {
    const plain = await client.fetch(path, { headers: { 'Accept-Encoding': 'identity' } });
    expect(plain.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const text = await plain.text();
    const packed = await client.fetch(path, { headers: { 'Accept-Encoding': 'gzip' } });
    if (text.length > 1024) expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(await packed.text()).toBe(text);
    const head = await client.fetch(path, { method: 'HEAD', headers: { 'Accept-Encoding': 'identity' } });
    expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
  }
});

it('do not parse what was kept of prompts', async () => {
  const client = await site.start();
  const caption = (text: string) => ({ '1': { class_type: 'ShowText|pysssss', inputs: { text } } });
  for (const [id, text] of [
    ['long', 'caption '.repeat(8000)],
    ['short', 'caption'],
  ] as const) {
    await client.submit({ prompt: caption(text), prompt_id: id });
    await ended(client, id);
  }
  const parsing = vi.spyOn(PackedJson.prototype, 'value', 'get');
  for (const sorting of ['created_at', 'execution_duration']) {
    const { jobs } = await client.json(`/api/jobs?sort_by=${sorting}`);
    for (const job of jobs) {
      expect(job).toMatchObject({ status: 'completed', preview_output: { nodeId: '1', mediaType: 'text' } });
      expect(job.execution_end_time).toBeGreaterThanOrEqual(job.execution_start_time);
      expect(job.preview_output.content).toContain('caption');
    }
  }
  for (const path of ['/history', '/history/long', '/queue', '/api/jobs/long', '/api/jobs/short']) {
    expect((await client.request(path)).status).toBe(200);
  }
  expect(parsing).not.toHaveBeenCalled();
});

it('leave out prompts that are removed while a slow client reads', async () => {
  const client = await site.start();
  for (const id of ['a', 'b', 'c', 'd']) {
    await submit(client, id, notes(6_000_000));
    await ended(client, id);
  }
  const response = await opened(client, '/history');
  await client.post('/history', { clear: true });
  const history = JSON.parse(await textOf(response));
  expect(Object.keys(history)[0]).toBe('a');
  expect(Object.keys(history)).not.toContain('d');
  for (const { prompt } of Object.values<{ prompt: unknown[] }>(history)) {
    expect(prompt[3]).toMatchObject(notes(6_000_000));
  }
});

it('fit into a small heap, also for clients that do not read them or disconnect', async () => {
  const simulator = await startSimulator();
  const port = await freePort();
  const server = await ServerProcess.start(
    { COMFYUI_HOST: simulator.host, COMFYUI_API_PORT: String(port) },
    { nodeArguments: ['--max-old-space-size=128'] },
  );
  const client = new NativeClient(`127.0.0.1:${port}`);
  const sockets = Array.from({ length: 30 }, () => connect(port, '127.0.0.1').pause());
  try {
    const [count, bytes] = [20, 9_600_000];
    const long = { notes: 'all work and no play makes'.repeat(bytes / 26) };
    for (let n = 0; n < count; n += 1) {
      await submit(client, `${n}`, long);
      await ended(client, `${n}`);
    }
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.write('GET /history HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    }
    for (let n = 0; n < 30; n += 1) (await opened(client, '/history')).destroy();
    const response = await opened(client, '/history');
    let length = 0;
    for await (const chunk of response) length += (chunk as Buffer).length;
    expect(length).toBeGreaterThan(count * long.notes.length);
    await submit(client, 'last', {});
    await ended(client, 'last');
  } finally {
    for (const socket of sockets) socket.destroy();
    client.close();
    await server.kill();
    await simulator.stop();
  }
}, 180_000);
