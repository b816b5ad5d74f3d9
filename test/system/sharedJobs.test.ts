import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryBlobStore } from '../../src/services/jobs/BlobStore.js';
import { QueueRepair } from '../../src/services/jobs/QueueRepair.js';
import { MemoryIdempotencyStore } from '../../src/services/queue/memory/MemoryIdempotencyStore.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import type { ServiceOverrides } from '../../src/services/ServiceOverrides.js';
import { systemClock } from '../../src/utils/clock.js';
import { silentLogger } from '../../src/utils/logger.js';
import type { Content } from '../../src/utils/StoredFile.js';
import { eventually } from '../support/eventually.js';
import { LosingQueue } from '../support/LosingQueue.js';
import { colourOf, png } from '../support/pictures.js';
import { readEvents } from '../support/serverSentEvents.js';
import { Stack } from '../support/stack.js';

const picture = (n: number) => png({ colour: colourOf(n) });

/** Delays the writing of results on request. */
class HeldBlobs extends MemoryBlobStore {
  waiting = 0;
  #gate = Promise.resolve();
  #open: () => void = () => undefined;

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  letGo(): void {
    this.#open();
  }

  override async put(name: string, content: Content): Promise<string> {
    if (name.includes('/output/')) {
      this.waiting += 1;
      await this.#gate;
    }
    return super.put(name, content);
  }
}

/** Two servers that share everything, as two with QUEUE=redis do, with the same machines. */
describe('servers that share their jobs', () => {
  let a: Stack;
  let b: Stack;
  let blobs: HeldBlobs;
  let queue: LosingQueue;
  let overrides: ServiceOverrides;
  beforeEach(async () => {
    blobs = new HeldBlobs();
    queue = new LosingQueue();
    overrides = {
      isShared: true,
      jobStore: new MemoryJobStore(),
      jobQueue: queue,
      jobEvents: new MemoryJobEvents(silentLogger),
      idempotencyStore: new MemoryIdempotencyStore(),
      blobStore: blobs,
    };
    a = await Stack.start({ simulators: [{}, {}], overrides });
    b = await another();
  });
  /** Starts another server with the same machines. */
  const another = (different: ServiceOverrides = {}) =>
    Stack.start({
      simulators: [],
      env: { COMFYUI_HOST: a.simulators.map(({ host }) => host).join(',') },
      overrides: { ...overrides, ...different },
    });
  afterEach(async () => {
    await b.stop();
    await a.stop();
  });

  const executions = () => a.simulators.flatMap((simulator) => simulator.executions);
  const slow = (ms: number) => {
    for (const simulator of a.simulators) simulator.setWork(ms);
  };

  it('answer alike for every job, whichever took it and whichever runs it', async () => {
    const ids = await Promise.all(
      Array.from({ length: 12 }, async (_, n) =>
        (n % 2 ? a : b).client.submit('remove-background', await picture(n)),
      ),
    );
    for (const [n, id] of ids.entries()) {
      const [asked, other] = n % 2 ? [b, a] : [a, b];
      expect((await asked.client.finished(id)).status).toBe('completed');
      expect(await asked.client.resultImage(id)).toEqual(await other.client.resultImage(id));
    }
    expect(executions().length).toBe(12);
  });

  it('wait for the end of a job that the other one runs', async () => {
    const bodies = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (n) =>
        (n % 2 ? a : b).client.process('remove-background', await picture(n)),
      ),
    );
    expect(bodies.map(({ body }) => body.success)).toEqual(Array(6).fill(true));
    expect(executions().length).toBe(6);
  });

  it('cancel a job that the other one runs, and tell of it on both', async () => {
    slow(2000);
    const id = await a.client.submit('remove-background', await picture(1));
    await b.client.until(id, ({ status }) => status === 'processing');
    const events = [a, b].map(async (stack) => {
      const seen: string[] = [];
      for await (const { data } of readEvents(await stack.client.request(`/api/jobs/${id}/events`))) {
        seen.push((data as { status: string }).status);
      }
      return seen;
    });
    // Whichever server runs the job, one of the two cancels it remotely.
    const response = await b.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
    expect(response.status).toBe(200);
    for (const seen of await Promise.all(events)) expect(seen.at(-1)).toBe('cancelled');
    expect((await a.client.status(id)).status).toBe('cancelled');
    await eventually(() => {
      expect(a.simulators.map(({ queueRemaining }) => queueRemaining)).toEqual([0, 0]);
      expect(a.services.processor.activeJobs + b.services.processor.activeJobs).toBe(0);
    });
  });

  it('end the streams of a job, although the clock of the one that ends it is behind', async () => {
    slow(2000);
    const behind = await another({ clock: { now: () => systemClock.now() - 60_000 } });
    await behind.services.processor.stop(0, 0);
    try {
      const id = await a.client.submit('remove-background', await picture(1));
      await a.client.until(id, ({ status }) => status === 'processing');
      const seen = [a, behind].map(async (stack) => {
        const last = { status: '', processing_time_seconds: -1 };
        for await (const { data } of readEvents(await stack.client.request(`/api/jobs/${id}/events`))) {
          Object.assign(last, data);
        }
        return last;
      });
      const response = await behind.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
      expect(response.status).toBe(200);
      for (const { status, processing_time_seconds } of await Promise.all(seen)) {
        expect(status).toBe('cancelled');
        expect(processing_time_seconds).toBeGreaterThanOrEqual(0);
      }
    } finally {
      await behind.stop();
    }
  });

  it('let one of two ends be the end', async () => {
    slow(20);
    for (let n = 0; n < 10; n += 1) {
      const id = await a.client.submit('remove-background', await picture(n));
      await new Promise((resolve) => setTimeout(resolve, 5 * n));
      const [one, other] = await Promise.all(
        [a, b].map((stack) => stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' })),
      );
      const { status } = await b.client.finished(id);
      const cancelled = [one, other].filter((response) => response?.status === 200).length;
      expect(cancelled).toBe(status === 'cancelled' ? 1 : 0);
      expect((await a.client.status(id)).status).toBe(status);
    }
  });

  it('hand over a running job when one of them stops, without running it twice', async () => {
    slow(600);
    const ids = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map(async (n) => a.client.submit('remove-background', await picture(n))),
    );
    await Promise.all(ids.map((id) => a.client.until(id, ({ status }) => status === 'processing')));
    expect(b.services.processor.activeJobs).toBeGreaterThan(0);
    await b.services.stop();
    for (const id of ids) expect((await a.client.finished(id)).status).toBe('completed');
    expect(executions().length).toBe(8);
  });

  it('count a prompt that the other one continues as one attempt, from its beginning', async () => {
    slow(1500);
    const id = await a.client.submit('remove-background', await picture(1));
    await eventually(() => expect(executions().length).toBe(1));
    const runs = b.services.processor.activeJobs > 0 ? b : a;
    const other = runs === a ? b : a;
    // The job is handed over while it is being executed.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await runs.services.processor.stop(0, 1000);
    const { attempts, processing_time_seconds } = await other.client.finished(id);
    expect(attempts).toBe(1);
    expect(processing_time_seconds).toBeGreaterThanOrEqual(1.4);
    expect(executions().length).toBe(1);
  });

  it.each(['the server that runs it', 'any server'])(
    'continue a job whose entry comes back to %s after its deadline',
    async (taker) => {
      slow(3000);
      const id = await a.client.submit('remove-background', await picture(1), { deadline_seconds: '1' });
      await eventually(() => expect(executions().length).toBe(1));
      const idle = b.services.processor.activeJobs > 0 ? a : b;
      if (taker === 'the server that runs it') await idle.services.processor.stop(0, 0);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await queue.lose(id);
      expect(await a.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
      expect(executions().length).toBe(1);
      await eventually(async () => expect(await queue.size()).toEqual({ jobs: 0, bytes: 0 }));
    },
  );

  it('leave a prompt in the history until its result is recorded', async () => {
    blobs.hold();
    const id = await a.client.submit('remove-background', await picture(1));
    await eventually(() => expect(blobs.waiting).toBe(1));
    const inHistory = () => a.simulators.flatMap(({ historyIds }) => historyIds);
    // Longer than deleting an entry takes.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(inHistory().length).toBe(1);
    blobs.letGo();
    expect((await b.client.finished(id)).status).toBe('completed');
    await eventually(() => expect(inHistory()).toEqual([]));
  });

  it('find a job again that is not in the queue', async () => {
    for (const simulator of a.simulators) await simulator.crash();
    await eventually(async () => expect((await a.client.request('/status')).status).toBe(503));
    const id = await a.client.submit('remove-background', await picture(1));
    // As if its server had died right after it wrote the record.
    await eventually(async () => expect(await a.services.manager.queue.remove(id)).toBe(true));
    for (const simulator of a.simulators) await simulator.behave();
    const repair = new QueueRepair(b.services.manager, systemClock, silentLogger, {
      intervalMs: 60_000,
      minAgeMs: 0,
    });
    await repair.run();
    expect((await a.client.status(id)).status).toBe('pending');
    await repair.run();
    expect((await a.client.finished(id)).status).toBe('completed');
  });

  it('make one job of a key that both get at the same moment', async () => {
    const image = await picture(1);
    const responses = await Promise.all(
      [a, b, a, b].map(async ({ client }) => {
        const response = await client.post('/api/async/remove-background', image, {
          headers: { 'Idempotency-Key': 'once' },
        });
        return ((await response.json()) as { job_id: string }).job_id;
      }),
    );
    expect(new Set(responses).size).toBe(1);
  });
});
