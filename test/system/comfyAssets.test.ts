import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { assetReference, ComfyApiClient, invertGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let api: ComfyApiClient;
afterEach(() => stack.stop());

async function start(env: Record<string, string> = {}): Promise<void> {
  stack = await Stack.start({ env });
  api = new ComfyApiClient(stack.client.baseUrl);
}

const disk = async () => ({
  ASSET_STORE: 'disk',
  ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
});

describe.each([
  ['memory', async () => ({})],
  ['disk', disk],
])('an asset in %s', (_store, env) => {
  it('is new once, and found by its hash from then on', async () => {
    await start(await env());
    const bytes = await png();
    const first = await api.asset(bytes);
    expect(first).toMatchObject({
      status: 201,
      created_new: true,
      size_bytes: bytes.length,
      content_type: 'image/png',
      file_path: 'photo.png',
    });
    expect(first.hash).toMatch(/^blake3:[0-9a-f]{64}$/);
    const second = await api.asset(bytes, { expected_hash: String(first.hash) });
    expect(second).toMatchObject({ status: 200, created_new: false, hash: first.hash });
    expect(second.id).not.toBe(first.id);
    const head = (hash: unknown) => api.client.request(`/api/v2/assets/by-hash/${hash}`, { method: 'HEAD' });
    expect((await head(first.hash)).status).toBe(200);
    expect((await head(`blake3:${'0'.repeat(64)}`)).status).toBe(404);
    expect((await head('odd')).status).toBe(404);
    const fromHash = (body: object) => api.post('/api/v2/assets/from-hash', body);
    const copy = await fromHash({ hash: first.hash, file_path: 'copy.png' });
    expect(copy.status).toBe(201);
    const copied = await copy.json();
    expect(copied).toMatchObject({ hash: first.hash, file_path: 'copy.png', content_type: 'image/png' });
    const again = await fromHash({ hash: first.hash, file_path: 'copy.png', expires_in: null });
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ id: (copied as { id: string }).id });
    expect(await api.error(fromHash({ hash: `blake3:${'0'.repeat(64)}` }))).toMatchObject({
      status: 404,
      code: 'blob_not_found',
    });
    expect((await fromHash({ hash: first.hash, file_path: null })).status).toBeLessThan(300);
    expect(await api.error(fromHash({ hash: null }))).toMatchObject({ status: 400 });
    expect(await api.error(fromHash({}))).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('that is not what was expected is refused, and nothing is left of it', async () => {
    await start(await env());
    const expected_hash = `blake3:${'1'.repeat(64)}`;
    const refused = api.upload(await png(), { expected_hash });
    expect(await api.error(refused)).toMatchObject({ status: 409, code: 'hash_mismatch' });
    for (const fields of [{ expected_hash: 'md5:1' }, { content_type: 'no type' }, { expires_in: '5' }]) {
      expect((await api.error(api.upload(await png(), fields))).status).toBe(400);
    }
    expect((await api.asset(await png())).status).toBe(201);
    const form = new FormData();
    form.set('content_type', 'image/png');
    const none = api.client.request('/api/v2/assets', { method: 'POST', body: form });
    expect(await api.error(none)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('gives its bytes, whole and in part, and never as a page', async () => {
    await start(await env());
    const bytes = Buffer.from('<script>alert(1)</script>');
    const asset = await api.asset(bytes, { content_type: 'text/html', file_path: 'a/b/page.html' });
    const content = `/api/v2/assets/${asset.id}/content`;
    expect(asset.url).toBe(`${stack.client.baseUrl}${content}`);
    const whole = await api.client.request(content);
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(bytes);
    expect(whole.headers.get('Content-Disposition')).toBe('attachment; filename="page.html"');
    expect(whole.headers.get('X-Content-Type-Options')).toBe('nosniff');
    const longer = await api.client.request(content, { headers: { Range: 'bytes=-999999' } });
    expect(longer.status).toBe(206);
    expect(Buffer.from(await longer.arrayBuffer())).toHaveLength(
      Number(longer.headers.get('Content-Range')?.split('/')[1]),
    );
    const part = await api.client.request(content, { headers: { Range: 'bytes=1-6' } });
    expect([part.status, await part.text()]).toEqual([206, 'script']);
    const beyond = api.client.request(content, { headers: { Range: 'bytes=999-' } });
    expect((await api.error(beyond)).status).toBe(416);
    const head = await api.client.request(content, { method: 'HEAD' });
    expect([head.status, head.headers.get('Content-Length')]).toEqual([200, String(bytes.length)]);
  });

  it('goes into graphs, as do outputs, and into inputs of the REST API', async () => {
    await start(await env());
    const asset = await api.asset(await png({ colour: colourOf(7) }));
    const first = await api.ended((await api.submit(invertGraph(assetReference(asset.id)))).id);
    expect(first.status).toBe('succeeded');
    const [turned] = first.outputs;
    const second = await api.ended((await api.submit(invertGraph(assetReference(turned?.id ?? '')))).id);
    expect(second.status).toBe('succeeded');
    const rest = await stack.client.request('/api/async/upscale-image', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ inputs: { image: { asset_id: asset.id }, scale: 1 } }),
    });
    const { job_id } = (await rest.json()) as { job_id: string };
    expect((await stack.client.finished(job_id)).status).toBe('completed');
    const missing = (image: unknown) => api.error(api.post('/api/v2/jobs', { workflow: invertGraph(image) }));
    for (const id of ['asset_none', `${asset.id}x`, '../../etc/passwd', '', '\u0000']) {
      expect(await missing(assetReference(id))).toMatchObject({ status: 422, code: 'missing_asset' });
    }
    for (const image of [{ __type: 'core/ASSET' }, [[assetReference(asset.id)]]]) {
      expect(await missing(image)).toMatchObject({ status: 422, code: 'missing_asset' });
    }
  });

  it('is gone once it is deleted, and a job that was made with it goes on', async () => {
    await start(await env());
    stack.simulator().faults.hang = true;
    const asset = await api.asset(await png());
    const { id } = await api.submit(invertGraph(assetReference(asset.id)));
    const remove = () => api.client.request(`/api/v2/assets/${asset.id}`, { method: 'DELETE' });
    expect((await remove()).status).toBe(204);
    expect(await api.error(remove())).toMatchObject({ status: 404, code: 'not_found' });
    expect((await api.error(api.client.request(`/api/v2/assets/${asset.id}/content`))).status).toBe(404);
    stack.simulator().faults.hang = false;
    const job = await api.ended(id);
    expect(job.status).toBe('succeeded');
    const output = api.client.request(`/api/v2/assets/${job.outputs[0]?.id}`, { method: 'DELETE' });
    expect(await api.error(output)).toMatchObject({ status: 409, code: 'asset_in_use' });
  });

  it('expires when nobody uses it', async () => {
    await start({ ...(await env()), ASSET_TTL: '400' });
    const asset = await api.asset(await png());
    const longer = await api.asset(await png({ colour: colourOf(3) }), { expires_in: '600' });
    await eventually(async () => {
      expect((await api.client.request(`/api/v2/assets/${asset.id}`)).status).toBe(404);
    });
    expect((await api.client.request(`/api/v2/assets/${longer.id}`)).status).toBe(200);
    expect((await api.asset(await png())).status).toBe(201);
  });
});

it('assets in memory have a bound', async () => {
  const bytes = await png();
  await start({
    MAX_FILE_SIZE: String(bytes.length),
    MAX_QUEUE_MEMORY: String(Math.floor(bytes.length * 1.5)),
    MAX_RESULT_SIZE: '1000000',
    MAX_RESULT_MEMORY: '1000000',
  });
  const first = await api.asset(bytes);
  expect(await api.error(api.upload(bytes))).toMatchObject({ status: 429, code: 'queue_full' });
  expect((await api.error(api.upload(Buffer.alloc(bytes.length + 1)))).status).toBe(413);
  await api.client.request(`/api/v2/assets/${first.id}`, { method: 'DELETE' });
  expect((await api.asset(bytes)).status).toBe(201);
});
