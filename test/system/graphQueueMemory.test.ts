/** The memory of clients' graphs while their jobs wait. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { NativeSite } from '../support/NativeSite.js';
import { save } from '../support/nativeRuns.js';
import { png } from '../support/pictures.js';
import { resultLimits } from '../support/resultLimits.js';

const site = new NativeSite();
afterEach(() => site.stop());

const LIMIT = 1_000_000;

/** A graph whose JSON of about 30 KB takes ten times that in memory. */
function largeGraph(name: string): Record<string, unknown> {
  const notes = Array.from({ length: 1000 }, (_, n) => ({ n, x: {}, name }));
  const { '1': load, '2': copy } = save('a.png', name);
  return { '1': { ...load, _meta: { title: 'Load', notes } }, '2': copy };
}

async function waitingBytes(): Promise<number> {
  const text = await (await site.stack.client.request('/metrics')).text();
  return Number(/_queue_bytes (\d+)/.exec(text)?.[1]);
}

it.each(['memory', 'disk'])('is limited, with files in %s', async (store) => {
  const client = await site.start({
    env: {
      ASSET_STORE: store,
      ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
      MAX_QUEUE_MEMORY: String(LIMIT),
      MAX_FILE_SIZE: String(LIMIT),
      MAX_JOBS_PER_INSTANCE: '1',
    },
  });
  await client.upload('a.png', await png());
  site.stack.simulator().occupy();
  await client.submit({ prompt: save('a.png', 'on the machine') });
  await eventually(async () => expect(await waitingBytes()).toBe(0));
  const native = (name: string) => client.submit({ prompt: largeGraph(name) });
  const comfy = (name: string) =>
    site.stack.client.request('/api/v2/jobs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ workflow: largeGraph(name) }),
    });
  const statuses: number[] = [];
  for (let n = 0; n < 6; n += 1) statuses.push((await native(`native ${n}`)).status);
  expect(statuses).toEqual([200, 200, ...statuses.slice(2)]);
  expect(statuses.at(-1)).toBe(503);
  expect(await waitingBytes()).toBeLessThanOrEqual(LIMIT);
  expect(await waitingBytes()).toBeGreaterThan(LIMIT / 3);
  expect((await comfy('v2')).status).toBe(429);
  await client.post('/queue', { clear: true });
  expect(await waitingBytes()).toBeLessThan(1000);
  expect((await comfy('v2')).status).toBe(201);
});

it.each(['memory', 'disk'])(
  'is small after their end, counts, and has a limit, with results in %s',
  async (store) => {
    const limit = 20_000;
    const client = await site.start({ env: await resultLimits(store, limit) });
    await client.upload('a.png', await png());
    const rest = site.stack.client;
    const graph = (name: string) => {
      const notes = Array.from({ length: 1000 }, (_, n) => Math.sin(n).toString(36).slice(3, 7) + name);
      return {
        '1': {
          class_type: 'EmptyImage',
          inputs: { width: 8, height: 8, batch_size: 1, color: 0 },
          _meta: { notes },
        },
        '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: name } },
      };
    };
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const answer = await rest.request('/api/v2/jobs', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ workflow: graph(name) }),
      });
      const { id } = (await answer.json()) as { id: string };
      ids.push(id);
      await eventually(async () =>
        expect(await (await rest.request(`/api/v2/jobs/${id}`)).json()).toMatchObject({
          status: 'succeeded',
          progress: { nodes_total: 2 },
        }),
      );
    }
    const graphOf = async (id: string | undefined) => {
      const response = await rest.request(`/api/v2/jobs/${id}/workflow`);
      return response.ok ? ((await response.json()) as { workflow: unknown }).workflow : response.status;
    };
    expect(await graphOf(ids.at(-1))).toEqual(graph('f'));
    expect(await graphOf(ids[0])).toBe(404);
    const text = await (await rest.request('/metrics')).text();
    const kept = Number(/_result_memory_bytes (\d+)/.exec(text)?.[1]);
    expect(kept).toBeGreaterThan(2000);
    expect(kept).toBeLessThanOrEqual(limit);
    // The graph of a job is not its result.
    const dropped = Number(/_results_dropped_total (\d+)/.exec(text)?.[1]);
    const answer = await rest.request(`/api/v2/jobs/${ids[0]}`);
    const { outputs } = (await answer.json()) as { outputs: Array<{ url: string }> };
    const { status } = await fetch(outputs[0]?.url ?? '');
    expect([status, dropped]).toEqual(store === 'disk' ? [200, 0] : [404, 5]);
  },
);
