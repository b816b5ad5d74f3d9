import { afterEach, describe, expect, it } from 'vitest';
import { anySyncAnswer } from '../../src/schemas/jobs.js';
import { fileOf, graphWorkflow } from '../support/graphWorkflow.js';
import { NativeSite } from '../support/NativeSite.js';
import { run, save } from '../support/nativeRuns.js';
import { png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack | undefined;
const site = new NativeSite();
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
});

const PAGE = '<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in again.</body></html>';
const XHTML = `<?xml version="1.0"?>${PAGE}`;
const always = Number.POSITIVE_INFINITY;

/** Saves the uploaded image, a latent of it, or a text. */
const SAVERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  SaveImage: { images: ['1', 0] },
  SaveAnimatedWEBP: { images: ['1', 0], fps: 6, lossless: true, quality: 80, method: 'default' },
  SaveWEBM: { images: ['1', 0], codec: 'vp9', fps: 8, crf: 30 },
  VHS_VideoCombine: {
    images: ['1', 0],
    frame_rate: 8,
    loop_count: 0,
    format: 'video/h264-mp4',
    pingpong: false,
    save_output: true,
  },
  SaveLatent: { samples: ['2', 0] },
};

const workflow = (class_type: string, inputs: Readonly<Record<string, unknown>>) =>
  graphWorkflow('saved', {
    files: [{ name: 'image', kind: 'image', required: true }],
    outputs: { result: '9' },
    build: (files) => ({
      '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
      '2': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
      '9': { class_type, inputs: { ...(inputs as Record<string, string>), filename_prefix: 'x' } },
    }),
  });

async function start(class_type: string, inputs = SAVERS[class_type] ?? {}, options: StackOptions = {}) {
  stack = await Stack.start({ ...options, overrides: { workflows: [workflow(class_type, inputs)] } });
  return stack.simulator();
}

async function send() {
  const body = new FormData();
  body.set('image', new Blob([new Uint8Array(await png())]), 'a.png');
  const response = await stack?.client.request('/api/saved', { method: 'POST', body });
  if (!response) throw new Error('the server has not started');
  return response;
}

describe('a page that a proxy sends instead of a result', () => {
  it.each(Object.keys(SAVERS))('is no result, whatever its type is: %s', async (class_type) => {
    const { faults } = await start(class_type);
    for (const [type, body] of [
      ['text/html', PAGE],
      ['text/plain', PAGE],
      ['text/plain', XHTML],
    ] as const) {
      faults.respond = { path: /^\/view/, status: 200, body, type, times: always };
      expect((await send()).status, `${type} ${body}`).toBe(502);
    }
  });

  it('is no result of a file that is streamed to the store', async () => {
    const { faults } = await start('SaveWEBM', SAVERS['SaveWEBM'], { env: { ASSET_STORE: 'disk' } });
    for (const type of ['text/html', 'text/plain']) {
      faults.respond = { path: /^\/view/, status: 200, body: PAGE, type, times: always };
      expect((await send()).status).toBe(502);
    }
  });

  it('is no text either', async () => {
    const { faults } = await start('SaveText', { text: 'what it is', extension: 'txt' });
    faults.respond = { path: /^\/view/, status: 200, body: PAGE, type: 'text/html', times: always };
    expect((await send()).status).toBe(502);
  });

  it('that comes once does not run the prompt again: the file is asked for again', async () => {
    const { faults, promptIds } = await start('SaveImage');
    faults.respond = { path: /^\/view/, status: 200, body: PAGE, type: 'text/html', times: 2 };
    const { outputs } = anySyncAnswer.parse(await (await send()).json());
    expect(outputs).toMatchObject([{ kind: 'image', mime_type: 'image/png' }]);
    expect(promptIds).toHaveLength(1);
  });
});

it.each(['application/octet-stream', 'text/html'])(
  'a page that a node wrote is a result: %s',
  async (type) => {
    const { faults } = await start('SaveText', { text: PAGE, extension: 'html' });
    faults.respond = { path: /^\/view/, status: 200, body: PAGE, type, times: always };
    const { outputs } = anySyncAnswer.parse(await (await send()).json());
    expect(outputs).toMatchObject([{ kind: 'text', mime_type: 'text/plain', text: PAGE }]);
  },
);

describe("ComfyUI's own API", () => {
  afterEach(() => site.stop());

  it('ends a prompt with an error if a page came instead of its picture', async () => {
    const client = await site.start();
    await client.upload('a.png', await png());
    for (const type of ['text/html', 'text/plain']) {
      site.stack.simulator().faults.respond = {
        path: /^\/view/,
        status: 200,
        body: PAGE,
        type,
        times: always,
      };
      expect((await run(client, save('a.png'))).status).toBe('error');
    }
  });

  it('never sends a page instead of a picture that is on a machine', async () => {
    const client = await site.start();
    const machine = site.stack.simulator();
    const place = { filename: 'b.png', subfolder: '', type: 'input' } as const;
    machine.folders.write(place, await png());
    expect(await client.view(place)).toMatchObject({ status: 200, type: 'image/png' });
    machine.faults.respond = { path: /^\/view/, status: 200, body: PAGE, type: 'text/html', times: always };
    const shown = await client.fetch(`/view?${new URLSearchParams({ ...place, preview: 'webp' })}`);
    expect([(await client.view(place)).status, shown.status]).toEqual([503, 503]);
  });
});
