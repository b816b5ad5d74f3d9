/** Files that prompts on the port of ComfyUI's own API name, wherever they are. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { viewOf } from '../support/imageFiles.js';
import type { NativeClient } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import { type Image, run, save } from '../support/nativeRuns.js';
import { png } from '../support/pictures.js';
import { deviation, rampFile, type Storage } from '../support/ramps.js';
import type { StackOptions } from '../support/stack.js';
import { meaningNamed } from '../support/toneMeanings.js';

const site = new NativeSite();
afterEach(() => site.stop());

const start = (options: StackOptions = {}, key?: string) =>
  site.start({ simulators: [{}, {}], ...options }, key);

const machine = (n: number) => site.newClient(site.stack.simulator(n).host);

const annotated = ({ filename, subfolder, type }: Image) =>
  `${subfolder === '' ? '' : `${subfolder}/`}${filename} [${type}]`;

const KEYS = {
  API_KEYS: 'one:key-of-the-first-one,other:key-of-the-other-one',
  ALLOW_RAW_WORKFLOWS: 'all',
};

describe('an output of an earlier prompt', () => {
  it.each([
    ['memory', 'SaveImage'],
    ['disk', 'SaveImage'],
    ['memory', 'PreviewImage'],
  ])('is the input of others on any machine (%s, %s)', async (ASSET_STORE, savedBy) => {
    const ASSET_DIR = await mkdtemp(path.join(tmpdir(), 'assets-'));
    const client = await start({ env: { ASSET_STORE, ASSET_DIR } });
    const colour = { r: 200, g: 10, b: 10 };
    await client.upload('photo.png', await png({ colour, background: colour }));
    const { image } = await run(client, save('photo.png', 'deep/first', savedBy));
    const original = await client.view(image);
    const expectCopy = async () => {
      const copy = await run(client, save(annotated(image)));
      expect(copy.status).toBe('success');
      expect((await client.view(copy.image)).bytes.equals(original.bytes)).toBe(true);
    };
    await expectCopy();
    // Only the machine that did not make it is left.
    await site.stack.simulators.find(({ executions }) => executions.length > 0)?.crash();
    await expectCopy();
  });

  it('is an input while its own prompt still runs', async () => {
    const client = await start({ simulators: [{ workMs: { InspyrenetRembg: 1500 } }, {}] });
    await site.stack.simulator(1).unplug();
    await client.upload('photo.png', await png());
    const socket = await client.connect('c');
    const prompt = {
      ...save('photo.png', 'early'),
      '3': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
      '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
    };
    const { json } = await client.submit({ prompt, client_id: 'c' });
    await socket.heard((kinds) => kinds.includes('executed 2'), json.prompt_id);
    await site.stack.simulator(1).plugIn();
    const executed = socket.of(json.prompt_id).find(({ type }) => type === 'executed');
    const output = executed?.data['output'] as { images: Image[] } | undefined;
    const image = output?.images[0];
    if (!image) throw new Error('there is no image');
    const { status } = await run(client, save(annotated(image)));
    expect(status).toBe('success');
  });

  it('is not there for the key of another client', async () => {
    const client = await start({ env: KEYS }, 'key-of-the-first-one');
    await client.upload('photo.png', await png());
    const { image } = await run(client, save('photo.png'));
    const other = site.newClient(site.stack.nativeHost, 'key-of-the-other-one');
    const name = annotated(image);
    expect(await client.submit({ prompt: save(name) })).toMatchObject({ status: 200 });
    const refused = await other.submit({ prompt: save(name) });
    expect(refused.status).toBe(400);
    expect(refused.json.node_errors['1'].errors[0].details).toBe(`image - Invalid image file: ${name}`);
  });

  it('that somebody else left on a machine cannot be read by its name', async () => {
    const client = await start();
    for (const n of [0, 1]) await machine(n).upload('theirs.png', await png(), { type: 'output' });
    expect(await client.submit({ prompt: save('theirs.png [output]') })).toMatchObject({
      status: 400,
      json: { error: { type: 'prompt_outputs_failed_validation' } },
    });
  });
});

it('a mask is put on a file in the input folder of a machine', async () => {
  const client = await start();
  await machine(1).upload('theirs.png', await png());
  const original_ref = JSON.stringify({ filename: 'theirs.png', type: 'input' });
  const mask = await png();
  const answer = await client.upload('mask.png', mask, { original_ref }, '/upload/mask');
  expect(answer).toEqual({ name: 'mask.png', subfolder: '', type: 'input' });
  expect((await client.view({ filename: 'mask.png', type: 'input' })).status).toBe(200);
  const missing = JSON.stringify({ filename: 'nowhere.png', type: 'input' });
  const refused = await client.upload('mask.png', mask, { original_ref: missing }, '/upload/mask');
  expect(refused).toMatchObject({ error: { type: 'not_found' } });
});

it('a mask does not change the colours under it', async () => {
  const client = await start();
  const storage: Storage = { kind: 'rgb', depth: 16 };
  const linear = meaningNamed('gAMA 1 and cHRM');
  await client.upload('deep.png', rampFile(storage, linear));
  const original_ref = JSON.stringify({ filename: 'deep.png', type: 'input' });
  const mask = await png({ width: 256, height: 256 });
  await client.upload('masked.png', mask, { original_ref }, '/upload/mask');
  const masked = await client.view({ filename: 'masked.png', type: 'input' });
  const view = await viewOf(masked.bytes);
  expect(deviation(view, storage, linear)).toBeLessThanOrEqual(1);
});

describe('a file in the input folder of one machine', () => {
  it.each(['', 'deep/er'])(
    'reaches whichever machine runs the prompt, from folder "%s"',
    async (subfolder) => {
      const client = await start({ simulators: [{}, { withoutNodes: ['ImageInvert'] }] });
      const theirs = await png({ colour: { r: 1, g: 2, b: 250 } });
      await machine(1).upload('only here.png', theirs, { subfolder });
      const name = path.posix.join(subfolder, 'only here.png');
      expect((await client.view({ filename: 'only here.png', subfolder, type: 'input' })).status).toBe(200);
      const prompt = {
        ...save(name),
        '3': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
        '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
      };
      expect((await run(client, prompt)).status).toBe('success');
      expect(site.stack.simulator(0).executions).toHaveLength(1);
    },
  );

  it('is not copied if every machine has it', async () => {
    const client = await start();
    for (const n of [0, 1]) await machine(n).upload('shared.png', await png());
    const before = site.stack.simulators.map(({ folders }) => folders.names('temp').length);
    expect((await run(client, save('shared.png'))).status).toBe('success');
    expect(site.stack.simulators.map(({ folders }) => folders.names('temp').length)).toEqual(before);
  });
});

describe('an output of a prompt that still runs', () => {
  /** Saves the image, and then works on it for a while. */
  const savedEarly = {
    ...save('photo.png'),
    '3': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
    '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
  };

  /** @returns the prompt's id, and its first file, which its message named */
  async function begin(
    client: NativeClient,
    ms: number,
    prompt: object = savedEarly,
  ): Promise<{ id: string; image: Image }> {
    for (const one of site.stack.simulators) one.setWork(ms);
    await client.upload('photo.png', await png());
    const socket = await client.connect('early');
    const { json } = await client.submit({ prompt, client_id: 'early' });
    await socket.heard((kinds) => kinds.includes('executed 2'), json.prompt_id);
    const made = socket.of(json.prompt_id).find(({ type }) => type === 'executed')?.data['output'];
    const { images } = (made ?? {}) as { images: [Image] };
    return { id: json.prompt_id, image: images[0] };
  }

  const animated = { fps: 6, lossless: true, quality: 80, method: 'default' };

  it.each([
    ['image/png', 'SaveImage', {}],
    ['image/webp', 'SaveAnimatedWEBP', animated],
  ])('is the same file before and after the end, without the prompt in it: %s', async (type, node, more) => {
    const client = await start();
    const inputs = { images: ['1', 0], filename_prefix: 'copy', ...more };
    const prompt = { ...savedEarly, '2': { class_type: node, inputs } };
    const { id, image } = await begin(client, 1000, prompt);
    const early = await client.view(image);
    expect(early).toMatchObject({ status: 200, type });
    expect(early.bytes.includes('class_type')).toBe(false);
    const partly = () =>
      client.fetch(`/view?${new URLSearchParams(image)}`, { headers: { Range: 'bytes=-20' } });
    const part = await partly();
    expect(Buffer.from(await part.arrayBuffer()).equals(early.bytes.subarray(-20))).toBe(true);
    const size = early.bytes.length;
    expect(part.headers.get('content-range')).toBe(`bytes ${size - 20}-${size - 1}/${size}`);
    const shown = await client.view({ ...image, preview: 'webp;90' });
    expect(shown).toMatchObject({ status: 200, type: 'image/webp' });
    await eventually(async () => expect(await client.json(`/history/${id}`)).toHaveProperty(id), 10_000);
    expect((await client.view(image)).bytes.equals(early.bytes)).toBe(true);
    expect((await partly()).headers.get('etag')).toBe(part.headers.get('etag'));
    expect((await client.view({ ...image, preview: 'webp;90' })).bytes.equals(shown.bytes)).toBe(true);
  });

  it('is there when its machine is away, and after its prompt has failed', async () => {
    const client = await start({ simulators: [{}], env: { JOB_MAX_ATTEMPTS: '1' } });
    const { id, image } = await begin(client, 20_000);
    const { bytes } = await client.view(image);
    await eventually(() => expect(site.stack.blobs.size).toBe(2));
    await site.stack.simulator().unplug();
    expect((await client.view(image)).bytes.equals(bytes)).toBe(true);
    await eventually(async () => expect(await client.json(`/history/${id}`)).toHaveProperty(id), 10_000);
    expect((await client.view(image)).bytes.equals(bytes)).toBe(true);
  });

  it('cannot be had for the moment if its machine was away before it was stored', async () => {
    const client = await start({ simulators: [{}], env: { JOB_MAX_ATTEMPTS: '1' } });
    site.stack.simulator().faults.respond = { path: /^\/view/, status: 500, times: 1 };
    const { image } = await begin(client, 20_000);
    await eventually(() => expect(site.stack.simulator().faults.respond?.times).toBe(0));
    await site.stack.simulator().unplug();
    for (const wanted of ['', '&preview=webp']) {
      const response = await client.fetch(`/view?${new URLSearchParams(image)}${wanted}`);
      expect(response.status).toBe(503);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      const text = await response.text();
      expect(JSON.parse(text).error.type).toBe('no_healthy_instances');
      expect(text).not.toContain('127.0.0.1');
    }
  });
});
