/** Unmodified ComfyUI clients from npm, with two machines. */
import { CallWrapper, ComfyApi, PromptBuilder } from '@saintno/comfyui-sdk';
import { Client as StableCanvasClient } from '@stable-canvas/comfyui-client';
import { ComfyUIClient } from 'comfy-ui-client';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;

/**
 * Long enough for a client that starts to listen only after it has requested the history: `@saintno/comfyui-sdk` does so, and
 * hangs if it misses the outputs of its prompt. ms
 */
const WORK_MS = 1500;

beforeEach(async () => {
  const machine = { workMs: { InspyrenetRembg: WORK_MS } };
  stack = await Stack.start({ simulators: [machine, machine], env: { COMFYUI_API_PORT: '0' } });
});

afterEach(() => stack.stop());

const graph = (image: string, filename_prefix: string) => ({
  '1': { class_type: 'LoadImage', inputs: { image } },
  '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
  // Runs before the other one: a client may stop after the output that it waits for.
  '3': { class_type: 'SaveImageWebsocket', inputs: { images: ['2', 0] } },
  '4': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix } },
});

const SIZES = [16, 24, 32, 40];

/** Expects the image made from an upload of this size. */
async function expectSize(blob: Blob, size: number): Promise<void> {
  const image = Buffer.from(await blob.arrayBuffer());
  expect(await sharp(image).metadata()).toMatchObject({ width: size, height: size, hasAlpha: true });
}

describe('@saintno/comfyui-sdk', () => {
  it('uploads, runs, hears progress and previews, and fetches, several at once', async () => {
    const heard = { previews: 0, outputs: 0, started: 0 };
    const run = async (size: number) => {
      // One client per prompt: this client takes the end of any prompt for the end of each prompt that it waits for.
      const options = { customWebSocketImpl: WebSocket as never };
      const api = new ComfyApi(`http://${stack.nativeHost}`, `saintno-${size}`, options);
      await api.init().waitForReady();
      const uploaded = await api.uploadImage(await png({ width: size, height: size }), `in-${size}.png`);
      if (!uploaded) throw new Error('the upload failed');
      const prompt = graph(uploaded.info.filename, `saintno-${size}`);
      const builder = new PromptBuilder<never, 'made', never>(prompt as never, [], ['made']).setOutputNode(
        'made',
        '4' as never,
      );
      const result = await new CallWrapper(api, builder)
        .onStart(() => {
          heard.started += 1;
        })
        .onPreview(() => {
          heard.previews += 1;
        })
        .onOutput(() => {
          heard.outputs += 1;
        })
        .run();
      const made =
        result &&
        (result as { made?: { images: { filename: string; subfolder: string; type: string }[] } }).made;
      const [image] = made ? made.images : [];
      if (!image) throw new Error('nothing was made');
      await expectSize(await api.getImage(image), size);
      expect((await api.getSystemStats()).devices).toHaveLength(2);
      api.destroy();
    };
    await Promise.all(SIZES.map(run));
    expect(heard).toEqual({ started: SIZES.length, outputs: SIZES.length, previews: SIZES.length });
  });
});

describe('@stable-canvas/comfyui-client', () => {
  it('runs, hears progress, and fetches, several at once', async () => {
    const { host } = new URL(`http://${stack.nativeHost}`);
    const client = new StableCanvasClient({ api_host: host, WebSocket: WebSocket as never, fetch });
    await client.connect();
    const run = async (size: number) => {
      // This client cannot upload: it recommends nodes that take base64.
      const image = (await png({ width: size, height: size })).toString('base64');
      const prompt = {
        ...graph('', `canvas-${size}`),
        '1': { class_type: 'ETN_LoadImageBase64', inputs: { image } },
      };
      const result = await client.enqueue(prompt);
      const urls = result.images.flatMap((one) => (one.type === 'url' ? [one.data] : []));
      const [url] = urls.filter((one) => one.includes(`canvas-${size}`));
      if (url === undefined) throw new Error(`nothing was made: ${JSON.stringify(result.images)}`);
      await expectSize(await (await fetch(url)).blob(), size);
    };
    // One after the other: with several at once this client confuses their ends.
    for (const size of SIZES) await run(size);
    client.close();
  });
});

describe('comfy-ui-client', () => {
  it('uploads, runs and fetches, several at once', async () => {
    const run = async (size: number) => {
      // One client per prompt: this client waits for only one.
      const client = new ComfyUIClient(stack.nativeHost, `client-${size}`);
      await client.connect();
      const { name } = await client.uploadImage(await png({ width: size, height: size }), `own-${size}.png`);
      const images = await client.getImages(graph(name, `own-${size}`) as never);
      const [made] = images['4'] ?? [];
      if (!made) throw new Error('nothing was made');
      await expectSize(made.blob, size);
      expect(Object.keys(await client.getHistory())).not.toHaveLength(0);
      expect(await client.getPrompt()).toHaveProperty('exec_info');
      await client.disconnect();
    };
    await Promise.all(SIZES.map(run));
  });
});
