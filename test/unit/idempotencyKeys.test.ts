import { describe, expect, it } from 'vitest';
import { IdempotencyKeys } from '../../src/services/jobs/IdempotencyKeys.js';
import type { Job } from '../../src/services/jobs/Job.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import { MemoryIdempotencyStore } from '../../src/services/queue/memory/MemoryIdempotencyStore.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { silentLogger } from '../../src/utils/logger.js';
import { JOB_REQUEST } from '../support/jobRequest.js';

function jobWith(id: string): Job {
  return transitions.accept(id, JOB_REQUEST, 0);
}

/** Two servers that share a store of idempotency keys. */
function twoServers() {
  const store = new MemoryIdempotencyStore();
  const events = new MemoryJobEvents(silentLogger);
  const discarded: string[] = [];
  const server = () =>
    new IdempotencyKeys(store, events, async (id) => {
      discarded.push(id);
    });
  return { store, events, discarded, servers: [server(), server()] as const };
}

describe('one key on two servers at the same moment', () => {
  it('makes one job, which both answer with', async () => {
    const { servers } = twoServers();
    let made = 0;
    let finish: (job: Job) => void = () => undefined;
    const create = () => {
      made += 1;
      return new Promise<Job>((resolve) => {
        finish = resolve;
      });
    };
    const answers = [0, 1, 0, 1].map((n) => servers[n === 0 ? 0 : 1].once('k', 'f', create));
    await new Promise((resolve) => setImmediate(resolve));
    finish(jobWith('a'));
    expect(await Promise.all(answers)).toEqual(['a', 'a', 'a', 'a']);
    expect(made).toBe(1);
  });

  it('makes the job on the other one where the first is refused', async () => {
    const { servers } = twoServers();
    let refuse: (why: Error) => void = () => undefined;
    const refused = servers[0].once(
      'k',
      'f',
      () =>
        new Promise<Job>((_, reject) => {
          refuse = reject;
        }),
    );
    const second = servers[1].once('k', 'f', async () => jobWith('b'));
    await new Promise((resolve) => setImmediate(resolve));
    refuse(new Error('no room'));
    await expect(refused).rejects.toThrow('no room');
    expect(await second).toBe('b');
  });

  it('is free again on both when the job is forgotten', async () => {
    const { servers, events, store } = twoServers();
    await servers[0].once('k', 'f', async () => jobWith('a'));
    events.publish('removed', { id: 'a', why: 'expired' });
    expect(store.size).toBe(0);
    expect(await servers[1].once('k', 'g', async () => jobWith('b'))).toBe('b');
  });
});

describe('a key that another server takes over while its job is made', () => {
  /** The claim of the server that is making the job expires: its next call finds this claim of somebody else. */
  const losing = (store: MemoryIdempotencyStore, method: 'intend' | 'keep', jobId: string) => {
    const original = store[method].bind(store);
    store[method] = async () => {
      store[method] = original;
      await store.release('k');
      await store.claim('k', 'f');
      await store.keep('k', jobId);
      return false;
    };
  };

  it('makes no second job, if there is none yet', async () => {
    const { servers, store } = twoServers();
    losing(store, 'intend', 'b');
    let made = 0;
    const answer = servers[0].once('k', 'f', async ({ onMaking }) => {
      await onMaking('a');
      made += 1;
      return jobWith('a');
    });
    expect(await answer).toBe('b');
    expect(made).toBe(0);
  });

  it.each([
    ['removes its job, if the other server made one', 'b', ['a']],
    ['keeps its job, if the other server adopted it', 'a', []],
  ])('%s', async (_name, jobId, removed) => {
    const { servers, store, discarded } = twoServers();
    losing(store, 'keep', jobId);
    expect(await servers[0].once('k', 'f', async () => jobWith('a'), false)).toBe(jobId);
    expect(discarded).toEqual(removed);
  });
});
