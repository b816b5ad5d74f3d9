import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/services/jobs/Job.js';
import { queueEntry } from '../../src/services/jobs/queueEntry.js';
import type { StoreTimings } from '../../src/services/jobs/StoreCalls.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import { MemoryIdempotencyStore } from '../../src/services/queue/memory/MemoryIdempotencyStore.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import { silentLogger } from '../../src/utils/logger.js';
import { CountingQueue } from '../support/CountingQueue.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack } from '../support/stack.js';

const LONG_MS = 8000;
/** As if no progress were stored: a write would tell the server that it has lost the job. */
const NO_PROGRESS = { progressIntervalMs: 600_000 };

/** Records of servers that share jobs. */
class WatchedStore extends MemoryJobStore {
  /** Records that were written. */
  readonly written: Job[] = [];

  override async update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined> {
    const record = await super.update(id, change);
    if (record) this.written.push(record);
    return record;
  }
}

describe('a server that was away while another one began the next attempt of its job', () => {
  let store: WatchedStore;
  let queue: CountingQueue;
  let events: MemoryJobEvents;
  let logger: RecordingLogger;
  let stack: Stack;
  afterEach(() => stack.stop());

  /** Starts a server whose records are shared, with a job that its machine executes. */
  const running = async (
    workMs: number,
    env: Record<string, string> = {},
    stores: Partial<StoreTimings> = {},
  ) => {
    store = new WatchedStore();
    queue = new CountingQueue();
    events = new MemoryJobEvents(silentLogger);
    logger = new RecordingLogger();
    stack = await Stack.start({
      env,
      logger,
      overrides: {
        isShared: true,
        stores,
        jobStore: store,
        jobQueue: queue,
        jobEvents: events,
        idempotencyStore: new MemoryIdempotencyStore(),
      },
    });
    stack.simulator().setWork(workMs);
    const id = await stack.client.submit('upscale-remove-bg', await png());
    await eventually(() => {
      expect(stack.simulator().executions).toHaveLength(1);
      // Before and after its submission.
      expect(store.written.filter(promptOf).length).toBeGreaterThan(1);
    });
    return id;
  };
  const promptOf = (job: Job) => (job.status === 'processing' ? job.assignment.promptId : undefined);

  /** What another server writes when it takes the job from the queue. This server hears nothing. */
  const takenByAnother = async (id: string, promptId?: string) => {
    queue.isLost = true;
    await store.update(id, (job) => {
      const waiting = transitions.handOver(job, Date.now());
      const begun = waiting && transitions.begin(waiting, Date.now(), 'another:8188');
      return begun && promptId ? transitions.withPrompt(begun, Date.now(), promptId) : begun;
    });
  };
  const idle = () => eventually(() => expect(stack.services.processor.activeJobs).toBe(0), 15_000);
  const health = async () => {
    const { healthy_instances } = (await (await stack.client.request('/status')).json()) as {
      healthy_instances: number;
    };
    return healthy_instances;
  };

  it.each(['1', '3'])(
    'decides nothing about that attempt when its own fails, with %s attempts',
    async (most) => {
      const id = await running(LONG_MS, { JOB_MAX_ATTEMPTS: most }, NO_PROGRESS);
      await takenByAnother(id);
      const told: string[] = [];
      events.subscribe('changed', ({ status }) => told.push(status));
      await stack.simulator().restart();
      await idle();
      expect(await store.get(id)).toMatchObject({ status: 'processing', attempts: 2 });
      expect((await stack.client.status(id)).status).toBe('processing');
      expect(told.filter((status) => status !== 'processing')).toEqual([]);
      // A check may fail while it restarts, but nobody blames it for the prompt.
      expect(logger.lines.filter(({ fields }) => /lost the prompt/.test(String(fields['error'])))).toEqual(
        [],
      );
      await eventually(async () => expect(await health()).toBe(1));
    },
  );

  it('records its own result, and keeps what the other attempt has recorded', async () => {
    const id = await running(500, {}, NO_PROGRESS);
    await takenByAnother(id);
    const early = { name: 'x', nodeId: '9', kind: 'text', mimeType: 'text/plain', sizeBytes: 1 } as const;
    const output = { ...early, filename: 'x.txt', place: '9-0-2' };
    await store.update(id, (job) => transitions.withOutput(job, Date.now(), 2, output));
    expect((await stack.client.finished(id)).status).toBe('completed');
    expect(await store.get(id)).toMatchObject({ attempts: 2, early: [output] });
    expect((await stack.client.request(`/api/jobs/${id}/result/image`)).status).toBe(200);
    expect((await stack.client.status(id)).comfyui_instance).toBe(stack.simulator().host);
  });

  it('cancels the job for everybody', async () => {
    const id = await running(LONG_MS, {}, NO_PROGRESS);
    await takenByAnother(id);
    expect((await stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(200);
    expect(await store.get(id)).toMatchObject({ status: 'cancelled', attempts: 2 });
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(0));
  });

  it('leaves the prompt that the other attempt continues', async () => {
    const id = await running(1000);
    await takenByAnother(id, stack.simulator().promptIds[0]);
    stack.simulator().setWork(LONG_MS);
    await idle();
    expect(stack.simulator().queueRemaining).toBe(1);
  });

  it('takes back a prompt that nobody continues', async () => {
    const id = await running(1000);
    await takenByAnother(id, 'another prompt');
    stack.simulator().setWork(LONG_MS);
    await idle();
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(0));
    expect((await store.get(id))?.status).toBe('processing');
  });

  it('continues its own prompt if it gets the entry again, because its hold had expired', async () => {
    const id = await running(1500, {}, NO_PROGRESS);
    const job = await store.get(id);
    if (job?.status !== 'processing') throw new Error('it is not running');
    queue.isLost = true;
    await queue.add(queueEntry({ ...job, status: 'pending' }));
    expect((await stack.client.finished(id)).status).toBe('completed');
    expect(await store.get(id)).toMatchObject({ attempts: 2 });
    await idle();
    expect(stack.simulator().executions).toHaveLength(1);
  });

  it('stops the prompt of a job that was cancelled meanwhile', async () => {
    const id = await running(1000);
    await store.update(id, (job) => transitions.cancel(job, Date.now()));
    stack.simulator().setWork(LONG_MS);
    await idle();
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(0));
  });
});
