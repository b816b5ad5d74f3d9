/** Several prompts with one id, on the port of ComfyUI's own API. */
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { NativeClient } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import { save } from '../support/nativeRuns.js';
import { png } from '../support/pictures.js';

const site = new NativeSite();
afterEach(() => site.stop());

const ID = 'used-again';

/** A server with one machine, which runs one prompt at a time. */
async function start(): Promise<NativeClient> {
  const client = await site.start({
    simulators: [{ workMs: { InspyrenetRembg: 3000 } }],
    env: { MAX_JOBS_PER_INSTANCE: '1' },
  });
  await client.upload('a.png', await png());
  return client;
}

/** A prompt that runs for three seconds: a machine finishes the node at work even if it is interrupted. */
function slow(prefix: string): Record<string, unknown> {
  const { '1': load, '2': copy } = save('a.png', prefix);
  const work = { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } };
  return { '1': load, '3': work, '2': { ...copy, inputs: { ...copy.inputs, images: ['3', 0] } } };
}

async function submit(
  client: NativeClient,
  prefix: string,
  prompt_id: string,
  prompt: object = save('a.png', prefix),
): Promise<void> {
  const { status, text } = await client.submit({ prompt, prompt_id });
  expect([status, text]).toEqual([200, expect.any(String)]);
}

async function prefixInHistory(client: NativeClient, id: string): Promise<string | undefined> {
  const { [id]: entry } = await client.json(`/history/${id}`);
  return entry?.prompt[2]['2'].inputs.filename_prefix;
}

const ended = (client: NativeClient, id: string, prefix: string) =>
  eventually(async () => expect(await prefixInHistory(client, id)).toBe(prefix));

const job = (client: NativeClient, id = ID) => client.request(`/api/jobs/${id}`);

it('the first prompt is in the history while a second one with its id waits, and after that was deleted', async () => {
  const client = await start();
  await submit(client, 'first', ID);
  await ended(client, ID, 'first');
  site.stack.simulator().occupy();
  await submit(client, 'other', 'other');
  await submit(client, 'second', ID);
  expect(await prefixInHistory(client, ID)).toBe('first');
  const { queue_pending } = await client.json('/queue');
  expect(queue_pending.map((one: unknown[]) => one[1])).toContain(ID);
  expect((await job(client)).json).toMatchObject({ id: ID, status: 'completed' });
  await client.post('/queue', { delete: [ID] });
  const left = (await client.json('/queue')).queue_pending;
  expect(left.map((one: unknown[]) => one[1])).not.toContain(ID);
  expect(await prefixInHistory(client, ID)).toBe('first');
  expect((await job(client)).json).toMatchObject({ id: ID, status: 'completed' });
});

it('the running one of two prompts with one id is cancelled first', async () => {
  const client = await start();
  await submit(client, 'first', ID, slow('first'));
  await eventually(async () => expect((await client.json('/queue')).queue_running).toHaveLength(1));
  await submit(client, 'second', ID);
  const cancel = () => client.post(`/api/jobs/${ID}/cancel`);
  expect((await cancel()).json).toEqual({ cancelled: true });
  await ended(client, ID, 'first');
  await ended(client, ID, 'second');
  expect((await cancel()).json).toEqual({ cancelled: false });
});

it('a prompt replaces the earlier one with its id in the history, as in a ComfyUI', async () => {
  const client = await start();
  const machine = site.newClient(site.stack.simulator().host);
  await machine.upload('a.png', await png());
  for (const one of [client, machine]) {
    await submit(one, 'first', ID);
    await ended(one, ID, 'first');
    await submit(one, 'other', 'other');
    await ended(one, 'other', 'other');
    await submit(one, 'second', ID);
    await ended(one, ID, 'second');
    expect(Object.keys(await one.json('/history'))).toEqual(expect.arrayContaining([ID, 'other']));
    expect(Object.keys(await one.json('/history?max_items=1'))).toEqual(['other']);
  }
  expect((await client.json('/api/jobs')).pagination.total).toBe(2);
  const { [ID]: entry } = await client.json('/history');
  expect((await client.view(entry.outputs['2'].images[0])).status).toBe(200);
  await client.post('/history', { delete: [ID] });
  expect(Object.keys(await client.json('/history'))).toEqual(['other']);
  expect(await prefixInHistory(client, ID)).toBeUndefined();
  expect((await job(client)).status).toBe(404);
});
