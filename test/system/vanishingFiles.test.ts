/** Files that clients keep on the server, and that are deleted while they are used. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { comfyJob } from '../../src/schemas/comfy.js';
import { parseOutputId } from '../../src/utils/outputIds.js';
import { assetReference, ComfyApiClient, invertGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { NativeClient } from '../support/NativeClient.js';
import { run, save } from '../support/nativeRuns.js';
import { colourOf, png } from '../support/pictures.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let api: ComfyApiClient;
let folder: string;
const clients: NativeClient[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'assets-'));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string>): Promise<void> {
  stack = await Stack.start({ env: { COMFYUI_API_PORT: '0', ASSET_DIR: folder, ...env } });
  api = new ComfyApiClient(stack.client.baseUrl);
}

function newNativeClient(): NativeClient {
  const client = new NativeClient(stack.nativeHost);
  clients.push(client);
  return client;
}

const stored = async () => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  // Where servers share the store, its id is there, too.
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'store-id');
  return files.map((entry) => path.join(entry.parentPath, entry.name));
};

const deleteStored = async () => {
  for (const file of await stored()) await rm(file);
};

type Call<A extends unknown[], R> = (...values: A) => Promise<R>;

/** Returns a call that is made when `meanwhile` is over. */
function after<A extends unknown[], R>(meanwhile: () => Promise<unknown>, call: Call<A, R>): Call<A, R> {
  return async (...values) => {
    await meanwhile();
    return call(...values);
  };
}

/** Returns a call whose answer arrives when `meanwhile` is over. */
function before<A extends unknown[], R>(call: Call<A, R>, meanwhile: () => Promise<unknown>): Call<A, R> {
  return async (...values) => {
    const answer = await call(...values);
    await meanwhile();
    return answer;
  };
}

const use = (id: string) => api.post('/api/v2/jobs', { workflow: invertGraph(assetReference(id)) });
const remove = async (id: string) => {
  const { status } = await api.client.request(`/api/v2/assets/${id}`, { method: 'DELETE' });
  expect(status).toBe(204);
};

const isKnown = async (hash: string | null) =>
  (await api.client.request(`/api/v2/assets/by-hash/${hash}`, { method: 'HEAD' })).status === 200;
const deleteJobOf = (output: string) => stack.services.manager.remove(parseOutputId(output)?.jobId ?? '');

describe.each(['memory', 'disk'])('an asset in %s that is deleted during a submission', (ASSET_STORE) => {
  beforeEach(() => start({ ASSET_STORE }));

  it('is in its job, and stays deleted', async () => {
    const asset = await api.asset(await png());
    const { intake } = stack.services.manager;
    const create = intake.create.bind(intake);
    vi.spyOn(intake, 'create').mockImplementationOnce(after(() => remove(asset.id), create));
    const response = await use(asset.id);
    expect(response.status).toBe(201);
    const { id } = comfyJob.parse(await response.json());
    expect((await api.ended(id)).status).toBe('succeeded');
    expect((await api.client.request(`/api/v2/assets/${asset.id}`)).status).toBe(404);
    expect(await api.error(use(asset.id))).toMatchObject({ status: 422, code: 'missing_asset' });
  });

  it.each(['found', 'held'])('is missing when it was only %s, and stays deleted', async (how) => {
    const asset = await api.asset(await png());
    const { clientAssets } = stack.services;
    const deletion = () => remove(asset.id);
    const get = clientAssets.get.bind(clientAssets);
    const renew = clientAssets.renew.bind(clientAssets);
    if (how === 'found') vi.spyOn(clientAssets, 'get').mockImplementationOnce(before(get, deletion));
    else vi.spyOn(clientAssets, 'renew').mockImplementationOnce(after(deletion, renew));
    expect(await api.error(use(asset.id))).toMatchObject({ status: 422, code: 'missing_asset' });
    expect((await api.client.request(`/api/v2/assets/${asset.id}`)).status).toBe(404);
    expect(await isKnown(asset.hash)).toBe(false);
    if (ASSET_STORE === 'disk') await eventually(async () => expect(await stored()).toEqual([]));
    expect((await api.asset(await png())).status).toBe(201);
  });

  it('is in the next job if it is an output whose job is deleted', async () => {
    const asset = await api.asset(await png());
    const { id } = await api.submit(invertGraph(assetReference(asset.id)));
    const output = (await api.ended(id)).outputs[0]?.id ?? '';
    const { intake } = stack.services.manager;
    const create = intake.create.bind(intake);
    vi.spyOn(intake, 'create').mockImplementationOnce(after(() => deleteJobOf(output), create));
    const response = await use(output);
    expect(response.status).toBe(201);
    const next = comfyJob.parse(await response.json());
    expect((await api.ended(next.id)).status).toBe('succeeded');
    expect(await api.error(use(output))).toMatchObject({ status: 422, code: 'missing_asset' });
  });
});

describe('an asset on disk', () => {
  beforeEach(() => start({ ASSET_STORE: 'disk' }));

  it('is missing when it is an output whose bytes are deleted before the next job holds them', async () => {
    const asset = await api.asset(await png());
    const { id } = await api.submit(invertGraph(assetReference(asset.id)));
    const output = (await api.ended(id)).outputs[0]?.id ?? '';
    const { outputs } = stack.services.manager;
    const deletion = async () => {
      await deleteJobOf(output);
      await eventually(async () => expect(await stored()).toHaveLength(1));
    };
    vi.spyOn(outputs, 'bytesOf').mockImplementationOnce(before(outputs.bytesOf.bind(outputs), deletion));
    expect(await api.error(use(output))).toMatchObject({ status: 422, code: 'missing_asset' });
  });

  it('whose bytes somebody deleted is missing, unknown by its hash, and usable after an upload', async () => {
    const bytes = await png();
    const asset = await api.asset(bytes);
    await deleteStored();
    expect(await isKnown(asset.hash)).toBe(false);
    const copy = () => api.post('/api/v2/assets/from-hash', { hash: asset.hash, file_path: 'photo.png' });
    expect(await api.error(copy())).toMatchObject({ status: 404, code: 'blob_not_found' });
    expect(await api.error(use(asset.id))).toMatchObject({ status: 422, code: 'missing_asset' });
    const content = api.client.request(`/api/v2/assets/${asset.id}/content`);
    expect(await api.error(content)).toMatchObject({ status: 404 });
    const again = await api.asset(bytes);
    expect(await isKnown(asset.hash)).toBe(true);
    expect((await copy()).status).toBe(200);
    for (const id of [asset.id, again.id]) expect((await use(id)).status).toBe(201);
  });

  it('whose bytes are gone expires, however often it is used', async () => {
    await stack.stop();
    await start({ ASSET_STORE: 'disk', ASSET_TTL: '600' });
    const asset = await api.asset(await png());
    await deleteStored();
    await eventually(async () => {
      expect((await use(asset.id)).status).toBe(422);
      expect((await api.client.request(`/api/v2/assets/${asset.id}`)).status).toBe(404);
    });
  });
});

describe("a file on the port of ComfyUI's own API", () => {
  const place = { filename: 'photo.png', type: 'input', subfolder: '' };

  it.each(['memory', 'disk'])(
    'is in its prompt although it is replaced meanwhile (%s)',
    async (ASSET_STORE) => {
      await start({ ASSET_STORE });
      const client = newNativeClient();
      const pictureOf = (n: number) => png({ colour: colourOf(n), background: colourOf(n) });
      await client.upload('photo.png', await pictureOf(1));
      const { image: first } = await run(client, save('photo.png'));
      const { intake } = stack.services.manager;
      const other = await pictureOf(2);
      const replace = () => client.upload('photo.png', other, { overwrite: 'true' });
      const create = intake.create.bind(intake);
      vi.spyOn(intake, 'create').mockImplementationOnce(after(replace, create));
      const { status, image: second } = await run(client, save('photo.png'));
      expect(status).toBe('success');
      const views = await Promise.all([first, second].map(async (image) => (await client.view(image)).bytes));
      expect(views[0]?.equals(views[1] ?? Buffer.alloc(0))).toBe(true);
    },
  );

  it('is missing like any other when somebody deleted its bytes, until it is uploaded again', async () => {
    await start({ ASSET_STORE: 'disk' });
    const client = newNativeClient();
    const bytes = await png();
    await client.upload('photo.png', bytes);
    const names = async () => (await client.json('/object_info/LoadImage')).LoadImage.input.required.image[0];
    expect(await names()).toContain('photo.png');
    await deleteStored();
    const refused = await client.submit({ prompt: save('photo.png') });
    expect(refused).toMatchObject({
      status: 400,
      json: { error: { type: 'prompt_outputs_failed_validation' } },
    });
    expect(refused.json.node_errors['1'].errors[0].details).toBe('image - Invalid image file: photo.png');
    expect(await names()).not.toContain('photo.png');
    await client.upload('photo.png', bytes);
    await deleteStored();
    for (const form of [{}, { preview: 'webp' }]) {
      const view = await client.view({ ...place, ...form });
      expect([view.status, JSON.parse(view.bytes.toString())]).toMatchObject([
        404,
        { error: { type: 'not_found' } },
      ]);
    }
    expect(await client.upload('photo.png', bytes)).toMatchObject({ name: 'photo.png' });
    expect((await client.view(place)).bytes.equals(bytes)).toBe(true);
    expect((await run(client, save('photo.png'))).status).toBe('success');
  });

  it('is refused when its bytes go after the check', async () => {
    await start({ ASSET_STORE: 'disk' });
    const client = newNativeClient();
    await client.upload('photo.png', await png());
    const { graphSubmissions } = stack.services;
    const submit = graphSubmissions.submit.bind(graphSubmissions);
    vi.spyOn(graphSubmissions, 'submit').mockImplementationOnce(after(deleteStored, submit));
    expect(await client.submit({ prompt: save('photo.png') })).toMatchObject({
      status: 400,
      json: { error: { type: 'prompt_outputs_failed_validation' } },
    });
  });

  it.runIf(requireRedis())(
    'is deleted when its server stops, although servers share their files',
    async () => {
      const redis = await RedisServer.start();
      try {
        await start({ ASSET_STORE: 'disk', QUEUE: 'redis', REDIS_URL: redis.url });
        await newNativeClient().upload('photo.png', await png());
        expect(await stored()).toHaveLength(1);
        await stack.stop();
        expect(await stored()).toEqual([]);
      } finally {
        await stack.stop();
        await redis.stop();
      }
    },
  );
});
