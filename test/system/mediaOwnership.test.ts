/** Files of all formats with a prompt in their metadata that another prompt wrote under the name of a result. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ComfyApiClient } from '../support/comfyApi.js';
import { fileOf, graphWorkflow } from '../support/graphWorkflow.js';
import { NativeSite } from '../support/NativeSite.js';
import { colourOf, png } from '../support/pictures.js';

const site = new NativeSite();
afterEach(() => site.stop());

const webp = { fps: 6, lossless: true, quality: 80, method: 'default' };
const combine = { frame_rate: 8, loop_count: 0, pingpong: false, save_output: true };

/** Nodes that end a graph, by what they save. `9` saves the images of node 1. */
const SAVERS = {
  'an animated WebP': { '9': { class_type: 'SaveAnimatedWEBP', inputs: { images: ['1', 0], ...webp } } },
  'a WebM': { '9': { class_type: 'SaveWEBM', inputs: { images: ['1', 0], codec: 'vp9', fps: 8, crf: 32 } } },
  'an MP4': {
    '8': { class_type: 'CreateVideo', inputs: { images: ['1', 0], fps: 8 } },
    '9': { class_type: 'SaveVideo', inputs: { video: ['8', 0], format: 'auto', codec: 'auto' } },
  },
  'an MP4 of a pack': {
    '9': {
      class_type: 'VHS_VideoCombine',
      inputs: { images: ['1', 0], format: 'video/h264-mp4', ...combine },
    },
  },
  'a FLAC': {
    '8': { class_type: 'EmptyAudio', inputs: { duration: 0.1, sample_rate: 8000, channels: 1 } },
    '9': { class_type: 'SaveAudio', inputs: { audio: ['8', 0] } },
  },
  'a latent': {
    '8': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
    '9': { class_type: 'SaveLatent', inputs: { samples: ['8', 0] } },
  },
} as const;

type Saved = keyof typeof SAVERS;

function graphOf(saved: Saved, image: unknown) {
  const graph: Record<string, { class_type: string; inputs: Record<string, unknown> }> = {
    '1': { class_type: 'LoadImage', inputs: { image } },
    ...structuredClone(SAVERS[saved]),
  };
  const saver = graph['9'];
  if (saver) saver.inputs['filename_prefix'] = 'own';
  return graph;
}

const workflows = Object.keys(SAVERS).map((saved, n) =>
  graphWorkflow(`saver-${n}`, {
    files: [{ name: 'image', kind: 'image', required: true, title: 'image' }],
    outputs: { result: '9' },
    build: (files) => graphOf(saved as Saved, fileOf(files, 'image')) as never,
  }),
);
const typeOf = (saved: Saved) => `saver-${Object.keys(SAVERS).indexOf(saved)}`;

const disk = async () => ({
  ASSET_STORE: 'disk',
  ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
});

const start = (env: Readonly<Record<string, string>> = {}) =>
  site.start({ env, overrides: { workflows }, simulators: [{}] });

/** The result that the latest prompt wrote. */
function onMachine(): Buffer {
  const { folders } = site.stack.simulator();
  for (const subfolder of ['', 'audio', 'video', 'latents']) {
    for (const filename of folders.names('output', subfolder)) {
      const bytes = folders.read({ type: 'output', subfolder, filename });
      if (bytes) return bytes;
    }
  }
  throw new Error('the machine has no result');
}

/** The machine sends this instead of every file. */
function sendInstead(bytes: Buffer): void {
  const isFile = (body: Buffer) => body.length > 64 && !'{['.includes(body.toString('latin1', 0, 1));
  site.stack.simulator().faults.rewrite = (body) => (isFile(body) ? bytes : body);
}

const WRONG = 'The file with the name of a result was created by another prompt.';

describe.each(Object.keys(SAVERS) as Saved[])('%s of another prompt', (saved) => {
  it.each([
    ['memory', async () => ({})],
    ['disk', disk],
  ])('is no result of a job (%s)', async (_store, env) => {
    await start(await env());
    const { client } = site.stack;
    const send = async (n: number) => {
      const form = new FormData();
      form.set('image', new Blob([new Uint8Array(await png({ colour: colourOf(n) }))]), 'i.png');
      const response = await client.request(`/api/async/${typeOf(saved)}`, { method: 'POST', body: form });
      const { job_id } = (await response.json()) as { job_id: string };
      return client.finished(job_id);
    };
    expect(await send(1)).toMatchObject({ status: 'completed', attempts: 1 });
    sendInstead(onMachine());
    const status = await send(2);
    expect(status).toMatchObject({ status: 'failed', attempts: 3 });
    expect(JSON.stringify(status)).toContain('created by another prompt');
  });

  it('is no result of a prompt of ComfyUI’s own API, nor of the Comfy API v2', async () => {
    const client = await start(await disk());
    await client.upload('a.png', await png({ colour: colourOf(1) }));
    const ended = async () => {
      const socket = await client.connect('c');
      const { json, text } = await client.submit({ prompt: graphOf(saved, 'a.png'), client_id: 'c' });
      if (json?.prompt_id === undefined) throw new Error(text);
      const id = String(json.prompt_id);
      await socket.ended(id);
      return (await client.json(`/history/${id}`))[id];
    };
    expect((await ended()).status).toMatchObject({ status_str: 'success' });
    sendInstead(onMachine());
    const entry = await ended();
    expect(entry.status).toMatchObject({ status_str: 'error' });
    expect(JSON.stringify(entry.status.messages)).toContain(WRONG);
    const [file] = Object.values<Record<string, string>[]>(entry.outputs['9']).flat();
    expect((await client.fetch(`/view?${new URLSearchParams(file)}`)).status).toBe(404);

    const api = new ComfyApiClient(site.stack.client.baseUrl);
    const image = await api.asset(await png({ colour: colourOf(2) }));
    const reference = { __type: 'core/ASSET', info: { id: image.id, file_path: 'a.png' } };
    const job = await api.ended((await api.submit(graphOf(saved, reference))).id);
    expect(job).toMatchObject({ status: 'failed', outputs: [] });
  });
});
