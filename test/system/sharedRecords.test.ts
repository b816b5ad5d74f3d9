import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.js';
import type { Job } from '../../src/services/jobs/Job.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import { MemoryIdempotencyStore } from '../../src/services/queue/memory/MemoryIdempotencyStore.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import { silentLogger } from '../../src/utils/logger.js';
import { CountingQueue } from '../support/CountingQueue.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

/** Longer than all attempts of one call together, ms. */
const AWAY_MS = 1500;

/** Shared records, of which a test rejects some. */
class GuardedStore extends MemoryJobStore {
  refused = 0;
  /** Called before a record is written. @throws to reject it */
  guard: (record: Job) => void = () => undefined;
  /**
   * Whether a record is written but the response is lost. Afterwards the store is unreachable for longer than a call is retried.
   */
  losesResponse: (record: Job) => boolean = () => false;
  awayUntil = 0;

  refuse(when: (record: Job) => boolean): void {
    this.guard = (record) => {
      if (!when(record)) return;
      this.refused += 1;
      throw new Error('the store is away');
    };
  }

  override async update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined> {
    const stored = await this.get(id);
    const next = stored && change(stored);
    if (next) this.guard(next);
    if (performance.now() < this.awayUntil) throw new Error('the store is away');
    const updated = await super.update(id, change);
    if (!updated || !this.losesResponse(updated)) return updated;
    this.awayUntil = performance.now() + AWAY_MS;
    throw new Error('the response was lost');
  }
}

describe('a server whose records are shared', () => {
  let store: GuardedStore;
  let queue: CountingQueue;
  let stack: Stack;
  beforeEach(async () => {
    store = new GuardedStore();
    queue = new CountingQueue();
    stack = await Stack.start({
      overrides: {
        isShared: true,
        jobStore: store,
        jobQueue: queue,
        jobEvents: new MemoryJobEvents(silentLogger),
        idempotencyStore: new MemoryIdempotencyStore(),
      },
    });
  });
  afterEach(() => stack.stop());

  const submit = async () => stack.client.submit('remove-background', await png());
  const promptOf = (job: Job) => (job.status === 'processing' ? job.assignment.promptId : undefined);

  it('submits no prompt before its id is in the record, however long the store is away', async () => {
    store.refuse((job) => promptOf(job) !== undefined);
    const id = await submit();
    await eventually(() => expect(store.refused).toBeGreaterThan(4));
    expect(stack.simulator().promptIds).toEqual([]);
    store.guard = () => undefined;
    expect((await stack.client.finished(id)).status).toBe('completed');
    expect(stack.simulator().promptIds.length).toBe(1);
  });

  it('submits no prompt for a job that another server has meanwhile', async () => {
    let others: Job | undefined;
    store.guard = (job) => {
      if (promptOf(job) === undefined || others) return;
      const waiting = transitions.handOver({ ...job }, 1);
      others = waiting && transitions.begin(waiting, 2, 'another machine');
      queue.isLost = true;
      // The other server was faster.
      throw new Error('others changed it');
    };
    const own = store.update.bind(store);
    store.update = (id, change) => own(id, (stored) => change(others ?? stored));
    const id = await submit();
    await eventually(() => expect(others).toBeDefined());
    await eventually(() => expect(stack.services.processor.activeJobs).toBe(0));
    expect(stack.simulator().promptIds).toEqual([]);
    store.update = own;
    expect((await store.get(id))?.status).toBe('processing');
  });

  it('says when to ask again for a job that cannot be looked up', async () => {
    const id = await submit();
    await stack.client.finished(id);
    const options = { retryAfterSeconds: 2 };
    store.get = () =>
      Promise.reject(new AppError('QUEUE_UNAVAILABLE', 'The queue is not available.', options));
    for (const path of ['status', 'result', 'result/image', 'info']) {
      const response = await stack.client.request(`/api/jobs/${id}/${path}`);
      expect([path, response.status, response.headers.get('retry-after')]).toEqual([path, 503, '2']);
    }
    const cancelled = await stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
    expect([cancelled.status, cancelled.headers.get('retry-after')]).toEqual([503, '2']);
  });

  it('keeps the outputs of a job whose end was written, although the response was lost with the store', async () => {
    let lost = 0;
    store.losesResponse = ({ status }) => status === 'completed' && lost++ === 0;
    const ended: string[] = [];
    stack.services.manager.events.subscribe('finished', (job) => ended.push(job.id));
    const id = await submit();
    await eventually(() => expect(lost).toBe(1));
    await eventually(() => expect(stack.services.processor.activeJobs).toBe(0));
    expect((await stack.client.status(id)).status).toBe('completed');
    expect((await stack.client.request(`/api/jobs/${id}/result/image`)).status).toBe(200);
    expect(ended).toEqual([id]);
  });

  it('lets the entry and the prompt of a job go only when its end is in the record', async () => {
    store.refuse(({ status }) => status === 'completed');
    const id = await submit();
    await eventually(() => expect(store.refused).toBeGreaterThan(8));
    expect((await stack.client.status(id)).status).toBe('processing');
    expect(queue.done).toBe(0);
    expect(stack.simulator().historyIds.length).toBe(1);
    store.guard = () => undefined;
    await eventually(() => expect(queue.done).toBe(1));
    expect((await store.get(id))?.status).toBe('completed');
    expect(stack.simulator().promptIds.length).toBe(1);
    await eventually(() => expect(stack.simulator().historyIds).toEqual([]));
  });
});
