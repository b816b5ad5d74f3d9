import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobQueue, QueueEntry, Releasable, Taken } from '../../src/services/queue/JobQueue.js';
import { eventually } from '../support/eventually.js';
import { countsIn, PLACE, takeFirst, waitingIn } from '../support/firstThat.js';

/** An empty queue as seen by two servers. */
export interface QueueUnderTest {
  readonly queue: JobQueue;
  /** The same object if the implementation is in one process. */
  readonly ofAnotherServer: JobQueue;
  stop(): Promise<void>;
}

function entryOf(id: string, others: Partial<QueueEntry> = {}): QueueEntry {
  return { id, type: 't', bytes: 10, largest: 10, tried: new Set(), ...others };
}

/** Takes all entries that can be taken. @returns their ids, in order */
async function drain(queue: JobQueue): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const taken = await takeFirst(queue);
    if (!taken) return ids;
    ids.push(taken.entry.id);
    await taken.done();
  }
}

async function takeOne(queue: JobQueue): Promise<Taken<Releasable>> {
  const taken = await takeFirst(queue);
  if (!taken) throw new Error('nothing waits');
  return taken;
}

/** Tests for every job queue. */
export function testJobQueue(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`jobs that wait in ${name}`, () => {
    let under: QueueUnderTest;
    let queue: JobQueue;
    let other: JobQueue;
    beforeEach(async () => {
      under = await make();
      queue = under.queue;
      other = under.ofAnotherServer;
    });
    afterEach(() => under.stop());

    const add = async (...entries: QueueEntry[]) => {
      for (const entry of entries) await queue.add(entry);
    };
    const positions = (...ids: string[]) => Promise.all(ids.map((id) => other.position(id)));

    it('come out as they went in, first in first out over all types', async () => {
      const first = entryOf('a', { type: 'x', bytes: 7, largest: 5, tried: new Set(['gpu-1:8188']) });
      await add(first, entryOf('b', { type: 'y' }), entryOf('c', { type: 'x' }), entryOf('d', { type: 'y' }));
      const taken = await takeOne(other);
      expect(taken.entry).toEqual(first);
      expect(taken.chosen).toBe(PLACE);
      expect(await drain(other)).toEqual(['b', 'c', 'd']);
      expect(await takeFirst(queue)).toBeUndefined();
    });

    it('are counted, with their bytes, by whoever adds one or asks', async () => {
      expect(await queue.size()).toEqual({ jobs: 0, bytes: 0 });
      expect(await queue.add(entryOf('a', { bytes: 5 }))).toBe(1);
      expect(await queue.add(entryOf('b', { bytes: 7 }))).toBe(2);
      expect(await other.size()).toEqual({ jobs: 2, bytes: 12 });
      const taken = await takeOne(queue);
      expect(await other.size()).toEqual({ jobs: 1, bytes: 7 });
      await taken.putBack();
      expect(await other.size()).toEqual({ jobs: 2, bytes: 12 });
      await drain(queue);
      expect(await other.size()).toEqual({ jobs: 0, bytes: 0 });
    });

    it('know their place, and have none when they do not wait', async () => {
      await add(entryOf('a'), entryOf('b', { type: 'y' }), entryOf('c'));
      expect(await positions('a', 'b', 'c', 'x')).toEqual([1, 2, 3, 0]);
      const taken = await takeOne(queue);
      expect(await positions('a', 'b', 'c')).toEqual([0, 1, 2]);
      await taken.putBack();
      expect(await positions('a', 'b', 'c')).toEqual([1, 2, 3]);
    });

    it('are no longer shown once they are taken', async () => {
      await add(entryOf('a'), entryOf('b'));
      expect((await waitingIn(queue)).map(({ id }) => id)).toEqual(['a', 'b']);
      const taken = await takeOne(queue);
      expect((await waitingIn(queue)).map(({ id }) => id)).toEqual(['b']);
      await taken.done();
      expect((await waitingIn(queue)).map(({ id }) => id)).toEqual(['b']);
    });

    it('are counted by type, however many there are', async () => {
      for (let n = 0; n < 30; n += 1) await add(entryOf(`x${n}`, { type: 'x' }));
      await add(entryOf('y', { type: 'y' }));
      expect(await countsIn(other)).toEqual(
        new Map([
          ['x', 30],
          ['y', 1],
        ]),
      );
      await (await takeOne(queue)).done();
      expect(await countsIn(other)).toEqual(
        new Map([
          ['x', 29],
          ['y', 1],
        ]),
      );
      await drain(queue);
      expect(await countsIn(other)).toEqual(new Map());
    });

    it('are there once, however often they are added', async () => {
      await add(entryOf('a', { bytes: 5 }), entryOf('b'), entryOf('a', { bytes: 6 }));
      expect(await queue.size()).toEqual({ jobs: 2, bytes: 16 });
      expect(await drain(queue)).toEqual(['b', 'a']);
    });

    it('can be removed, which tells whether they waited', async () => {
      await add(entryOf('a'), entryOf('b'), entryOf('c'));
      const taken = await takeOne(queue);
      expect(await other.remove('b')).toBe(true);
      expect(await queue.remove('b')).toBe(false);
      expect(await other.remove('nobody')).toBe(false);
      expect(await other.remove(taken.entry.id)).toBe(false);
      await taken.done();
      expect(await drain(queue)).toEqual(['c']);
      expect(await queue.size()).toEqual({ jobs: 0, bytes: 0 });
    });

    it('go before new ones when they are put back, in the order in which they come back', async () => {
      await add(entryOf('a'), entryOf('b'), entryOf('c', { type: 'y' }));
      const [a, b] = [await takeOne(queue), await takeOne(other)];
      await add(entryOf('d'));
      await b.putBack();
      await a.putBack({ ...a.entry, tried: new Set(['gpu-1:8188']) });
      expect(await positions('b', 'a', 'c', 'd')).toEqual([1, 2, 3, 4]);
      await (await takeOne(other)).done();
      expect((await takeOne(other)).entry).toEqual(entryOf('a', { tried: new Set(['gpu-1:8188']) }));
      expect(await drain(queue)).toEqual(['c', 'd']);
    });

    it('are held until they are settled, which happens once', async () => {
      await add(entryOf('a'), entryOf('b'));
      const [a, b] = [await takeOne(queue), await takeOne(queue)];
      expect(await takeFirst(other)).toBeUndefined();
      await a.done();
      await a.putBack();
      expect(await takeFirst(other)).toBeUndefined();
      await b.putBack();
      const again = await takeOne(other);
      expect(again.entry.id).toBe('b');
      await b.putBack();
      await b.done();
      expect(await queue.size()).toEqual({ jobs: 0, bytes: 0 });
      await again.putBack();
      expect(await drain(queue)).toEqual(['b']);
    });

    it('are skipped when they cannot run now, and keep their place', async () => {
      await add(entryOf('a', { type: 'x' }), entryOf('b', { type: 'y' }), entryOf('c', { type: 'x' }));
      const taken = await takeFirst(queue, ({ type }) => (type === 'y' ? PLACE : undefined));
      expect(taken?.entry.id).toBe('b');
      expect(await positions('a', 'c')).toEqual([1, 2]);
      await taken?.putBack();
      expect(await positions('b', 'a', 'c')).toEqual([1, 2, 3]);
      expect(await takeFirst(queue, () => undefined)).toBeUndefined();
      expect(await drain(queue)).toEqual(['b', 'a', 'c']);
    });

    it('are shown to a picker in order, those that were put back first', async () => {
      await add(entryOf('a'), entryOf('b', { type: 'y' }));
      await (await takeFirst(other, ({ id }) => (id === 'b' ? PLACE : undefined)))?.putBack();
      await add(entryOf('c'));
      expect((await waitingIn(queue)).map(({ id }) => id)).toEqual(['b', 'a', 'c']);
    });

    it('are no longer shown when another server removes or takes them', async () => {
      await add(entryOf('a'), entryOf('b'), entryOf('c'));
      expect(await waitingIn(queue)).toHaveLength(3);
      await other.remove('a');
      await takeOne(other);
      expect((await waitingIn(queue)).map(({ id }) => id)).toEqual(['c']);
    });

    it('go to one server each, and whoever is too late gives back what it chose', async () => {
      const ids = Array.from({ length: 60 }, (_, n) => `job-${n}`);
      await add(...ids.map((id, n) => entryOf(id, { type: `t${n % 3}` })));
      let held = 0;
      const choose = () => {
        held += 1;
        const release = () => {
          held -= 1;
        };
        return { release };
      };
      const taken: string[] = [];
      const work = async (from: JobQueue) => {
        for (;;) {
          const one = await takeFirst(from, choose);
          // Another server may have been faster.
          if (!one && (await from.size()).jobs === 0) return;
          if (!one) continue;
          taken.push(one.entry.id);
          await one.done();
        }
      };
      await Promise.all([work(queue), work(other), work(queue), work(other)]);
      expect([...taken].sort()).toEqual([...ids].sort());
      expect(held).toBe(ids.length);
    });

    it('are left where they are when choosing fails', async () => {
      await add(entryOf('a'));
      const fail = () => {
        throw new Error('no choice');
      };
      await expect(takeFirst(queue, fail)).rejects.toThrow('no choice');
      expect(await drain(other)).toEqual(['a']);
    });

    it('wake up who listens, when they are added and when they are put back', async () => {
      let calls = 0;
      let callsOfOther = 0;
      const silence = queue.onWaiting(() => {
        calls += 1;
      });
      other.onWaiting(() => {
        callsOfOther += 1;
      });
      await add(entryOf('a'));
      await eventually(() => expect([calls, callsOfOther].every((n) => n > 0)).toBe(true));
      const taken = await takeOne(queue);
      silence();
      const [before, beforeOfOther] = [calls, callsOfOther];
      await taken.putBack();
      await eventually(() => expect(callsOfOther).toBeGreaterThan(beforeOfOther));
      expect(calls).toBe(before);
    });
  });
}
