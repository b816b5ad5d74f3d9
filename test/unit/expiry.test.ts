import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryBlobStore } from '../../src/services/jobs/BlobStore.js';
import { Expiry } from '../../src/services/jobs/Expiry.js';
import { JobManager } from '../../src/services/jobs/JobManager.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import { silentLogger } from '../../src/utils/logger.js';
import { JOB_REQUEST } from '../support/jobRequest.js';

const LIFETIME_MS = 10_000;
beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A server with one job that is about to expire, and so many bytes of images in memory. */
async function expiring(bytes: number, isIdle: () => boolean) {
  const manager = new JobManager(
    {
      jobs: new MemoryJobStore(),
      queue: new MemoryJobQueue(),
      events: new MemoryJobEvents(silentLogger),
      blobs: new MemoryBlobStore(),
    },
    { maxResultBytes: 1e9, lifetimeMs: LIFETIME_MS },
    { now: () => Date.now() },
    silentLogger,
  );
  const { id } = await manager.intake.create(JOB_REQUEST, new Map([['image', Buffer.alloc(1)]]));
  await manager.cancel(id);
  const memory = vi.spyOn(process, 'memoryUsage').mockReturnValue({
    ...process.memoryUsage(),
    arrayBuffers: bytes,
  });
  const collectGarbage = vi.fn();
  const expiry = new Expiry(manager, { lifetimeMs: LIFETIME_MS, isIdle, collectGarbage }, silentLogger);
  expiry.start();
  const stop = () => {
    expiry.stop();
    memory.mockRestore();
  };
  return { collectGarbage, manager, stop };
}

describe('memory of expired jobs', () => {
  it('is given back once, when they expired', async () => {
    const { collectGarbage, manager, stop } = await expiring(1e9, () => true);
    await vi.advanceTimersByTimeAsync(LIFETIME_MS - 1);
    expect(collectGarbage).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(5 * LIFETIME_MS);
    expect(collectGarbage).toHaveBeenCalledOnce();
    expect((await manager.counts()).total).toBe(0);
    stop();
  });

  it('is given back only once no job is running', async () => {
    let isIdle = false;
    const { collectGarbage, stop } = await expiring(1e9, () => isIdle);
    await vi.advanceTimersByTimeAsync(3 * LIFETIME_MS);
    expect(collectGarbage).not.toHaveBeenCalled();
    isIdle = true;
    await vi.advanceTimersByTimeAsync(LIFETIME_MS);
    expect(collectGarbage).toHaveBeenCalledOnce();
    stop();
  });

  it('is left to V8 when it is little', async () => {
    const { collectGarbage, stop } = await expiring(1e6, () => true);
    await vi.advanceTimersByTimeAsync(3 * LIFETIME_MS);
    expect(collectGarbage).not.toHaveBeenCalled();
    stop();
  });
});
