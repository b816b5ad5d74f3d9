/** Nodes that always write the same file, whatever the prefix. */
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { comfyOutput } from '../../src/schemas/comfy.js';
import { MemoryFolders } from '../../src/simulator/MemoryFolders.js';
import { ComfyApiClient } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { fileOf, graphWorkflow } from '../support/graphWorkflow.js';
import type { NativeClient } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';

const site = new NativeSite();
afterEach(() => site.stop());

const OWN = colourOf(5);
const inverted = ({ r, g, b }: typeof OWN) => ({ r: 255 - r, g: 255 - g, b: 255 - b });

describe('a loop that overwrites its file', () => {
  const loop = (image: unknown) => ({
    '1': { class_type: 'LoadImage', inputs: { image } },
    '2': { class_type: 'LoopFixed', inputs: { images: ['1', 0], name: 'last' } },
  });

  it('gives the last iteration, as the machine has it (Comfy API v2)', async () => {
    await site.start();
    const api = new ComfyApiClient(site.stack.client.baseUrl);
    const { id } = await api.asset(await png({ colour: OWN }));
    const submitted = await api.submit(loop({ __type: 'core/ASSET', info: { id, file_path: 'a.png' } }));
    const job = await api.ended(submitted.id);
    expect(job).toMatchObject({ status: 'succeeded' });
    const outputs = job.outputs.map((one) => comfyOutput.parse(one));
    expect(outputs).toHaveLength(2);
    for (const { url } of outputs) {
      const seen = await middle(
        await sharp(await api.bytes(url ?? ''))
          .png()
          .toBuffer(),
      );
      expect(distance(seen, inverted(OWN))).toBeLessThan(12);
    }
  });

  it('gives the last iteration, as the machine has it (ComfyUI’s own API)', async () => {
    const client = await site.start();
    await client.upload('a.png', await png({ colour: OWN }));
    const socket = await client.connect('c');
    const { json } = await client.submit({ prompt: loop('a.png'), client_id: 'c' });
    await socket.ended(json.prompt_id);
    const { [json.prompt_id]: entry } = await client.json(`/history/${json.prompt_id}`);
    expect(entry.status.status_str).toBe('success');
    const files = Object.values<{ images: Record<string, string>[] }>(entry.outputs).flatMap(
      ({ images }) => images,
    );
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const { bytes } = await client.view(file as never);
      expect(distance(await middle(await sharp(bytes).png().toBuffer()), inverted(OWN))).toBeLessThan(12);
    }
  });
});

describe('a file without metadata under a fixed name', () => {
  const workflow = graphWorkflow('fixed', {
    files: [{ name: 'image', kind: 'image', required: true, title: 'image' }],
    outputs: { fixed: '2', late: '4' },
    build: (files) => ({
      '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
      '2': {
        class_type: 'SaveFixed',
        inputs: { images: ['1', 0], name: 'result', format: 'webp without metadata' },
      },
      '3': { class_type: 'SleepImage', inputs: { image: ['1', 0], seconds: 1 } },
      '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
    }),
  });

  it('is fetched when its node has ended', async () => {
    await site.start({ overrides: { workflows: [workflow] } });
    const { client } = site.stack;
    const form = new FormData();
    form.set('image', new Blob([new Uint8Array(await png({ colour: OWN }))]), 'i.png');
    const sent = client.request('/api/fixed', { method: 'POST', body: form });
    const { folders } = site.stack.simulator();
    const place = { type: 'output', subfolder: '', filename: 'result.webp' } as const;
    await eventually(() => expect(folders.read(place)).toBeDefined());
    await sleep(400);
    folders.write(
      place,
      await sharp(await png({ colour: colourOf(70) }))
        .webp()
        .toBuffer(),
    );
    const { outputs } = (await (await sent).json()) as { outputs: { url: string; filename: string }[] };
    expect(outputs.map(({ filename }) => filename)).toEqual(['result.webp', expect.any(String)]);
    const bytes = Buffer.from(await (await client.request(outputs[0]?.url ?? '')).arrayBuffer());
    expect(distance(await middle(await sharp(bytes).png().toBuffer()), OWN)).toBeLessThan(12);
  });
});

it('files with a linked prefix have names of their own on machines that share a folder', async () => {
  const folders = new MemoryFolders();
  const saver = { fps: 6, lossless: true, quality: 80, method: 'default' };
  const workflow = graphWorkflow('linked', {
    files: [{ name: 'image', kind: 'image', required: true, title: 'image' }],
    outputs: { result: '9' },
    build: (files) => ({
      '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
      '3': { class_type: 'PrimitiveString', inputs: { value: 'linked' } },
      '9': {
        class_type: 'SaveAnimatedWEBP',
        inputs: { images: ['1', 0], filename_prefix: ['3', 0], ...saver },
      },
    }),
  });
  await site.start({ simulators: [{ folders }, { folders }], overrides: { workflows: [workflow] } });
  const { client } = site.stack;
  const seen = await Promise.all(
    Array.from({ length: 12 }, async (_, n) => {
      const form = new FormData();
      form.set('image', new Blob([new Uint8Array(await png({ colour: colourOf(n) }))]), 'i.png');
      const response = await client.request('/api/linked', { method: 'POST', body: form });
      const { outputs } = (await response.json()) as { outputs: { url: string; filename: string }[] };
      const bytes = Buffer.from(await (await client.request(outputs[0]?.url ?? '')).arrayBuffer());
      const isOwn = distance(await middle(await sharp(bytes).png().toBuffer()), colourOf(n)) < 12;
      return { isOwn, filename: outputs[0]?.filename };
    }),
  );
  expect(seen).toEqual(Array.from({ length: 12 }, () => ({ isOwn: true, filename: 'linked_00001_.webp' })));
  expect(folders.names('output')).toHaveLength(12);
});

describe('a file of a node within an expansion that is no output node', () => {
  const KEYS = { alice: 'a'.repeat(32), bob: 'b'.repeat(32) };
  const keep = {
    '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
    '2': { class_type: 'InvertAndKeep', inputs: { image: ['1', 0] } },
    '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
  };

  it('is not sent to one key when another key has overwritten it', async () => {
    const env = { API_KEYS: `alice:${KEYS.alice},bob:${KEYS.bob}`, ALLOW_RAW_WORKFLOWS: 'all' };
    const alice = await site.start({ env }, KEYS.alice);
    const bob = site.newClient(site.stack.nativeHost, KEYS.bob);
    const kept = async (client: NativeClient, colour: typeof OWN) => {
      await client.upload('a.png', await png({ colour }));
      const socket = await client.connect('c');
      const { json, text } = await client.submit({ prompt: keep, client_id: 'c' });
      if (json?.prompt_id === undefined) throw new Error(text);
      await socket.ended(json.prompt_id);
      const { [json.prompt_id]: entry } = await client.json(`/history/${json.prompt_id}`);
      return entry.outputs['2.0.0.2'].images[0];
    };
    const hers = await kept(alice, OWN);
    expect(distance(await middle((await alice.view(hers)).bytes), inverted(OWN))).toBeLessThan(12);
    site.stack.simulator().folders.empty('output');
    const his = await kept(bob, colourOf(70));
    expect((await bob.view(his)).status).toBe(200);
    expect((await alice.view(hers)).status).toBe(404);
    const prompt = {
      '1': { class_type: 'LoadImage', inputs: { image: `${hers.filename} [output]` } },
      '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    };
    expect((await alice.submit({ prompt })).status).toBe(400);
  });
});
