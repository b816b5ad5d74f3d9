/** The memory of prompts on the port of ComfyUI's own API, after their end. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { NativeClient } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import { run, save } from '../support/nativeRuns.js';
import { png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { resultLimits } from '../support/resultLimits.js';

const site = new NativeSite();
afterEach(() => site.stop());

/** The editor's form of a graph, as ComfyUI's page sends it: many small objects, which no compression makes disappear. */
function extraData(nodes: number, mark: string): Record<string, unknown> {
  const node = (id: number) => ({
    id,
    type: `${mark}-${(id * 7919).toString(36)}`,
    pos: [id, id * 3],
    flags: {},
    inputs: [1, 2, 3].map((link) => ({ name: 'a', link: link * id })),
    widgets_values: [Math.sin(id), 'text', true],
  });
  return { extra_pnginfo: { workflow: { nodes: Array.from({ length: nodes }, (_, id) => node(id)) } } };
}

/** Bytes of `result_memory_bytes`. */
async function kept(): Promise<number> {
  const text = await (await site.stack.client.request('/metrics')).text();
  return Number(/_result_memory_bytes (\d+)/.exec(text)?.[1]);
}

async function submit(client: NativeClient, name: string, nodes: number): Promise<void> {
  const body = { prompt: save('a.png', name), prompt_id: name, extra_data: extraData(nodes, name) };
  expect((await client.submit(body)).status).toBe(200);
  await eventually(async () => expect(await client.json(`/history/${name}`)).toHaveProperty(name));
}

it.each(['memory', 'disk'])('is counted until the history is cleared, with results in %s', async (store) => {
  const client = await site.start({
    env: { ASSET_STORE: store, ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')) },
  });
  await client.upload('a.png', await png());
  await submit(client, 'small', 1);
  const before = await kept();
  await submit(client, 'large', 1000);
  const grown = (await kept()) - before;
  expect(grown).toBeGreaterThan(10_000);
  // Packed, and without the tree of the parsed JSON.
  expect(grown).toBeLessThan(JSON.stringify(extraData(1000, 'large')).length);
  const { large } = await client.json('/history');
  const shown = { ...extraData(1000, 'large'), create_time: expect.any(Number) };
  expect(large.prompt[3]).toEqual(shown);
  const job = await client.json('/api/jobs/large');
  expect(job.workflow).toEqual({ prompt: save('a.png', 'large'), extra_data: shown });
  expect(job).toMatchObject({ outputs: large.outputs, execution_status: large.status, outputs_count: 1 });
  await client.post('/history', { delete: ['large'] });
  expect((await kept()) - before).toBeLessThan(2000);
  expect((await client.request('/api/jobs/large')).status).toBe(404);
  expect((await client.view(large.outputs['2'].images[0])).status).toBe(200);
  await client.post('/history', { clear: true });
  // The small graphs, which the REST API shows.
  if (store === 'disk') expect(await kept()).toBeLessThan(2000);
});

it.each(['memory', 'disk'])(
  'is limited: the oldest prompt leaves the history, with results in %s',
  async (store) => {
    const limit = 40_000;
    const client = await site.start({ env: await resultLimits(store, limit) });
    await client.upload('a.png', await png());
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await submit(client, name, 400);
    const names = Object.keys(await client.json('/history'));
    expect(names.length).toBeLessThan(6);
    expect(names.at(-1)).toBe('f');
    expect(names).not.toContain('a');
    expect(await kept()).toBeLessThanOrEqual(limit);
    expect(await client.json('/history/a')).toEqual({});
  },
);

it('keeps every digit, and values that are no JSON', async () => {
  const client = await site.start();
  await client.upload('a.png', await png());
  const prompt = JSON.stringify(save('a.png', 'odd'));
  const extra_data = '{"b":18446744073709551615,"a":[1.0,NaN,-Infinity],"10":"\\ud83d"';
  const { json } = await client.post('/prompt', `{"prompt":${prompt},"extra_data":${extra_data}}}`);
  const history = async () => (await client.request(`/history/${json.prompt_id}`)).text;
  await eventually(async () => expect(await history()).toContain('execution_success'));
  const [, behind] = (await history()).split(`${prompt},${extra_data},"create_time":`);
  expect(behind).toMatch(/^\d+\},\["2"\]\]/);
});

it('stays within a small heap, however many large prompts have ended', async () => {
  const simulator = await startSimulator();
  const port = await freePort();
  const server = await ServerProcess.start(
    { COMFYUI_HOST: simulator.host, COMFYUI_API_PORT: String(port) },
    { nodeArguments: ['--max-old-space-size=160'] },
  );
  try {
    const client = new NativeClient(`127.0.0.1:${port}`);
    await client.upload('a.png', await png());
    const extra_data = extraData(4000, 'large');
    // The trees of all together take more than twice the heap.
    for (let n = 0; n < 40; n += 1) {
      const { status } = await client.submit({
        prompt: save('a.png', `${n}`),
        prompt_id: `${n}`,
        extra_data,
      });
      expect(status).toBe(200);
      if (n % 8 === 7)
        await eventually(
          async () => expect(await client.json('/queue')).toEqual({ queue_running: [], queue_pending: [] }),
          60_000,
        );
    }
    expect(await run(client, save('a.png', 'last'))).toMatchObject({ status: 'success' });
    expect(server.child.exitCode).toBeNull();
    client.close();
  } finally {
    await server.kill();
    await simulator.stop();
  }
}, 180_000);
