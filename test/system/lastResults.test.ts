/** Clients of a server that shuts down: they can fetch the results of the last jobs, and their open connections end properly. */
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { sleep } from '../../src/utils/timers.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { NativeClient } from '../support/NativeClient.js';
import { png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';

const POLL_MS = 1000;

let simulator: Simulator | undefined;
let server: ServerProcess | undefined;
let native: NativeClient | undefined;
afterEach(async () => {
  native?.close();
  await server?.kill();
  await simulator?.stop();
  server = simulator = native = undefined;
});

async function start(env: Readonly<Record<string, string>> = {}) {
  const machine = await startSimulator({ workMs: { InspyrenetRembg: 1500 } });
  simulator = machine;
  const process = await ServerProcess.start({ COMFYUI_HOST: machine.host, COMFYUI_API_PORT: '0', ...env });
  server = process;
  const line = process.lines().find(({ message }) => message.includes("ComfyUI's own"));
  const comfy = new NativeClient(`127.0.0.1:${String(line?.['port'])}`);
  native = comfy;
  return { process, comfy, client: new Client(process.baseUrl) };
}

const cutOut = {
  '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
  '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'cut' } },
};

/** Waits until something is there; asks once per second. */
async function polled<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    await sleep(POLL_MS);
    const found = await ask();
    if (found !== undefined) return found;
  }
}

/** Follows all events. @returns 'ended' after a proper end, otherwise the error */
async function endOfEvents(client: Client): Promise<string> {
  const events = await client.request('/api/events');
  return events.text().then(
    () => 'ended',
    (error: unknown) => String(error),
  );
}

it('a client that polls once per second gets the result of the last job, on both ports', async () => {
  const { process, comfy, client } = await start();
  await comfy.upload('photo.png', await png());
  const [first, second] = await Promise.all([
    comfy.submit({ prompt: cutOut }),
    client.submit('remove-background', await png()),
  ]);
  const id = first.json.prompt_id as string;
  await client.until(second, ({ status }) => status === 'processing');
  await eventually(async () => expect((await comfy.json('/queue')).queue_running).toHaveLength(1));
  process.child.kill('SIGTERM');
  await eventually(async () => expect((await client.request('/readyz')).status).toBe(503));
  await Promise.all([
    (async () => {
      const entry = await polled(async () => (await comfy.json(`/history/${id}`))[id]);
      await sleep(POLL_MS);
      expect((await comfy.view(entry.outputs['3'].images[0])).status).toBe(200);
    })(),
    (async () => {
      await polled(async () => {
        const { status } = (await (await client.request(`/api/jobs/${second}/status`)).json()) as {
          status: string;
        };
        return status === 'completed' ? status : undefined;
      });
      await sleep(POLL_MS);
      const image = await client.request(`/api/jobs/${second}/result/image`);
      expect([image.status, (await image.arrayBuffer()).byteLength > 0]).toEqual([200, true]);
    })(),
  ]);
  expect(await process.ended()).toBe(0);
});

it('it keeps its ports open no longer than SHUTDOWN_TIMEOUT', async () => {
  const { process, client } = await start({ SHUTDOWN_TIMEOUT: '3000' });
  const id = await client.submit('remove-background', await png());
  await client.until(id, ({ status }) => status === 'processing');
  const sentAt = performance.now();
  process.child.kill('SIGTERM');
  expect(await process.ended()).toBe(0);
  expect(performance.now() - sentAt).toBeLessThan(3000 + 500);
  expect(process.lines().some(({ message }) => message === 'Job completed')).toBe(true);
});

it('without work it stops at once, and its streams and sockets end properly', async () => {
  const { process, comfy, client } = await start();
  const closed = once((await comfy.connect('c')).ws, 'close');
  const ended = endOfEvents(client);
  await sleep(200);
  const sentAt = performance.now();
  process.child.kill('SIGTERM');
  const [code, reason] = await closed;
  expect([code, String(reason)]).toEqual([1001, 'The server shuts down.']);
  expect(await ended).toBe('ended');
  expect(await process.ended()).toBe(0);
  expect(performance.now() - sentAt).toBeLessThan(2000);
});

it('a client that does not confirm that its socket closes delays nothing', async () => {
  const { process, comfy } = await start();
  const { ws } = await comfy.connect('c');
  ws.pause();
  const sentAt = performance.now();
  process.child.kill('SIGTERM');
  expect(await process.ended()).toBe(0);
  expect(performance.now() - sentAt).toBeLessThan(3000);
});
