import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';
import { STORE_METHODS, type StoreMethod, UnreliableStores } from '../support/unreliableStores.js';

/** Maximum time of any response, whatever the stores do. */
const PATIENCE_MS = 30_000;
const TIMINGS = { timeoutMs: 150, attempts: 3, retryBaseMs: 5, retryMaxMs: 100, progressIntervalMs: 1 };
const LIFETIME_MS = 400;

const pictures = await Promise.all([0, 1, 2, 3].map((n) => png({ colour: colourOf(n) })));
const picture = (n: number): Buffer => pictures[n] ?? Buffer.alloc(0);

const stacks: Stack[] = [];
afterAll(async () => {
  await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
});

/** Starts a server with these stores and records the events of its jobs. */
async function start(stores: UnreliableStores, lifetimeMs = LIFETIME_MS) {
  const stack = await Stack.start({
    simulators: [{ workMs: { InspyrenetRembg: 15 } }],
    env: {
      HEALTH_CHECK_TIMEOUT: '20000',
      JOB_CLEANUP_INTERVAL: String(lifetimeMs),
      MAX_CONCURRENT_JOBS: '3',
      MAX_JOBS_PER_INSTANCE: '3',
    },
    overrides: { jobStore: stores.jobs, blobStore: stores.blobs, stores: TIMINGS },
  });
  stacks.push(stack);
  const ends = new Map<string, number>();
  const accepted = new Set<string>();
  const { events } = stack.services.manager;
  events.subscribe('finished', ({ id }) => ends.set(id, (ends.get(id) ?? 0) + 1));
  events.subscribe('changed', ({ id }) => accepted.add(id));
  return { stack, ends, accepted };
}

/** A response's status, within a bounded time. */
async function statusOf(answer: Promise<Response>): Promise<number> {
  const late = new AbortController();
  const response = await Promise.race([
    answer,
    delay(PATIENCE_MS, undefined, { signal: late.signal }).then(() => {
      throw new Error('a client was left waiting');
    }),
  ]);
  late.abort();
  await response.arrayBuffer();
  return response.status;
}

/** Some requests of every kind at once: waits for, submits, cancels, deletes and lists jobs. @returns all statuses */
async function workload({ client }: Stack): Promise<number[]> {
  const sync = (n: number) => client.post('/api/remove-background', picture(n));
  const followed = async (n: number, then: (id: string) => Promise<Response>) => {
    const response = await client.post('/api/async/remove-background', picture(n));
    if (response.status !== 202) return response;
    return then(asyncAnswer.parse(await response.json()).job_id);
  };
  const waitedFor = client.post('/api/async/remove-background', picture(3), {
    headers: { Prefer: 'wait=2' },
  });
  return Promise.all(
    [
      sync(0),
      sync(1),
      waitedFor,
      followed(2, (id) => client.request(`/api/jobs/${id}/cancel`, { method: 'POST' })),
      followed(3, (id) => client.request(`/api/jobs/${id}`, { method: 'DELETE' })),
      followed(0, (id) => client.request(`/api/jobs/${id}/info`)),
      client.request('/api/jobs/list'),
      client.request('/api/jobs/stats'),
      // A running job is known without the store; an unknown one is looked up in it.
      ...[1, 2, 3].map((n) => client.request(`/api/jobs/no-such-job-${n}/status`)),
    ].map(statusOf),
  );
}

type Started = Awaited<ReturnType<typeof start>>;

/** Expects that every accepted job has ended once. */
async function expectAllEnded({ stack, ends, accepted }: Started): Promise<void> {
  const { manager, processor } = stack.services;
  await eventually(async () => {
    const { jobs, bytes } = await manager.queue.size();
    expect([...ends].sort()).toEqual([...accepted].map((id) => [id, 1]).sort());
    expect([jobs, bytes, processor.activeJobs]).toEqual([0, 0, 0]);
  }, PATIENCE_MS);
}

/** Expects that no record and no byte of any job remains once all have expired. */
async function expectNothingLeft({ stack }: Started, stores: UnreliableStores): Promise<void> {
  await eventually(async () => {
    expect((await stores.records.counts()).total).toBe(0);
    expect([...stores.bytes.keys()]).toEqual([]);
    expect(stack.services.manager.leftToDo).toBe(0);
  }, PATIENCE_MS);
}

const KINDS = [
  ['refused', { kind: 'refused' }],
  ['carried out, and the answer is lost', { kind: 'lost' }],
  ['answered late', { kind: 'late', ms: 300 }],
] as const;

/** The calls of each method to disturb, one per run: numbers of calls that one run of the workload makes. */
const CALLS = {
  'jobs.insert': [1, 2, 4],
  'jobs.get': [1, 2, 3],
  'jobs.update': [1, 2, 3, 4, 6, 9, 14, 20],
  'jobs.delete': [1, 2],
  'jobs.list': [1],
  'jobs.counts': [1],
  'jobs.finishedUntil': [1, 2],
  'blobs.put': [1, 2, 4, 7, 9],
  'blobs.get': [1, 2, 4],
  'blobs.delete': [1, 2, 5],
} as const satisfies Record<StoreMethod, readonly number[]>;

describe.concurrent.each(STORE_METHODS)('when %s', (method) => {
  it.each(KINDS)(
    'is %s once, every client has its answer and every job its one end',
    async (_, trouble) => {
      const stores = new UnreliableStores();
      const started = await start(stores);
      for (const nth of CALLS[method]) {
        const before = stores.calls(method);
        stores.trouble = (called, call) => (called === method && call === before + nth ? trouble : undefined);
        await workload(started.stack);
        await eventually(() => expect(stores.calls(method)).toBeGreaterThanOrEqual(before + nth));
        await expectAllEnded(started);
      }
      await expectNothingLeft(started, stores);
    },
    120_000,
  );

  it('fails for 300 ms, the same, and then all is as before', async () => {
    const stores = new UnreliableStores();
    const started = await start(stores);
    const until = performance.now() + 300;
    stores.trouble = (called) =>
      called === method && performance.now() < until ? { kind: 'refused' } : undefined;
    await workload(started.stack);
    await eventually(() => expect(performance.now()).toBeGreaterThan(until));
    await expectAllEnded(started);
    await expectNothingLeft(started, stores);
    expect(await statusOf(started.stack.client.post('/api/remove-background', picture(1)))).toBe(200);
  }, 120_000);
});
