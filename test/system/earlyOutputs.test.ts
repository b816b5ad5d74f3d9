import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { comfyAsset, comfyOutput } from '../../src/schemas/comfy.js';
import { MemoryBlobStore } from '../../src/services/jobs/BlobStore.js';
import { systemClock } from '../../src/utils/clock.js';
import type { Content } from '../../src/utils/StoredFile.js';
import {
  assetReference,
  ComfyApiClient,
  type ComfyJob,
  invertGraph,
  runningOn,
  savedEarly,
} from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { readEvents } from '../support/serverSentEvents.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
let api: ComfyApiClient;
afterEach(() => stack.stop());

async function start(options: StackOptions = {}): Promise<void> {
  stack = await Stack.start(options);
  api = new ComfyApiClient(stack.client.baseUrl);
}

const disk = async () => ({
  ASSET_STORE: 'disk',
  ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
});

/** No job waits on a machine behind another one. */
const ONE_EACH = { MAX_JOBS_PER_INSTANCE: '1' };

/** A job that has saved its image, and still runs. */
async function begun(image: unknown, client = api) {
  for (const { faults } of stack.simulators) faults.hang = true;
  const { id } = await client.submit(savedEarly(image));
  const { outputs } = await client.until(id, (job) => job.outputs.length > 0);
  return { id, output: comfyOutput.parse(outputs[0]) };
}

const uploaded = async (n = 0, client = api) =>
  assetReference((await client.asset(await png({ colour: colourOf(n) }))).id);
const content = (id: string, headers = {}) => api.client.request(`/api/v2/assets/${id}/content`, { headers });
const cancel = (id: string) => api.client.request(`/api/v2/jobs/${id}/cancel`, { method: 'POST' });
const idsOf = ({ outputs }: ComfyJob) => outputs.map(({ id }) => id);
const letGo = () => {
  for (const { faults } of stack.simulators) faults.hang = false;
};

describe.each([
  ['memory', async () => ({})],
  ['disk', disk],
])('an output that a job made before its end, in %s,', (store, env) => {
  it('stays when the job is cancelled, until the job is removed', async () => {
    let later = 0;
    const clock = { now: () => systemClock.now() + later };
    await start({ env: await env(), overrides: { clock } });
    const { id, output } = await begun(await uploaded());
    const before = await content(output.id);
    const asset = await api.client.json(`/api/v2/assets/${output.id}`, comfyAsset);
    await cancel(id);
    const job = await api.job(id);
    expect(job).toMatchObject({ status: 'canceled', outputs: [{ id: output.id, url: output.url }] });
    const after = await content(output.id);
    expect(after.headers.get('ETag')).toBe(before.headers.get('ETag'));
    expect(await after.arrayBuffer()).toEqual(await before.arrayBuffer());
    const { created_at } = await api.client.json(`/api/v2/assets/${output.id}`, comfyAsset);
    expect(created_at).toBe(asset.created_at);
    const part = await content(output.id, { Range: 'bytes=1-3' });
    expect([part.status, await part.text()]).toEqual([206, 'PNG']);
    later = stack.config.jobs.lifetimeMs;
    await stack.services.manager.cleanup();
    expect((await content(output.id)).status).toBe(404);
    await eventually(() => expect(stack.blobs.size).toBe(0));
  });

  it('stays when the job fails right behind it', async () => {
    await start({ env: await env() });
    const failure = { type: 'ValueError', message: 'cannot do this' };
    stack.simulator().faults.failNodes.set('InspyrenetRembg', failure);
    const job = await api.ended((await api.submit(savedEarly(await uploaded()))).id);
    expect(job).toMatchObject({ status: 'failed', outputs: [{ node_id: '3', type: 'image' }] });
    const [output] = job.outputs;
    expect((await api.bytes(output?.url ?? '')).length).toBe(output?.size_bytes);
    await api.client.request(`/api/jobs/${job.id.slice('job_'.length)}`, { method: 'DELETE' });
    expect((await content(output?.id ?? '')).status).toBe(404);
    await eventually(() => expect(stack.blobs.size).toBe(0));
  });

  it('is the same one when the job is completed, and is stored once', async () => {
    await start({ env: await env() });
    const { id, output } = await begun(await uploaded());
    const bytes = await api.bytes(output.url);
    const { created_at } = await api.client.json(`/api/v2/assets/${output.id}`, comfyAsset);
    letGo();
    const job = await api.ended(id);
    expect(job).toMatchObject({ status: 'succeeded', outputs: [{ node_id: '3' }, { node_id: '5' }] });
    expect(idsOf(job)[0]).toBe(output.id);
    expect(await api.client.json(`/api/v2/assets/${output.id}`, comfyAsset)).toMatchObject({ created_at });
    expect(new Set(idsOf(job)).size).toBe(2);
    expect(await api.bytes(output.url)).toEqual(bytes);
    const outputs = [...stack.blobs.keys()].filter((name) => name.includes('/output/'));
    expect(outputs).toHaveLength(store === 'memory' ? 2 : 0);
  });

  it('is the input of other jobs while its own one runs, and after it was cancelled', async () => {
    await start({ simulators: [{}, {}], env: { ...(await env()), ...ONE_EACH } });
    const colour = colourOf(9);
    const { id, output } = await begun(await uploaded(9));
    // The machine of the first job hangs; the other one does not.
    const first = await runningOn(stack);
    stack.simulator(1 - first).faults.hang = false;
    const again = async () => {
      const job = await api.ended((await api.submit(invertGraph(assetReference(output.id)))).id);
      expect(job.status).toBe('succeeded');
      // Inverted twice.
      const twice = await middle(await api.bytes(job.outputs[0]?.url ?? ''));
      expect(distance(twice, colour)).toBeLessThan(3);
    };
    await again();
    await cancel(id);
    letGo();
    await again();
    const rest = await api.post('/api/async/upscale-image', {
      inputs: { image: { asset_id: output.id }, scale: 1 },
    });
    const { job_id } = (await rest.json()) as { job_id: string };
    expect((await stack.client.finished(job_id)).status).toBe('completed');
    await api.client.request(`/api/jobs/${id.slice('job_'.length)}`, { method: 'DELETE' });
    const gone = api.post('/api/v2/jobs', { workflow: invertGraph(assetReference(output.id)) });
    expect(await api.error(gone)).toMatchObject({ status: 422, code: 'missing_asset' });
  });

  it.each([
    ['another', [1, 2]],
    ['the same', [1, 1]],
  ])('keeps its id and its bytes when another machine makes %s picture', async (_what, colours) => {
    await start({ simulators: [{}, {}], env: await env() });
    const isSame = colours[0] === colours[1];
    for (const [n, { host }] of stack.simulators.entries()) {
      const form = new FormData();
      form.set(
        'image',
        new Blob([new Uint8Array(await png({ colour: colourOf(colours[n] ?? 0) }))]),
        'mine.png',
      );
      await fetch(`http://${host}/upload/image`, { method: 'POST', body: form });
    }
    const { id, output } = await begun('mine.png');
    const told: unknown[] = [];
    const following = (async () => {
      for await (const event of readEvents(await api.client.request(`/api/v2/jobs/${id}/events`))) {
        if (event.event === 'output') told.push(comfyOutput.parse(event.data).id);
      }
    })();
    const bytes = await api.bytes(output.url);
    await stack.simulator(await runningOn(stack)).crash();
    letGo();
    const job = await api.ended(id);
    expect(job).toMatchObject({ status: 'succeeded', outputs: [{ node_id: '3' }, { node_id: '5' }] });
    const [newer, shown] = idsOf(job);
    expect(newer === output.id).toBe(isSame);
    expect(await api.bytes(output.url)).toEqual(bytes);
    if (!isSame) expect(await api.bytes(job.outputs[0]?.url ?? '')).not.toEqual(bytes);
    await following;
    expect(told).toEqual(isSame ? [output.id, shown] : [output.id, newer, shown]);
    await api.client.request(`/api/jobs/${id.slice('job_'.length)}`, { method: 'DELETE' });
    expect((await content(output.id)).status).toBe(404);
    await eventually(() => expect(stack.blobs.size).toBe(0));
  });
});

it('an early output keeps its id when the one before it is fetched later', async () => {
  await start();
  const { faults } = stack.simulator();
  faults.respond = { path: /^\/view/, status: 500, times: 1 };
  faults.hang = true;
  const graph = savedEarly(await uploaded());
  const { id } = await api.submit({
    ...graph,
    '3': { class_type: 'SaveImage', inputs: { images: ['6', 0], filename_prefix: 'two' } },
    '6': { class_type: 'RepeatImageBatch', inputs: { image: ['2', 0], amount: 2 } },
  });
  const { outputs } = await api.until(id, (job) => job.outputs.length > 0);
  expect(outputs).toMatchObject([{ name: 'two_00002_.png' }]);
  faults.hang = false;
  const job = await api.ended(id);
  expect(job.outputs.map(({ name }) => name).slice(0, 2)).toEqual(['two_00001_.png', 'two_00002_.png']);
  expect(idsOf(job)[1]).toBe(outputs[0]?.id);
  expect(new Set(idsOf(job)).size).toBe(3);
});

it('an output of an attempt that failed stays listed, until another attempt makes it again', async () => {
  await start({ simulators: [{}, {}] });
  const { id, output } = await begun(await uploaded());
  const first = await runningOn(stack);
  const other = stack.simulator(1 - first);
  other.faults.neverAnswer = true;
  await stack.simulator(first).crash();
  await api.until(id, ({ status }) => status === 'queued');
  expect(idsOf(await api.job(id))).toEqual([output.id]);
  await cancel(id);
  expect(idsOf(await api.job(id))).toEqual([output.id]);
  expect((await api.bytes(output.url)).length).toBe(output.size_bytes);
});

it('an early output of another key is neither seen nor taken', async () => {
  const [SHOP, LAB] = ['shop-key-0123456789', 'lab-key-01234567890'];
  await start({ env: { API_KEYS: `shop:${SHOP},lab:${LAB}`, ALLOW_RAW_WORKFLOWS: 'all' } });
  const [shop, lab] = [SHOP, LAB].map((key) => new ComfyApiClient(stack.client.baseUrl, key)) as [
    ComfyApiClient,
    ComfyApiClient,
  ];
  const { id, output } = await begun(await uploaded(0, shop), shop);
  const seen = async () => {
    for (const tail of ['', '/content']) {
      const answer = lab.client.request(`/api/v2/assets/${output.id}${tail}`);
      expect(await lab.error(answer)).toMatchObject({ status: 404, code: 'not_found' });
    }
    const taken = lab.post('/api/v2/jobs', { workflow: invertGraph(assetReference(output.id)) });
    expect(await lab.error(taken)).toMatchObject({ status: 422, code: 'missing_asset' });
  };
  await seen();
  expect((await shop.client.request(`/api/v2/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(200);
  await seen();
  expect((await shop.bytes(output.url)).length).toBe(output.size_bytes);
});

it('early outputs count as results: without room they go, and come back with the result of their job', async () => {
  const raw = { width: 160, height: 160, channels: 3 } as const;
  const noise = await sharp(randomBytes(160 * 160 * 3), { raw })
    .png()
    .toBuffer();
  const upload = async () => assetReference((await api.asset(noise)).id);
  await start();
  const { outputs } = await api.ended((await api.submit(savedEarly(await upload()))).id);
  // There is room for one job, and for the texts in its images, but not for a third image.
  const limit = String(outputs.reduce((sum, { size_bytes }) => sum + size_bytes, 20_000));
  await stack.stop();
  await start({
    simulators: [{}, {}],
    env: { MAX_RESULT_SIZE: limit, MAX_RESULT_MEMORY: limit, ...ONE_EACH },
  });
  const { id, output } = await begun(await upload());
  const bytes = await api.bytes(output.url);
  stack.simulator(1 - (await runningOn(stack))).faults.hang = false;
  const other = await api.ended((await api.submit(savedEarly(await upload()))).id);
  expect(other.status).toBe('succeeded');
  expect(await api.error(content(output.id))).toMatchObject({ status: 404, code: 'output_unavailable' });
  const taken = api.post('/api/v2/jobs', { workflow: invertGraph(assetReference(output.id)) });
  expect(await api.error(taken)).toMatchObject({ status: 422, code: 'missing_asset' });
  letGo();
  const job = await api.ended(id);
  expect(idsOf(job)[0]).toBe(output.id);
  expect(await api.bytes(output.url)).toEqual(bytes);
  expect(await api.error(content(idsOf(other)[0] ?? ''))).toMatchObject({ code: 'output_unavailable' });
  const kept = job.outputs.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  // And the small graph of the job.
  const { bytes: counted } = stack.services.manager.outputs.memory;
  expect(counted).toBeGreaterThan(kept);
  expect(counted).toBeLessThan(kept + 2000);
});

/** Delays the storing of outputs. */
class HeldBlobs extends MemoryBlobStore {
  waiting = 0;
  open: () => void = () => undefined;
  readonly #gate = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  override async put(name: string, bytes: Content): Promise<string> {
    if (name.includes('/output/')) {
      this.waiting += 1;
      await this.#gate;
    }
    return super.put(name, bytes);
  }
}

it('an output that is stored when its job has been cancelled leaves nothing', async () => {
  const blobs = new HeldBlobs();
  await start({ overrides: { blobStore: blobs } });
  stack.simulator().faults.hang = true;
  const { id } = await api.submit(savedEarly(await uploaded()));
  await eventually(() => expect(blobs.waiting).toBe(1));
  expect(idsOf(await api.job(id))).toEqual([]);
  await cancel(id);
  blobs.open();
  await eventually(() => expect(blobs.size).toBe(0));
  expect(await api.job(id)).toMatchObject({ status: 'canceled', outputs: [] });
});
