/** Files of prompts at `GET /view` that only a machine has: not stored yet, or dropped to make room. */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { NativeClient } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import type { Image } from '../support/nativeRuns.js';
import { png } from '../support/pictures.js';
import { Random } from '../support/random.js';
import { wav } from '../support/sounds.js';

const site = new NativeSite();
afterEach(() => site.stop());

const random = new Random(7);
const noise = (samples: number) =>
  wav(Array.from({ length: samples }, () => Math.floor(random.next() * 60_000) - 30_000));
/** Two of them are more than what is kept. */
const LONG = noise(1_200_000);

const picture = { class_type: 'LoadImage', inputs: { image: 'photo.png' } };
const sound = { class_type: 'LoadAudio', inputs: { audio: 'noise.wav' } };
const savedSound = {
  '1': sound,
  '2': { class_type: 'SaveAudio', inputs: { audio: ['1', 0], filename_prefix: 'noise' } },
};
const webm = { codec: 'vp9', fps: 6, crf: 32 };
const PROMPTS = {
  sound: savedSound,
  video: {
    '1': picture,
    '2': { class_type: 'SaveWEBM', inputs: { images: ['1', 0], filename_prefix: 'clip', ...webm } },
  },
  latent: {
    '1': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
    '2': { class_type: 'SaveLatent', inputs: { samples: ['1', 0], filename_prefix: 'noise' } },
  },
  image: {
    '1': picture,
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'copy' } },
  },
};

/** Submits a prompt. @returns its id, and the file of node 2 when its message has come */
async function begin(client: NativeClient, prompt: object): Promise<{ id: string; file: Image }> {
  const socket = await client.connect('c');
  const { json, text } = await client.submit({ prompt, client_id: 'c' });
  if (json?.prompt_id === undefined) throw new Error(text);
  const id = String(json.prompt_id);
  await socket.heard((kinds) => kinds.includes('executed 2'), id);
  const message = socket.of(id).find(({ type, data }) => type === 'executed' && data['node'] === '2');
  const [files] = Object.values(message?.data['output'] as Record<string, Image[]>);
  if (!files?.[0]) throw new Error('node 2 made no file');
  return { id, file: files[0] };
}

const finished = (client: NativeClient, id: string) =>
  eventually(async () => expect(await client.json(`/history/${id}`)).toHaveProperty(id), 10_000);

/** Everything that a client may be told about a file: as a whole, in parts, and that it has not changed. */
async function told(client: NativeClient, file: Image) {
  const ask = async (headers: Record<string, string> = {}, method = 'GET') => {
    const response = await client.fetch(`/view?${new URLSearchParams(file)}`, {
      method,
      headers: { 'Cache-Control': 'max-age=0', ...headers },
    });
    const names = ['content-length', 'content-range', 'content-type', 'etag', 'accept-ranges'];
    return {
      status: response.status,
      headers: names.map((name) => response.headers.get(name)),
      bytes: Buffer.from(await response.arrayBuffer()),
    };
  };
  const whole = await ask();
  expect(whole.status).toBe(200);
  expect(whole.bytes.includes('class_type')).toBe(false);
  const size = whole.bytes.length;
  const etag = whole.headers[3] ?? '';
  const ranges = ['bytes=0-0', `bytes=1-${size - 2}`, `bytes=${Math.floor(size / 2)}-`, 'bytes=-7'];
  const parts = await Promise.all(ranges.map((Range) => ask({ Range, 'If-Range': etag })));
  for (const { status } of parts) expect(status).toBe(206);
  const { bytes } = whole;
  const expected = [
    bytes.subarray(0, 1),
    bytes.subarray(1, -1),
    bytes.subarray(Math.floor(size / 2)),
    bytes.subarray(-7),
  ];
  for (const [n, part] of parts.entries()) expect(part.bytes.equals(expected[n] ?? bytes)).toBe(true);
  const others = [
    await ask({ Range: `bytes=${size}-` }),
    await ask({ Range: 'bytes=0-0', 'If-Range': '"another"' }),
    await ask({ 'If-None-Match': etag }),
    await ask({}, 'HEAD'),
  ];
  expect(others.map(({ status }) => status)).toEqual([416, 200, 304, 200]);
  // As text, because comparing so many bytes one by one takes seconds.
  return [whole, ...parts, ...others.slice(1)].map((one) => ({
    ...one,
    bytes: one.bytes.toString('base64'),
  }));
}

async function start(simulators = [{}]): Promise<NativeClient> {
  const env = { MAX_RESULT_MEMORY: '4000000', MAX_RESULT_SIZE: '4000000', JOB_MAX_ATTEMPTS: '1' };
  const client = await site.start({ simulators, env });
  await client.upload('photo.png', await png({ width: 200, height: 200 }));
  // Longer than the first part that is looked at.
  await client.upload('noise.wav', noise(200_000));
  return client;
}

describe.each(Object.entries(PROMPTS))('a file that only its machine has: %s', (_kind, prompt) => {
  it('is sent as before, also in parts, and without the prompt, after its result was dropped', async () => {
    const client = await start();
    const { id, file } = await begin(client, prompt);
    await finished(client, id);
    const before = await told(client, file);
    for (const name of ['one.wav', 'other.wav']) {
      await client.upload(name, LONG);
      const loaded = { '1': { ...sound, inputs: { audio: name } } };
      const { id: other } = await begin(client, { ...savedSound, ...loaded });
      await finished(client, other);
    }
    expect(await told(client, file)).toEqual(before);
    await site.stack.simulator().unplug();
    expect((await client.view(file)).status).toBe(503);
  });

  it('is the same before and after the end of its prompt', async () => {
    const client = await start();
    const machine = site.stack.simulator();
    machine.setWork(1500);
    machine.faults.respond = { path: /^\/view/, status: 500, times: 1 };
    const { id, file } = await begin(client, {
      ...prompt,
      '3': picture,
      '4': { class_type: 'InspyrenetRembg', inputs: { image: ['3', 0], torchscript_jit: 'default' } },
      '5': { class_type: 'PreviewImage', inputs: { images: ['4', 0] } },
    });
    await eventually(() => expect(machine.faults.respond?.times).toBe(0));
    const before = await told(client, file);
    expect(await client.json(`/history/${id}`)).toEqual({});
    await finished(client, id);
    expect(await told(client, file)).toEqual(before);
  });
});
