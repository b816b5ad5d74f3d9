import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FinishedJob, Job } from '../../src/services/jobs/Job.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import type { JobStore } from '../../src/services/queue/JobStore.js';
import { JOB_REQUEST } from '../support/jobRequest.js';

/** An empty store as seen by two servers. */
export interface StoreUnderTest {
  readonly store: JobStore;
  /** The same object if the implementation is in one process. */
  readonly ofAnotherServer: JobStore;
  stop(): Promise<void>;
}

const PAGE = { limit: 10, offset: 0 };

function pendingJob(id: string, others: { type?: string; owner?: string } = {}): Job {
  return transitions.accept(id, { ...JOB_REQUEST, ...others }, 1);
}

const cancelAt = (time: number) => (job: Job) => transitions.cancel(job, time);

/** Tests for every store of job records. */
export function testJobStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`records in ${name}`, () => {
    let under: StoreUnderTest;
    let store: JobStore;
    let other: JobStore;
    beforeEach(async () => {
      under = await make();
      store = under.store;
      other = under.ofAnotherServer;
    });
    afterEach(() => under.stop());

    const insert = async (...jobs: Job[]) => {
      for (const job of jobs) await store.insert(job);
    };
    const idsOf = async (filter: Parameters<JobStore['list']>[0], page = PAGE) => {
      const { jobs, total } = await other.list(filter, page);
      return [...jobs.map(({ id }) => id), total];
    };

    it('come out as they went in, in every state', async () => {
      const job = pendingJob('a', { owner: 'somebody' });
      await insert(job);
      expect(await other.get('a')).toEqual(job);
      const steps: Array<(job: Job) => Job | undefined> = [
        (one) => transitions.begin(one, 2, 'gpu-1:8188'),
        (one) => transitions.withPrompt(one, 3, 'p'),
        (one) => transitions.withProgress(one, 4, 50, 'KSampler'),
        (one) =>
          transitions.requeue(one, 5, {
            failure: 'no answer',
            isFree: false,
            wasTrial: true,
            leftBehind: 'p',
          }),
        (one) => transitions.begin(one, 6, 'gpu-2:8188'),
        (one) =>
          transitions.fail(one, 7, {
            message: 'm',
            code: 'WORKFLOW_FAILED',
            category: 'internal',
            details: { n: 1 },
          }),
      ];
      let expected = job;
      for (const step of steps) {
        expected = step(expected) ?? expected;
        expect(await store.update('a', step)).toEqual(expected);
        expect(await other.get('a')).toEqual(expected);
      }
    });

    it('are not there before they come, and not when they are gone', async () => {
      expect(await store.get('a')).toBeUndefined();
      expect(await store.update('a', cancelAt(2))).toBeUndefined();
      expect(await store.delete('a')).toBeUndefined();
      await insert(pendingJob('a'));
      expect(await other.delete('a')).toEqual(pendingJob('a'));
      expect(await store.get('a')).toBeUndefined();
      expect(await store.update('a', cancelAt(2))).toBeUndefined();
      expect(await idsOf({})).toEqual([0]);
      expect(await store.finishedUntil(10)).toEqual([]);
    });

    it('are left when a change says so, or fails', async () => {
      await insert(pendingJob('a'));
      expect(await store.update('a', () => undefined)).toBeUndefined();
      const fail = () => {
        throw new Error('no change');
      };
      await expect(store.update('a', fail)).rejects.toThrow('no change');
      expect(await other.get('a')).toEqual(pendingJob('a'));
      expect((await store.counts()).byStatus.pending).toBe(1);
    });

    it('are changed from their newest version, although another server changed them in between', async () => {
      await insert(pendingJob('a'), pendingJob('b'), pendingJob('c'));
      await store.update('a', (one) => transitions.begin(one, 2, 'gpu-1:8188'));
      await other.update('a', (one) =>
        transitions.requeue(one, 3, {
          failure: 'no answer',
          isFree: false,
          wasTrial: false,
          leftBehind: undefined,
        }),
      );
      // Only a pending job can begin.
      const begun = await store.update('a', (one) => transitions.begin(one, 4, 'gpu-2:8188'));
      expect(begun).toMatchObject({ status: 'processing', attempts: 2 });
      await other.update('b', cancelAt(5));
      expect(await store.update('b', (one) => transitions.begin(one, 6, 'gpu-1:8188'))).toBeUndefined();
      expect(await other.get('b')).toMatchObject({ status: 'cancelled' });
      await other.delete('c');
      expect(await store.update('c', cancelAt(7))).toBeUndefined();
      expect(await other.get('c')).toBeUndefined();
    });

    it('lose no change, however many come at once from two servers', async () => {
      await insert(pendingJob('a'));
      const count = (job: Job) => ({ ...job, attempts: job.attempts + 1 });
      await Promise.all(
        Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? store : other).update('a', count)),
      );
      expect((await store.get('a'))?.attempts).toBe(40);
    });

    it('end once: of all who end one, one is told that it did', async () => {
      await insert(pendingJob('a'));
      const ends = await Promise.all(
        [1, 2, 3, 4].map((n) => (n % 2 === 0 ? store : other).update('a', cancelAt(n))),
      );
      const told = ends.filter((end) => end !== undefined);
      expect(told).toHaveLength(1);
      expect(await store.get('a')).toEqual(told[0]);
    });

    it('are given to one of all who delete them', async () => {
      await insert(pendingJob('a'));
      const deleted = await Promise.all([store.delete('a'), other.delete('a'), store.delete('a')]);
      expect(deleted.filter((job) => job !== undefined)).toEqual([pendingJob('a')]);
    });

    it('are listed newest first, by page, and by what is asked for', async () => {
      await insert(
        pendingJob('a', { type: 'x', owner: 'one' }),
        pendingJob('b', { type: 'y', owner: 'one' }),
        pendingJob('c', { type: 'x', owner: 'two' }),
        pendingJob('d', { type: 'x', owner: 'one' }),
      );
      await store.update('c', (job) => transitions.begin(job, 2, 'gpu-1:8188'));
      await store.update('d', (job) => transitions.begin(job, 2, 'gpu-1:8188'));
      await store.update('d', cancelAt(3));
      expect(await idsOf({})).toEqual(['d', 'c', 'b', 'a', 4]);
      expect(await idsOf({}, { limit: 2, offset: 1 })).toEqual(['c', 'b', 4]);
      expect(await idsOf({}, { limit: 2, offset: 4 })).toEqual([4]);
      expect(await idsOf({ status: 'pending' })).toEqual(['b', 'a', 2]);
      expect(await idsOf({ type: 'x' }, { limit: 1, offset: 1 })).toEqual(['c', 3]);
      expect(await idsOf({ instance: 'gpu-1:8188' })).toEqual(['d', 'c', 2]);
      expect(await idsOf({ instance: 'gpu-1:8188', owner: 'one', status: 'cancelled' })).toEqual(['d', 1]);
      expect(await idsOf({ owner: 'nobody' })).toEqual([0]);
    });

    it('are counted by state, type and instance', async () => {
      await insert(
        pendingJob('a', { type: 'x' }),
        pendingJob('b', { type: 'y' }),
        pendingJob('c', { type: 'y' }),
      );
      await store.update('b', (job) => transitions.begin(job, 2, 'gpu-1:8188'));
      await store.delete('c');
      expect(await other.counts()).toEqual({
        total: 2,
        byStatus: { pending: 1, processing: 1, completed: 0, failed: 0, cancelled: 0 },
        byType: { x: 1, y: 1 },
        byInstance: { 'gpu-1:8188': 1 },
      });
    });

    it('of jobs that finished until then are found', async () => {
      await insert(pendingJob('a'), pendingJob('b'), pendingJob('c'), pendingJob('d'));
      const ends: Array<[string, FinishedJob['finishedTime']]> = [
        ['b', 5],
        ['a', 6],
        ['d', 9],
      ];
      for (const [id, time] of ends) await store.update(id, cancelAt(time));
      expect(await other.finishedUntil(4)).toEqual([]);
      expect((await other.finishedUntil(6)).sort()).toEqual(['a', 'b']);
      await store.delete('a');
      expect((await other.finishedUntil(100)).sort()).toEqual(['b', 'd']);
    });
  });
}
