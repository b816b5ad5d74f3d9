import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Job } from '../../src/services/jobs/Job.js';
import { JobManager } from '../../src/services/jobs/JobManager.js';
import { STORE_TIMINGS } from '../../src/services/jobs/StoreCalls.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';
import { silentLogger } from '../../src/utils/logger.js';
import { JOB_REQUEST } from '../support/jobRequest.js';
import { UnreliableStores } from '../support/unreliableStores.js';

const SECOND_MS = 1000;
const UPDATE = 'jobs.update';
beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A job that is processing on an instance, with a store that counts calls. */
async function processing() {
  const stores = new UnreliableStores();
  const events = new MemoryJobEvents(silentLogger);
  const manager = new JobManager(
    { jobs: stores.jobs, queue: new MemoryJobQueue(), events, blobs: stores.blobs },
    { maxResultBytes: 1e9, lifetimeMs: 3_600_000 },
    { now: () => Date.now() },
    silentLogger,
    // A failed call is repeated later without a pause, which fake timers would not shorten.
    { ...STORE_TIMINGS, attempts: 1 },
  );
  const { id } = await manager.intake.create(JOB_REQUEST, new Map([['image', Buffer.alloc(1)]]));
  await manager.runs.begin(id, 'gpu-1:8188');
  const heard: Job[] = [];
  events.subscribe('changed', (job) => heard.push(job));
  const stored = async () => (await stores.records.get(id))?.progress;
  const written = stores.calls(UPDATE);
  return { manager, stores, id, heard, stored, writes: () => stores.calls(UPDATE) - written };
}

describe('progress', () => {
  it('is told at once, and stored once a second at most', async () => {
    const { manager, id, heard, stored, writes } = await processing();
    for (let n = 1; n <= 50; n += 1) {
      manager.runs.recordProgress(id, n, 'KSampler');
      expect(heard.at(-1)).toMatchObject({ progress: n, currentNode: 'KSampler' });
      expect(await manager.get(id)).toBe(heard.at(-1));
      expect((await manager.list({}, { limit: 1, offset: 0 })).jobs).toEqual([heard.at(-1)]);
    }
    expect(heard).toHaveLength(50);
    expect([writes(), await stored()]).toEqual([0, 0]);
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    expect([writes(), await stored()]).toEqual([1, 50]);
    for (let n = 0; n < 250; n += 1) {
      manager.runs.recordProgress(id, 50 + n / 10, 'KSampler');
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(writes()).toBeLessThanOrEqual(1 + 5);
    await vi.advanceTimersByTimeAsync(10 * SECOND_MS);
    expect(writes()).toBeLessThanOrEqual(1 + 6);
    expect(await stored()).toBe(74.9);
    await manager.stop();
  });

  it('is in the store with whatever the job becomes next, and is not written behind that', async () => {
    const { manager, id, stored, writes } = await processing();
    manager.runs.recordProgress(id, 40, 'KSampler');
    await manager.runs.recordPrompt(id, 'p');
    expect([writes(), await stored()]).toEqual([1, 40]);
    manager.runs.recordProgress(id, 60, 'KSampler');
    await manager.cancel(id);
    expect([writes(), await stored()]).toEqual([2, 60]);
    manager.runs.recordProgress(id, 80, 'KSampler');
    await vi.advanceTimersByTimeAsync(10 * SECOND_MS);
    expect([writes(), await stored()]).toEqual([2, 60]);
    await manager.stop();
  });

  it('is stored later where the store does not take it', async () => {
    const { manager, stores, id, stored } = await processing();
    stores.trouble = () => ({ kind: 'refused' });
    manager.runs.recordProgress(id, 40, 'KSampler');
    await vi.advanceTimersByTimeAsync(2 * SECOND_MS);
    expect(manager.leftToDo).toBe(1);
    manager.runs.recordProgress(id, 60, 'KSampler');
    stores.trouble = () => undefined;
    await vi.advanceTimersByTimeAsync(60 * SECOND_MS);
    expect([manager.leftToDo, await stored()]).toEqual([0, 60]);
    await manager.stop();
  });

  it('leaves no timer behind when the server ends', async () => {
    const { manager, id } = await processing();
    manager.runs.recordProgress(id, 40, 'KSampler');
    await manager.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
