import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOB_STATUSES } from '../../src/schemas/jobStatus.js';
import { assignmentOf, type Job } from '../../src/services/jobs/Job.js';
import type { QueueEntry } from '../../src/services/queue/JobQueue.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import { PLACE, takeFirst, waitingIn } from '../support/firstThat.js';
import { JOB_REQUEST } from '../support/jobRequest.js';

/** Enough steps to reassign places and close gaps on the way. */
const STEPS = 3000;

describe('a queue to which much is added and from which much is taken', () => {
  it('knows the place of each job as if it had counted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(99), { minLength: STEPS, maxLength: STEPS }), async (choices) => {
        const queue = new MemoryJobQueue();
        let count = 0;
        for (const choice of choices) {
          const waiting = await waitingIn(queue);
          const some = waiting[choice % Math.max(1, waiting.length)];
          if (choice < 60 || !some) {
            count += 1;
            await queue.add(entryOf(`job-${count}`, `t${choice % 3}`));
          } else await disturb(queue, some.id, choice);
          const probe = (await waitingIn(queue)).findIndex(({ id }) => id === some?.id);
          expect(await queue.position(some?.id ?? 'nobody')).toBe(probe + 1);
        }
        for (const [n, { id }] of (await waitingIn(queue)).entries())
          expect(await queue.position(id)).toBe(n + 1);
        const { jobs, bytes } = await queue.size();
        expect(bytes).toBe(jobs);
      }),
      { numRuns: 3 },
    );
  });
});

function entryOf(id: string, type: string): QueueEntry {
  return { id, type, bytes: 1, largest: 1, tried: new Set() };
}

/** Returns an entry to the queue, takes it or removes it. */
async function disturb(queue: MemoryJobQueue, id: string, choice: number): Promise<void> {
  if (choice >= 80) await queue.remove(id);
  const taken = await takeFirst(queue, (entry) => (entry.id === id ? PLACE : undefined));
  if (choice < 70) await taken?.putBack();
  else await taken?.done();
}

describe('a store with many jobs', () => {
  const pending = (id: string, type: string, owner: string): Job => ({
    id,
    status: 'pending',
    request: { ...JOB_REQUEST, type, owner },
    createdTime: 0,
    updatedTime: 0,
    attempts: 0,
    progress: 0,
    failedTries: [],
  });

  const cancelled = (job: Job): Job => ({
    ...job,
    status: 'cancelled',
    finishedTime: 1,
    assignment: { instance: `gpu-${job.id.length}`, processingStartTime: 0, promptId: undefined },
  });

  it('lists and counts as if it had walked through all of them', async () => {
    const step = fc.record({ choice: fc.nat(99), at: fc.nat(), type: fc.constantFrom('a', 'b') });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 600, maxLength: 600 }), async (steps) => {
        const store = new MemoryJobStore();
        const model = new Map<string, Job>();
        for (const [n, { choice, at, type }] of steps.entries()) {
          const known = [...model.keys()];
          const id = known[at % Math.max(1, known.length)] ?? 'nobody';
          if (choice < 50) {
            const job = pending(`${n}`, type, `owner-${at % 3}`);
            await store.insert(job);
            model.set(job.id, job);
          } else if (choice < 70) {
            const changed = await store.update(id, cancelled);
            if (changed) model.set(id, changed);
          } else {
            await store.delete(id);
            model.delete(id);
          }
        }
        const newestFirst = [...model.values()].reverse();
        const { jobs, total } = await store.list({}, { limit: 7, offset: 3 });
        expect([jobs, total]).toEqual([newestFirst.slice(3, 10), model.size]);
        const matching = newestFirst.filter(
          (job) => job.status === 'cancelled' && job.request.owner === 'owner-1',
        );
        expect(await store.list({ status: 'cancelled', owner: 'owner-1' }, { limit: 5, offset: 2 })).toEqual({
          jobs: matching.slice(2, 7),
          total: matching.length,
        });
        const counts = await store.counts();
        const count = (of: (job: Job) => string | undefined) => {
          const all: Record<string, number> = {};
          for (const name of newestFirst.map(of)) if (name !== undefined) all[name] = (all[name] ?? 0) + 1;
          return all;
        };
        expect(counts.total).toBe(model.size);
        expect(counts.byStatus).toEqual({
          ...Object.fromEntries(JOB_STATUSES.map((status) => [status, 0])),
          ...count(({ status }) => status),
        });
        expect(counts.byType).toEqual(count(({ request: { type } }) => type));
        expect(counts.byInstance).toEqual(count((job) => assignmentOf(job)?.instance));
      }),
      { numRuns: 10 },
    );
  });
});
