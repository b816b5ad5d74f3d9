import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { comfyJobList } from '../../src/schemas/comfy.js';
import { systemClock } from '../../src/utils/clock.js';
import { assetReference, ComfyApiClient, invertGraph, runningOn, samplerGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack, type StackOptions } from '../support/stack.js';

const SHOP = 'shop-key-0123456789';
const LAB = 'lab-key-01234567890';
const OPS = 'ops-key-01234567890';
const API_KEYS = `shop:${SHOP},lab:${LAB},ops:admin:${OPS}`;

let stack: Stack;
let api: ComfyApiClient;
afterEach(() => stack.stop());

async function start(options: StackOptions = {}): Promise<void> {
  stack = await Stack.start(options);
  api = new ComfyApiClient(stack.client.baseUrl);
}

/** The history of a machine: what it received. */
async function historyOf(index = 0): Promise<string> {
  return (await fetch(`http://${stack.simulator(index).host}/history`)).text();
}

describe('a job of a graph', () => {
  it('runs, and its output is an asset', async () => {
    await start();
    const submitted = await api.submit(samplerGraph(), { metadata: 'order 17', unknown_field: 1 });
    expect(submitted).toMatchObject({ progress: null, outputs: [], error: null, metadata: 'order 17' });
    expect(submitted.id).toMatch(/^job_/);
    const job = await api.ended(submitted.id);
    expect(job).toMatchObject({
      status: 'succeeded',
      metadata: 'order 17',
      progress: { value: 1, nodes_done: 6, nodes_total: 6 },
      outputs: [{ node_id: '9', type: 'image', content_type: 'image/png', job_id: job.id }],
    });
    const [output] = job.outputs;
    expect(output?.name).toMatch(/^ComfyUI_\d{5}_\.png$/);
    const bytes = await api.bytes(output?.url ?? '');
    expect(bytes.length).toBe(output?.size_bytes);
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    const asset = await (await api.client.request(`/api/v2/assets/${output?.id}`)).json();
    expect(asset).toMatchObject({ id: output?.id, job_id: job.id, size_bytes: bytes.length });
    const head = await api.client.request(`/api/v2/assets/${output?.id}/content`, {
      headers: { Range: 'bytes=0-3' },
    });
    expect(head.status).toBe(206);
    expect(Buffer.from(await head.arrayBuffer())).toEqual(bytes.subarray(0, 4));
  });

  it('may have null for every optional field, as clients send that write all their fields', async () => {
    await start();
    const fields = ['extra_data', 'metadata', 'priority', 'webhook_url', 'inputs'];
    const submitted = await api.submit(
      samplerGraph(),
      Object.fromEntries(fields.map((name) => [name, null])),
    );
    expect((await api.ended(submitted.id)).status).toBe('succeeded');
  });

  it('reaches ComfyUI with every digit of its numbers, and its nodes in their order', async () => {
    await start({ env: { COMFYUI_KEEP_HISTORY: 'true' } });
    const graph = JSON.stringify(samplerGraph(2, 1)).replace('"seed":1', '"seed":18446744073709551615');
    const job = await api.ended(await send(graph));
    expect(job.status).toBe('succeeded');
    expect(await historyOf()).toContain('18446744073709551615');
    const echoed = await (await api.client.request(`/api/v2/jobs/${job.id}/workflow`)).text();
    expect(echoed).toContain('18446744073709551615');
    expect(echoed).toMatch(/"format":"api"}$/);
  });

  it('keeps what is saved and what is only shown', async () => {
    await start();
    const picture = assetReference((await api.asset(await png())).id);
    const preview = { class_type: 'PreviewImage', inputs: { images: ['1', 0] } };
    const job = await api.ended((await api.submit({ '0': preview, ...invertGraph(picture) })).id);
    expect(job.outputs.map(({ node_id }) => node_id)).toEqual(['3', '0']);
    const shown = await api.ended((await api.submit(invertGraph(picture, 'PreviewImage'))).id);
    expect(shown.outputs.map(({ node_id, type }) => [node_id, type])).toEqual([['3', 'image']]);
  });

  it('goes to the machine that has what it needs', async () => {
    await start({ simulators: [{ withoutNodes: ['KSampler'] }, {}, { checkpoints: ['other.safetensors'] }] });
    for (const seed of [1, 2, 3]) {
      expect((await api.ended((await api.submit(samplerGraph(1, seed))).id)).status).toBe('succeeded');
    }
    expect(stack.simulators.map(({ executions }) => executions.length)).toEqual([0, 3, 0]);
  });

  it('is listed, the newest first, and found by its status', async () => {
    await start();
    const ids: string[] = [];
    for (const seed of [1, 2]) {
      const { id } = await api.submit(samplerGraph(1, seed));
      ids.unshift((await api.ended(id)).id);
    }
    await stack.client.finished(await stack.client.submit('remove-background', await png()));
    const list = (query: string) => api.client.json(`/api/v2/jobs${query}`, comfyJobList);
    expect((await list('')).jobs.map(({ id }) => id)).toEqual(ids);
    expect(await list('?limit=1')).toMatchObject({ total: 2, jobs: [{ id: ids[0] }] });
    expect((await list('?status=succeeded')).total).toBe(2);
    for (const status of ['queued', 'failed', 'expired', 'canceling']) {
      expect(await list(`?status=${status}`)).toEqual({ jobs: [], total: 0 });
    }
    expect(await api.error(api.client.request('/api/v2/jobs?status=completed'))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });

  it('is cancelled once, and stays so', async () => {
    await start();
    stack.simulator().faults.hang = true;
    const { id } = await api.submit(samplerGraph());
    await api.until(id, ({ status }) => status === 'running');
    for (const _time of [1, 2]) {
      const response = await api.client.request(`/api/v2/jobs/${id}/cancel`, { method: 'POST' });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ id, status: 'canceled', outputs: [], error: null });
    }
  });

  it('that a node fails says which one, and nothing of the machine', async () => {
    await start();
    stack.simulator().faults.failNodes.set('KSampler', { type: 'ValueError', message: 'cannot do this' });
    const { error, status } = await api.ended((await api.submit(samplerGraph())).id);
    expect(status).toBe('failed');
    expect(error).toEqual({
      code: 'node_execution_error',
      message: expect.stringContaining('cannot do this'),
      node_id: '3',
      class_type: 'KSampler',
      traceback: 'ValueError: cannot do this',
    });
  });

  it('is not found any more once it has expired', async () => {
    let later = 0;
    await start({ overrides: { clock: { now: () => systemClock.now() + later } } });
    const { id, outputs } = await api.ended((await api.submit(samplerGraph(1))).id);
    later = stack.config.jobs.lifetimeMs;
    await stack.services.manager.cleanup();
    for (const path of ['', '/events', '/workflow']) {
      const gone = await api.error(api.client.request(`/api/v2/jobs/${id}${path}`));
      expect(gone).toMatchObject({ status: 404, code: 'not_found' });
    }
    const content = api.client.request(`/api/v2/assets/${outputs[0]?.id}/content`);
    expect(await api.error(content)).toMatchObject({ status: 404, code: 'not_found' });
  });

  /** Submits a graph as text. @returns the job's id */
  async function send(graph: string): Promise<string> {
    const response = await api.post('/api/v2/jobs', `{"workflow":${graph}}`);
    return ((await response.json()) as { id: string }).id;
  }
});

describe('a key for paid nodes', () => {
  it('reaches ComfyUI, also after a failover, and is in no record, log or answer', async () => {
    const KEY = `comfyui-${createHash('sha256').update('secret').digest('hex')}`;
    const logger = new RecordingLogger();
    const env = { COMFYUI_KEEP_HISTORY: 'true', LOG_LEVEL: 'debug' };
    await start({ simulators: [{}, {}], env, logger });
    for (const { faults } of stack.simulators) faults.hang = true;
    const submitted = await api.submit(samplerGraph(), { extra_data: { api_key_comfy_org: KEY, other: 1 } });
    const first = await runningOn(stack);
    const queue = async (index: number) =>
      (await fetch(`http://${stack.simulator(index).host}/queue`)).text();
    expect(await queue(first)).toContain(KEY);
    for (const { faults } of stack.simulators) faults.hang = false;
    await stack.simulator(first).restart();
    const job = await api.ended(submitted.id);
    expect(job.status).toBe('succeeded');
    expect((await historyOf(0)) + (await historyOf(1))).toContain(KEY);
    const seen = [
      JSON.stringify(logger.lines),
      JSON.stringify(await stack.services.manager.list({}, { limit: 10, offset: 0 })),
      JSON.stringify([submitted, job]),
      await (await stack.client.request(`/api/jobs/${job.id.slice(4)}/info`)).text(),
    ].join();
    expect(seen).not.toContain(KEY);
    expect(seen).not.toContain('api_key_comfy_org');
  });
});

describe('a submission that comes again', () => {
  it('is the same job, and says so; another one under the same key is refused', async () => {
    await start();
    const headers = { 'Idempotency-Key': 'order-17' };
    const first = await api.post('/api/v2/jobs', { workflow: samplerGraph(1) }, headers);
    const again = await api.post('/api/v2/jobs', { workflow: samplerGraph(1) }, headers);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(first.headers.get('Idempotency-Replayed')).toBeNull();
    expect(again.headers.get('Idempotency-Replayed')).toBe('true');
    const { id } = (await first.json()) as { id: string };
    expect(await again.json()).toMatchObject({ id });
    const other = api.post('/api/v2/jobs', { workflow: samplerGraph(2) }, headers);
    expect(await api.error(other)).toMatchObject({ status: 422, code: 'idempotency_key_reuse' });
    await api.ended(id);
    expect(stack.simulator().executions).toHaveLength(1);
  });

  it('is the same job also when its machine is gone, or nobody knows its nodes any more', async () => {
    await start({ simulators: [{ hasOddFloats: true }, {}] });
    const graph = { ...invertGraph(), '7': { class_type: 'ShowFloat', inputs: { value: 1.5 } } };
    const submit = () => api.post('/api/v2/jobs', { workflow: graph }, { 'Idempotency-Key': 'order-19' });
    const { id } = (await (await submit()).json()) as { id: string };
    await api.ended(id);
    const removal = await stack.client.request('/api/instances/instance-1', { method: 'DELETE' });
    expect(removal.status).toBe(200);
    await eventually(() => expect(stack.services.instances).toHaveLength(1));
    const again = await submit();
    expect([again.status, again.headers.get('Idempotency-Replayed')]).toEqual([201, 'true']);
    expect(await again.json()).toMatchObject({ id });
    // Without the key there is no machine for it, and a refused submission leaves nothing behind its key.
    expect(await api.error(api.post('/api/v2/jobs', { workflow: graph }))).toMatchObject({ status: 422 });
    for (const _time of [1, 2]) {
      const refused = api.post('/api/v2/jobs', { workflow: graph }, { 'Idempotency-Key': 'order-20' });
      expect(await api.error(refused)).toMatchObject({ status: 422, code: 'invalid_workflow' });
    }
  });

  it('is told to come back while the first one is under way', async () => {
    await start();
    const { intake } = stack.services.manager;
    const create = intake.create.bind(intake);
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      vi.spyOn(intake, 'create').mockImplementationOnce(async (...parts) => {
        resolve();
        await released;
        return create(...parts);
      });
    });
    const send = () =>
      api.post('/api/v2/jobs', { workflow: samplerGraph(1) }, { 'Idempotency-Key': 'order-18' });
    const first = send();
    await reached;
    const conflict = await send();
    expect(conflict.headers.get('Retry-After')).toBe('1');
    expect(await api.error(conflict)).toMatchObject({ status: 409, code: 'idempotency_conflict' });
    release();
    expect((await first).status).toBe(201);
  });
});

describe('what is wrong with a graph', () => {
  it('is told by node, before there is a job', async () => {
    await start({ simulators: [{}, { withoutNodes: ['ImageInvert'] }] });
    const submit = (workflow: unknown, others: object = {}) =>
      api.error(api.post('/api/v2/jobs', { workflow, ...others }));
    const unknown = { ...invertGraph(), '2': { class_type: 'NoSuchNode', inputs: { image: ['1', 0] } } };
    const odd = { ...invertGraph(), '2': { class_type: '\ud800', inputs: { image: ['1', 0] } } };
    expect((await submit(odd)).status).toBe(422);
    expect(await submit(unknown)).toMatchObject({
      status: 422,
      code: 'invalid_workflow',
      details: { node_errors: { '2': [{ class_type: 'NoSuchNode' }] } },
    });
    const model = samplerGraph();
    model['4'] = { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'nowhere.safetensors' } };
    expect(await submit(model)).toMatchObject({ status: 422, details: { node_errors: { '4': [{}] } } });
    const broken = { ...invertGraph(), '2': { class_type: 'ImageInvert', inputs: { image: ['17', 0] } } };
    expect(await submit(broken)).toMatchObject({ status: 422, details: { node_errors: { '2': [{}] } } });
    const outputless = { '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } } };
    expect(await submit(outputless)).toMatchObject({ status: 422, code: 'invalid_workflow' });
    const ui = { nodes: [], links: [], last_node_id: 3 };
    expect(await submit(ui)).toMatchObject({ status: 422, code: 'workflow_format_ui' });
    expect(await submit(undefined)).toMatchObject({ status: 422, code: 'invalid_workflow' });
    expect(await submit(invertGraph(), { webhook_url: 'https://example.com' })).toMatchObject({
      status: 400,
      message: expect.stringContaining('webhook_url'),
    });
    expect(await submit(invertGraph(), { inputs: {} })).toMatchObject({ status: 400 });
    expect(await submit(invertGraph(), { inputs: false })).toMatchObject({ status: 400 });
    expect(await submit(invertGraph(), { metadata: 'x'.repeat(1025) })).toMatchObject({ status: 400 });
    expect(await submit(invertGraph(), { metadata: 'x'.repeat(10_000_000) })).toMatchObject({ status: 400 });
    expect(await submit(invertGraph(), { extra_data: 'x' })).toMatchObject({ status: 400 });
    expect(await submit(invertGraph(), { priority: 'high' })).toMatchObject({ status: 400 });
    expect(await submit(invertGraph(), { priority: 1.5 })).toMatchObject({ status: 400 });
    const deep = `{"workflow":{"1":{"class_type":"A","inputs":{"a":${'['.repeat(500)}${']'.repeat(500)}}}}}`;
    expect(await api.error(api.post('/api/v2/jobs', deep))).toMatchObject({ status: 400 });
    expect(await api.error(api.post('/api/v2/jobs', '{"workflow":'))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    expect(await api.error(api.post('/api/v2/jobs', '"'.padEnd(20_000_000, 'x')))).toMatchObject({
      status: 413,
      code: 'file_too_large',
    });
    expect((await stack.services.manager.counts()).total).toBe(0);
  });

  it('is told by node and input for its assets, too', async () => {
    await start();
    const submit = (workflow: unknown) => api.error(api.post('/api/v2/jobs', { workflow }));
    const { id } = await api.asset(await png());
    const loader = (asset: object) => ({ class_type: 'LoadImage', inputs: { image: asset } });
    const gone = assetReference('asset_gone');
    const graph = { ...invertGraph(assetReference(id)), '4': loader(gone), '5': loader(gone) };
    const preview = (node: string) => ({ class_type: 'PreviewImage', inputs: { images: [node, 0] } });
    const refused = await submit({ ...graph, '6': preview('4'), '7': preview('5') });
    expect(refused).toMatchObject({
      status: 422,
      code: 'missing_asset',
      message: 'The input "image" of node "4" is not available: there is no asset "asset_gone".',
      details: { node_errors: { '4': [{ input: 'image' }], '5': [{ input: 'image' }] } },
    });
    expect(JSON.stringify(refused)).not.toContain('file');
    expect(await submit(invertGraph({ __type: 'core/ASSET' }))).toMatchObject({
      details: { node_errors: { '1': [{ input: 'image', message: 'has no id' }] } },
    });
  });

  it('waits for a machine where none is up', async () => {
    await start();
    await stack.simulator().unplug();
    const [instance] = stack.services.instances;
    await eventually(() => expect(instance?.health.isUp).toBe(false));
    const { id } = await api.submit(samplerGraph(1));
    const unknown = { ...invertGraph(), '2': { class_type: 'NoSuchNode', inputs: { image: ['1', 0] } } };
    const hopeless = await api.submit(unknown);
    await stack.simulator().plugIn();
    expect((await api.ended(id)).status).toBe('succeeded');
    expect(await api.ended(hopeless.id)).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('NoSuchNode') },
    });
  });
});

describe('where there are keys', () => {
  it('graphs are for admins, or for whom ALLOW_RAW_WORKFLOWS says', async () => {
    await start({ env: { API_KEYS } });
    const as = (key: string) => new ComfyApiClient(stack.client.baseUrl, key);
    const refused = await as(SHOP).error(as(SHOP).post('/api/v2/jobs', { workflow: samplerGraph(1) }));
    expect(refused).toMatchObject({ status: 403, code: 'forbidden' });
    const { id } = await as(OPS).submit(samplerGraph(1));
    expect((await as(OPS).ended(id)).status).toBe('succeeded');
    await stack.stop();
    await start({ env: { API_KEYS, ALLOW_RAW_WORKFLOWS: 'none' } });
    expect(await as(OPS).error(as(OPS).post('/api/v2/jobs', { workflow: samplerGraph(1) }))).toMatchObject({
      status: 403,
    });
  });

  it('graphs are for admins from the moment on at which a server gets its first keys', async () => {
    await start();
    const shop = new ComfyApiClient(stack.client.baseUrl, SHOP);
    await shop.submit(samplerGraph(1));
    stack.services.keys.replace(loadConfig({ API_KEYS }).access.keys);
    expect(await shop.error(shop.post('/api/v2/jobs', { workflow: samplerGraph(2) }))).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
  });

  it('nobody sees the jobs and files of others, but admins', async () => {
    await start({ env: { API_KEYS, ALLOW_RAW_WORKFLOWS: 'all' } });
    const [shop, lab, ops] = [SHOP, LAB, OPS].map((key) => new ComfyApiClient(stack.client.baseUrl, key));
    if (!shop || !lab || !ops) throw new Error('no clients');
    const job = await shop.ended((await shop.submit(samplerGraph(1))).id);
    const output = job.outputs[0]?.id;
    const asset = await shop.asset(await png());
    for (const path of [
      `jobs/${job.id}`,
      `jobs/${job.id}/events`,
      `jobs/${job.id}/workflow`,
      `assets/${output}`,
      `assets/${output}/content`,
      `assets/${asset.id}`,
      `assets/${asset.id}/content`,
    ]) {
      expect([path, (await lab.error(lab.client.request(`/api/v2/${path}`))).status]).toEqual([path, 404]);
    }
    expect((await lab.client.json('/api/v2/jobs', comfyJobList)).jobs).toEqual([]);
    expect((await ops.client.json('/api/v2/jobs', comfyJobList)).jobs).toHaveLength(1);
    for (const id of [asset.id, output]) {
      const workflow = invertGraph(assetReference(String(id)));
      const refused = await lab.error(lab.post('/api/v2/jobs', { workflow }));
      expect(refused).toMatchObject({ status: 422, code: 'missing_asset' });
    }
    const known = lab.post('/api/v2/assets/from-hash', { hash: asset.hash });
    expect(await lab.error(known)).toMatchObject({ status: 404, code: 'blob_not_found' });
    const byHash = await lab.client.request(`/api/v2/assets/by-hash/${asset.hash}`, { method: 'HEAD' });
    expect(byHash.status).toBe(404);
    // The same bytes are new for a client that sends them for the first time.
    expect((await lab.asset(await png())).status).toBe(201);
    const none = await api.client.request('/api/v2/jobs');
    expect(none.headers.get('WWW-Authenticate')).toMatch(/^Bearer/);
    expect(await api.error(none)).toMatchObject({ status: 401, code: 'unauthorized' });
  });
});

describe('errors have the form of this API', () => {
  it('whoever refuses a request', async () => {
    await start({ env: { RATE_LIMIT_PER_MINUTE: '30', MAX_QUEUE_SIZE: '1' } });
    const at = (path: string, init: RequestInit = {}) => api.error(api.client.request(path, init));
    expect(await at('/api/v2/nowhere')).toMatchObject({ status: 404, code: 'not_found' });
    expect(await at('/API/V2/nowhere')).toMatchObject({ status: 404, code: 'not_found' });
    expect(await at('/api/v2/jobs', { method: 'DELETE' })).toMatchObject({
      status: 405,
      code: 'method_not_allowed',
    });
    for (const id of ['none', '%ff', 'job_..', `job_${'x'.repeat(3000)}`, '__proto__', 'job_%00']) {
      expect([400, 404]).toContain((await at(`/api/v2/jobs/${id}`)).status);
      expect([400, 404]).toContain((await at(`/api/v2/assets/${id}/content`)).status);
    }
    const foreign = {
      method: 'POST',
      headers: { Origin: 'https://elsewhere.example', 'Sec-Fetch-Site': 'cross-site' },
    };
    expect(await at('/api/v2/jobs', foreign)).toMatchObject({ status: 403, code: 'forbidden' });
    for (let n = 0; n < 40; n += 1) {
      const response = await api.client.request('/api/v2/jobs');
      if (response.status === 429) {
        expect(await api.error(response)).toMatchObject({ code: 'rate_limited' });
        return;
      }
      await response.arrayBuffer();
    }
    throw new Error('no limit');
  });

  it('a full queue is a 429 with the time to come back', async () => {
    await start({ env: { MAX_QUEUE_SIZE: '1', MAX_CONCURRENT_JOBS: '1' } });
    stack.simulator().faults.hang = true;
    const { id } = await api.submit(samplerGraph(1, 1));
    await api.until(id, ({ status }) => status === 'running');
    await api.submit(samplerGraph(1, 2));
    const response = await api.post('/api/v2/jobs', { workflow: samplerGraph(1, 3) });
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(await api.error(response)).toMatchObject({ status: 429, code: 'queue_full' });
    stack.simulator().faults.hang = false;
  });

  it('without the API there is nothing', async () => {
    await start({ env: { COMFY_API: 'false' } });
    const response = await api.client.request('/api/v2/health');
    expect(response.status).toBe(404);
    await response.arrayBuffer();
    const document = await (await api.client.request('/openapi.json')).text();
    expect(document).not.toContain('/api/v2/');
    expect(await api.error(api.client.request('/api/v2/openapi.json'))).toMatchObject({ status: 404 });
    const page = await (await api.client.request('/docs?api=comfy')).text();
    expect(page).toContain('"/openapi.json"');
    expect(page).not.toMatch(/api=comfy|api\/v2/);
  });
});
