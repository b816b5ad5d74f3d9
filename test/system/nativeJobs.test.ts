/** `/api/jobs`: prompts that end in every way, on a simulated ComfyUI and on the server's port in front of another one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { NativeClient } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';

const KEYS = { API_KEYS: 'one:key-of-the-first-one,other:key-of-the-other-one', ALLOW_RAW_WORKFLOWS: 'all' };
const WORK = { workMs: { InspyrenetRembg: 60 } };

const empty = (color: number) => ({
  class_type: 'EmptyImage',
  inputs: { width: 8, height: 8, batch_size: 1, color },
});
const node = (class_type: string, inputs: object) => ({ class_type, inputs });
const preview = node('PreviewImage', { images: ['1', 0] });
const show = (text: string) => node('ShowText|pysssss', { text });
const sleep = (color: number, seconds: number) => ({
  '1': empty(color),
  '2': node('SleepImage', { image: ['1', 0], seconds }),
  '3': node('PreviewImage', { images: ['2', 0] }),
});

const LONG = '😀é'.repeat(600);
const PROMPTS: Readonly<Record<string, Record<string, unknown>>> = {
  saved: {
    '1': empty(1),
    '2': show('before all pictures'),
    '3': preview,
    '4': node('SaveImage', { images: ['1', 0], filename_prefix: 'x' }),
  },
  shown: { '1': empty(2), '2': show('short'), '3': preview },
  told: { '2': show(LONG) },
  latent: {
    '1': node('EmptyLatentImage', { width: 16, height: 16, batch_size: 1 }),
    '2': node('SaveLatent', { samples: ['1', 0], filename_prefix: 'l' }),
  },
  broken: {
    '1': empty(3),
    '2': preview,
    '3': node('ImageInvert', { image: ['1', 0] }),
    '4': node('PreviewImage', { images: ['3', 0] }),
  },
};
const NAMES = [...Object.keys(PROMPTS), 'stopped', 'removed'];
const idOf = (name: string) => `00000000-0000-4000-8000-${String(NAMES.indexOf(name)).padStart(12, '0')}`;
const workflow = (name: string) => ({
  extra_pnginfo: { workflow: { id: `workflow of ${name}`, nodes: [] } },
});

const site = new NativeSite();
let machine: Simulator;
let direct: NativeClient;
let server: NativeClient;
let stranger: NativeClient;

async function submit(client: NativeClient, name: string, prompt: unknown): Promise<string> {
  const prompt_id = idOf(name);
  const extra_data = name === 'told' ? {} : workflow(name);
  const { status } = await client.submit({ prompt, prompt_id, client_id: 'c', extra_data });
  expect(status).toBe(200);
  return prompt_id;
}

/** Runs all prompts, and cancels the last two. */
async function run(client: NativeClient, simulator: Simulator): Promise<void> {
  const socket = await client.connect('c');
  simulator.faults.failNodes.set('ImageInvert', { type: 'ValueError', message: 'it broke' });
  for (const [name, prompt] of Object.entries(PROMPTS))
    await socket.ended(await submit(client, name, prompt));
  const stopped = await submit(client, 'stopped', sleep(4, 30));
  await socket.heard((kinds) => kinds.includes('executing 2'), stopped);
  await submit(client, 'removed', sleep(5, 30));
  const { jobs } = await client.json('/api/jobs?status=pending, In_Progress&sort_order=asc');
  expect(jobs.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual([
    [idOf('stopped'), 'in_progress'],
    [idOf('removed'), 'pending'],
  ]);
  for (const job of jobs) expect(job).toMatchObject({ outputs_count: 0, create_time: expect.any(Number) });
  const waiting = await client.json(`/api/jobs/${idOf('removed')}`);
  expect(waiting).toMatchObject({ status: 'pending', workflow: { extra_data: workflow('removed') } });
  expect(Object.keys(waiting)).not.toContain('outputs');
  const cancel = (name: string) => client.post(`/api/jobs/${idOf(name)}/cancel`);
  expect(await cancel('removed')).toMatchObject({ status: 200, json: { cancelled: true } });
  expect(await cancel('removed')).toMatchObject({ status: 200, json: { cancelled: false } });
  const ids = NAMES.map(idOf);
  expect(await client.post('/api/jobs/cancel', { job_ids: ids })).toMatchObject({
    json: { cancelled: true },
  });
  await socket.ended(stopped);
  expect(await client.post('/api/jobs/cancel', { job_ids: ids })).toMatchObject({
    json: { cancelled: false },
  });
}

beforeAll(async () => {
  machine = await startSimulator(WORK);
  direct = new NativeClient(machine.host);
  server = await site.start({ simulators: [WORK], env: KEYS }, 'key-of-the-first-one');
  stranger = site.newClient(server.host, 'key-of-the-other-one');
  await Promise.all([run(direct, machine), run(server, site.stack.simulator())]);
});

afterAll(async () => {
  direct.close();
  await Promise.all([machine.stop(), site.stop()]);
});

/**
 * Removes what differs: times, what the server does not pass on of an error, and in the names of files the job's id, and the random
 * part and the number of temporary ones.
 */
function comparable(name: string, value: unknown): unknown {
  if (name === 'traceback' || name === 'current_inputs') return undefined;
  if (/^(create_time|execution_(start|end)_time|timestamp)$/.test(name)) {
    return Number.isInteger(value) && Math.abs(Number(value) - Date.now()) < 60_000 ? 'a time' : value;
  }
  if (typeof value !== 'string') return value;
  return value.replace(/[-_][0-9a-f-]{36}(?=_\d+_\.)/, '').replace(/_temp_[a-z]{5}_\d+_/, '_temp_');
}

async function answers(path: string): Promise<unknown[]> {
  const [there, here] = await Promise.all([direct.request(path), server.request(path)]);
  return [there, here].map(({ status, json }) => ({
    status,
    json: JSON.parse(JSON.stringify(json), comparable),
  }));
}

async function expectSame(path: string): Promise<unknown> {
  const [there, here] = await answers(path);
  expect(here).toEqual(there);
  return here;
}

describe('the list of jobs', () => {
  it.each([
    ...['', '?limit=2', '?limit=2&offset=3', '?offset=-4', '?offset=99', '?limit=%2B1_0', '?sort_order=ASC'],
    ...['?status=failed', '?status=completed,cancelled', '?status=%20FAILED%20,', '?status=,', '?status='],
    ...['?workflow_id=workflow%20of%20shown', '?workflow_id=none', '?workflow_id=', '?limit=1&limit=x'],
  ])('is that of ComfyUI for "%s"', async (query) => {
    expect(await expectSame(`/api/jobs${query}`)).toMatchObject({ status: 200 });
  });

  it('has all jobs, the latest first', async () => {
    const { jobs, pagination } = await server.json('/api/jobs');
    expect(jobs.map(({ id }: { id: string }) => id)).toEqual(NAMES.slice(0, -1).map(idOf).reverse());
    expect(pagination).toEqual({ offset: 0, limit: null, total: 6, has_more: false });
  });

  it.each(['asc', 'desc'])('is sorted by how long they ran: %s', async (order) => {
    const { jobs } = await server.json(`/api/jobs?sort_by=Execution_Duration&sort_order=${order}`);
    const times = jobs.map((job: Record<string, number>) => {
      return Number(job['execution_end_time']) - Number(job['execution_start_time']);
    });
    expect(times).toHaveLength(6);
    const sorted = times.toSorted((one: number, other: number) => one - other);
    expect(times).toEqual(order === 'asc' ? sorted : sorted.reverse());
  });

  it('shows what represents each job, and how it ended', async () => {
    const { jobs } = await server.json('/api/jobs');
    const job = (name: string) => jobs.find(({ id }: { id: string }) => id === idOf(name));
    const file = { subfolder: '', nodeId: '4', mediaType: 'images' };
    const saved = job('saved').preview_output;
    expect(saved).toMatchObject({
      ...file,
      type: 'output',
      filename: expect.stringMatching(/^x-.*_00001_\.png$/),
    });
    expect((await server.view(saved)).status).toBe(200);
    expect(job('saved')).toMatchObject({
      outputs_count: 2,
      workflow_id: 'workflow of saved',
      status: 'completed',
    });
    expect(job('shown').preview_output).toMatchObject({ type: 'temp', nodeId: '3' });
    expect(job('told')).toMatchObject({
      outputs_count: 0,
      preview_output: {
        nodeId: '2',
        mediaType: 'text',
        content: [...LONG].slice(0, 1024).join(''),
        truncated: true,
      },
    });
    expect(job('latent')).toMatchObject({ outputs_count: 1, previewable_outputs_count: 0 });
    expect(Object.keys(job('latent'))).not.toContain('preview_output');
    const error = {
      node_id: '3',
      node_type: 'ImageInvert',
      exception_type: 'ValueError',
      exception_message: 'it broke',
    };
    expect(job('broken')).toMatchObject({ status: 'failed', execution_error: error, outputs_count: 1 });
    expect(job('stopped')).toMatchObject({ status: 'cancelled' });
  });
});

describe('a job', () => {
  it.each(NAMES)('is that of ComfyUI: %s', async (name) => {
    expect(await expectSame(`/api/jobs/${idOf(name)}`)).toMatchObject({
      status: name === 'removed' ? 404 : 200,
    });
  });

  it('has the time of its creation in the history, too', async () => {
    const { create_time, workflow, execution_status } = await server.json(`/api/jobs/${idOf('saved')}`);
    const { [idOf('saved')]: entry } = await server.json(`/history/${idOf('saved')}`);
    expect(entry.prompt[3]).toMatchObject({ client_id: 'c', create_time });
    expect(workflow).toEqual({ prompt: entry.prompt[2], extra_data: entry.prompt[3] });
    expect(execution_status).toEqual(entry.status);
  });
});

describe('a list of jobs to cancel', () => {
  it.each(['', 'xx', '{"job_ids":', '[]', '5', 'null'])('is refused if the body is "%s"', async (body) => {
    for (const client of [direct, server]) {
      expect(await client.post('/api/jobs/cancel', body)).toMatchObject({
        status: 400,
        json: { error: expect.any(String) },
      });
    }
  });
});

describe('other keys', () => {
  it('see and cancel none of them', async () => {
    const id = '00000000-0000-4000-8000-0000000000ff';
    await server.submit({ prompt: sleep(9, 30), prompt_id: id });
    const ofId = `/api/jobs/${id}`;
    await eventually(async () => expect(await server.json(ofId)).toMatchObject({ status: 'in_progress' }));
    expect((await stranger.json('/api/jobs')).jobs).toEqual([]);
    expect(await stranger.request(ofId)).toMatchObject({ status: 404, json: { error: 'Job not found' } });
    for (const [path, body] of [[`${ofId}/cancel`], ['/api/jobs/cancel', { job_ids: [id] }]] as const) {
      expect(await stranger.post(path, body)).toMatchObject({ status: 200, json: { cancelled: false } });
    }
    expect(await server.json(ofId)).toMatchObject({ status: 'in_progress' });
    expect((await server.post('/api/jobs/cancel', { job_ids: [id] })).json).toEqual({ cancelled: true });
    await eventually(async () => expect(await server.json(ofId)).toMatchObject({ status: 'cancelled' }));
  });
});

it('a prompt whose id is no UUID can be cancelled in a list, and is gone when the history is', async () => {
  await server.submit({ prompt: sleep(10, 30), prompt_id: 'mine' });
  await eventually(async () =>
    expect(await server.json('/api/jobs/mine')).toMatchObject({ status: 'in_progress' }),
  );
  expect((await server.post('/api/jobs/cancel', { job_ids: ['mine', 'other'] })).status).toBe(400);
  expect((await server.post('/api/jobs/cancel', { job_ids: ['mine'] })).json).toEqual({ cancelled: true });
  await eventually(async () =>
    expect(await server.json('/api/jobs/mine')).toMatchObject({ status: 'cancelled' }),
  );
  await server.post('/history', { delete: ['mine'] });
  expect((await server.request('/api/jobs/mine')).status).toBe(404);
});
