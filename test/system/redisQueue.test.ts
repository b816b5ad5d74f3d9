import { randomUUID } from 'node:crypto';
import { Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { QueueEntry, Releasable, Taken } from '../../src/services/queue/JobQueue.js';
import { RedisConnection } from '../../src/services/queue/redis/RedisConnection.js';
import { RedisJobQueue } from '../../src/services/queue/redis/RedisJobQueue.js';
import { WaitingIndex } from '../../src/services/queue/redis/WaitingIndex.js';
import { testJobQueue } from '../contracts/jobQueue.js';
import { eventually } from '../support/eventually.js';
import { PLACE, takeFirst, waitingIn } from '../support/firstThat.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

const QUICK = { lockMs: 600, stalledCheckMs: 200, repairMs: 300 };

describe.runIf(requireRedis())('a queue on Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  async function connect(prefix: string, { redis = server, lockMs = QUICK.lockMs } = {}) {
    const logger = new RecordingLogger();
    const connection = new RedisConnection(redis.url, prefix, logger);
    await connection.start();
    const queue = new RedisJobQueue({ connection, prefix, logger }, { ...QUICK, lockMs });
    await queue.start();
    const stop = async () => {
      await queue.stop();
      await connection.stop();
    };
    const found = (message: string) => logger.lines.filter((line) => line.message.startsWith(message)).length;
    return { queue, connection, found, stop };
  }

  const entry = (id: string, others: Partial<QueueEntry> = {}): QueueEntry => ({
    id,
    type: 't',
    bytes: 10,
    largest: 10,
    tried: new Set(),
    ...others,
  });
  /** Waits until all servers have been notified of new entries. */
  const untilHeard = () => new Promise((resolve) => setTimeout(resolve, 100));
  const takeOne = async (queue: RedisJobQueue) => {
    const taken = await takeFirst(queue);
    if (!taken) throw new Error('nothing waits');
    return taken;
  };

  it('gives what a dead server held to another one, and nothing that is renewed', async () => {
    const prefix = `{${randomUUID()}}`;
    const [dead, alive] = [await connect(prefix), await connect(prefix)];
    await dead.queue.add(entry('lost'));
    await dead.queue.add(entry('kept'));
    expect((await takeOne(dead.queue)).entry.id).toBe('lost');
    const kept = await takeOne(alive.queue);
    await untilHeard();
    const woken = new Promise<void>((resolve) => alive.queue.onWaiting(resolve));
    await dead.stop();
    await woken;
    expect(await alive.queue.position('lost')).toBe(1);
    expect(await alive.queue.size()).toEqual({ jobs: 1, bytes: 10 });
    expect((await takeOne(alive.queue)).entry.id).toBe('lost');
    // Longer than a hold lasts without renewal.
    await new Promise((resolve) => setTimeout(resolve, 3 * QUICK.lockMs));
    expect(await takeFirst(alive.queue)).toBeUndefined();
    await kept.done();
    expect(await alive.queue.size()).toEqual({ jobs: 0, bytes: 0 });
    await alive.stop();
  });

  it('tells whether a taken entry is still held, and renews the hold', async () => {
    const prefix = `{${randomUUID()}}`;
    const [paused, other] = [await connect(prefix), await connect(prefix)];
    await paused.queue.add(entry('a'));
    const taken = await takeOne(paused.queue);
    expect(await taken.renew?.()).toBe(true);
    const lock = `${prefix}:queue:t:a:lock`;
    await paused.connection.commands.pexpire(lock, 60_000, 'GT');
    expect(await taken.renew?.()).toBe(true);
    expect(await paused.connection.commands.pttl(lock)).toBeLessThanOrEqual(QUICK.lockMs);
    // As if it had expired.
    await paused.connection.commands.del(lock);
    expect(await taken.renew?.()).toBe(false);
    const again: Taken<Releasable>[] = [];
    await eventually(async () => void again.push(await takeOne(other.queue)));
    expect([await taken.renew?.(), await again[0]?.renew?.()]).toEqual([false, true]);
    await again[0]?.done();
    expect(await again[0]?.renew?.()).toBe(false);
    await paused.stop();
    await other.stop();
  });

  it('finds an entry behind some of its type that must wait, and leaves those where they were', async () => {
    const { queue, stop } = await connect(`{${randomUUID()}}`);
    for (const id of ['a', 'b', 'c', 'd']) await queue.add(entry(id));
    const taken = await takeFirst(queue, ({ id }) => (id === 'c' ? PLACE : undefined));
    expect(taken?.entry.id).toBe('c');
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.push((await takeOne(queue)).entry.id);
    expect(ids).toEqual(['a', 'b', 'd']);
    await stop();
  });

  it('holds only one entry when another server was faster, so that others see the rest', async () => {
    const prefix = `{${randomUUID()}}`;
    const [late, other] = [await connect(prefix), await connect(prefix)];
    const ids = Array.from({ length: 12 }, (_, n) => `e${n}`);
    for (const id of ids) await late.queue.add(entry(id));
    await untilHeard();
    const again = new Promise<void>((resolve) => late.queue.onWaiting(resolve));
    let isOver = false;
    let fewest = ids.length;
    const watch = (async () => {
      while (!isOver) fewest = Math.min(fewest, (await waitingIn(other.queue)).length);
    })();
    const taken = await takeFirst(late.queue, ({ id }) => {
      // As if it were taken at this moment: one connection executes its commands in order.
      if (id === 'e0') void late.connection.commands.zrem(`${prefix}:queue:t:prioritized`, id);
      return PLACE;
    });
    isOver = true;
    await watch;
    // The last search may have begun before the entry was lost.
    fewest = Math.min(fewest, (await waitingIn(other.queue)).length);
    expect(taken).toBeUndefined();
    // Without the lost one, and at most one more.
    expect([ids.length - 2, ids.length - 1]).toContain(fewest);
    expect(new Set((await waitingIn(other.queue)).map(({ id }) => id))).toEqual(new Set(ids.slice(1)));
    await again;
    expect((await takeOne(late.queue)).entry.id).toBe('e1');
    await Promise.all([late.stop(), other.stop()]);
  });

  it('notifies other servers a moment later, once for many entries, so that they do not choose the same', async () => {
    const prefix = `{${randomUUID()}}`;
    const [hears, adds] = [await connect(prefix), await connect(prefix)];
    const told: string[] = [];
    hears.queue.onWaiting(() => told.push('other'));
    adds.queue.onWaiting(() => told.push('own'));
    await Promise.all(Array.from({ length: 20 }, (_, n) => adds.queue.add(entry(`e${n}`))));
    const count = (server: string) => told.filter((one) => one === server).length;
    await eventually(() => {
      expect(count('own')).toBe(20);
      expect(told.at(-1)).toBe('other');
    });
    expect(told[0]).toBe('own');
    expect(count('other')).toBeLessThan(10);
    await Promise.all([hears.stop(), adds.stop()]);
  });

  it('holds nothing for good that it could not give back', async () => {
    const prefix = `{${randomUUID()}}`;
    const { queue, connection, stop } = await connect(prefix);
    for (const id of ['a', 'b', 'c']) await queue.add(entry(id));
    // The first command of the script that returns an entry, which no script that takes one uses.
    await connection.commands.acl('SETUSER', 'default', '-exists');
    const taken = await takeFirst(queue, ({ id }) => (id === 'c' ? PLACE : undefined));
    await connection.commands.acl('SETUSER', 'default', '+exists');
    expect(taken?.entry.id).toBe('c');
    await taken?.done();
    const ids: string[] = [];
    await eventually(async () => {
      const one = await takeFirst(queue);
      if (one) ids.push(one.entry.id);
      expect(ids.sort()).toEqual(['a', 'b']);
    });
    await stop();
  });

  it('leaves an entry alone that another server took, because this one was paused', async () => {
    const prefix = `{${randomUUID()}}`;
    const [paused, other] = [await connect(prefix), await connect(prefix)];
    await paused.queue.add(entry('a'));
    const lost = await takeOne(paused.queue);
    await untilHeard();
    const requeued = new Promise<void>((resolve) => other.queue.onWaiting(resolve));
    // A paused server renews nothing.
    await paused.connection.commands.del(`${prefix}:queue:t:a:lock`);
    await requeued;
    let taken: Taken<Releasable> | undefined;
    await eventually(async () => {
      taken = await takeFirst(other.queue);
      expect(taken?.entry.id).toBe('a');
    });
    await lost.putBack(entry('a', { bytes: 99 }));
    expect([await other.queue.position('a'), await other.queue.size()]).toEqual([0, { jobs: 0, bytes: 0 }]);
    await taken?.putBack();
    expect((await takeOne(paused.queue)).entry.bytes).toBe(10);
    await Promise.all([paused.stop(), other.stop()]);
  });

  it('counts an entry of a dead server as taken if another takes it before it is counted as waiting', async () => {
    const prefix = `{${randomUUID()}}`;
    const [paused, other] = [await connect(prefix), await connect(prefix)];
    await paused.queue.add(entry('a'));
    await takeOne(paused.queue);
    // Whichever server finds it reads it slowly.
    for (const { commands } of [paused.connection, other.connection]) {
      const read = commands.hgetall.bind(commands);
      vi.spyOn(commands, 'hgetall').mockImplementation(async (key) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        return read(key);
      });
    }
    await paused.connection.commands.del(`${prefix}:queue:t:a:lock`);
    await eventually(async () => expect((await takeFirst(other.queue))?.entry.id).toBe('a'));
    const found = () => paused.found('A server is gone') + other.found('A server is gone');
    await eventually(() => expect(found()).toBe(1));
    await untilHeard();
    await eventually(async () => {
      expect([await other.queue.position('a'), await other.queue.size()]).toEqual([0, { jobs: 0, bytes: 0 }]);
    });
    await Promise.all([paused.stop(), other.stop()]);
  });

  it('corrects the index after a server died between it and BullMQ', async () => {
    const prefix = `{${randomUUID()}}`;
    const { queue, connection, stop } = await connect(prefix);
    await queue.add(entry('a'));
    await new WaitingIndex(connection, prefix).enter('phantom', 't', 5, false);
    await new WaitingIndex(connection, prefix).leave('a');
    await queue.add(entry('b'));
    await connection.commands.hdel(`${prefix}:waiting:types`, 'b');
    await connection.commands.zrem(`${prefix}:waiting:ranks`, 'b');
    await eventually(async () => {
      expect(await Promise.all(['a', 'b', 'phantom'].map((id) => queue.position(id)))).toEqual([1, 2, 0]);
    });
    await stop();
  });

  it('keeps an entry in the index that a server holds for a moment during the check, and returns', async () => {
    const prefix = `{${randomUUID()}}`;
    const { queue, connection, stop } = await connect(prefix);
    for (const id of ['a', 'b']) await queue.add(entry(id));
    // As a server does that looks for a later entry.
    const worker = new Worker('t', null, {
      connection: connection.commands,
      prefix: `${prefix}:queue`,
      autorun: false,
    });
    const held = await worker.getNextJob('another server', { block: false });
    expect(held?.id).toBe('a');
    for (let n = 0; n < 4; n += 1) await queue.repair();
    await held?.moveToWait('another server');
    expect([await queue.position('a'), await queue.size()]).toEqual([1, { jobs: 2, bytes: 20 }]);
    await worker.close();
    await stop();
  });

  it.each([
    ['the list of held entries was something else for a while', 'active', ['a']],
    ['the set of waiting entries is lost', 'prioritized', ['a', 'b']],
  ])('reports entries that are in no list, once, and takes them again: %s', async (_name, list, lost) => {
    const prefix = `{${randomUUID()}}`;
    // Even a busy computer renews such a hold in time.
    const patient = { lockMs: 60_000 };
    const [one, other] = [await connect(prefix, patient), await connect(prefix, patient)];
    const told: string[] = [];
    for (const { queue } of [one, other]) queue.onLost((id) => told.push(id));
    for (const id of ['a', 'b']) await one.queue.add(entry(id));
    const redis = one.connection.commands;
    const key = `${prefix}:queue:t:${list}`;
    await redis.del(key);
    await redis.set(key, 'x');
    await expect(takeFirst(one.queue)).rejects.toThrow('WRONGTYPE');
    await redis.del(key);
    await eventually(() => expect(told.toSorted()).toEqual(lost));
    for (const id of lost) await other.queue.add(entry(id));
    const ids = [(await takeOne(one.queue)).entry.id, (await takeOne(other.queue)).entry.id];
    expect(ids.sort()).toEqual(['a', 'b']);
    // Held entries are in a list, or have a lock.
    await redis.del(`${prefix}:queue:t:active`);
    for (let n = 0; n < 4; n += 1) await one.queue.repair();
    expect(told.toSorted()).toEqual(lost);
    expect(await other.queue.size()).toEqual({ jobs: 0, bytes: 0 });
    await Promise.all([one.stop(), other.stop()]);
  });

  it('finds what waits again after the names of the types were lost', async () => {
    const prefix = `{${randomUUID()}}`;
    const adds = await connect(prefix);
    await adds.queue.add(entry('a'));
    await adds.queue.add(entry('b', { type: 'u' }));
    await adds.connection.commands.del(`${prefix}:types`);
    await adds.stop();
    // It has used neither type.
    const other = await connect(prefix);
    const woken = new Promise<void>((resolve) => other.queue.onWaiting(resolve));
    await woken;
    const ids = [(await takeOne(other.queue)).entry.id, (await takeOne(other.queue)).entry.id];
    expect(ids).toEqual(['a', 'b']);
    await other.stop();
  });

  it('keeps all that it was given when Redis is killed and starts again', async () => {
    const own = await RedisServer.start();
    const { queue, stop } = await connect(`{${randomUUID()}}`, { redis: own });
    for (const id of ['a', 'b', 'c']) await queue.add(entry(id));
    const held = await takeOne(queue);
    await own.kill();
    await expect(queue.add(entry('d'))).rejects.toThrow();
    await own.restart();
    await eventually(async () => expect(await queue.position('b')).toBe(1));
    await held.done();
    expect((await takeOne(queue)).entry.id).toBe('b');
    expect((await takeOne(queue)).entry.id).toBe('c');
    await stop();
    await own.stop();
  });

  it('hands out what is added after Redis lost its data, also by servers that have used the type before', async () => {
    const prefix = `{${randomUUID()}}`;
    const [adds, other] = [await connect(prefix), await connect(prefix)];
    await adds.queue.add(entry('before'));
    const before = await takeOne(other.queue);
    await adds.connection.commands.flushall();
    await before.done();
    await adds.queue.add(entry('a'));
    await other.queue.add(entry('b'));
    expect(await adds.queue.size()).toEqual({ jobs: 2, bytes: 20 });
    expect((await takeOne(other.queue)).entry.id).toBe('a');
    const again = await takeOne(adds.queue);
    expect(again.entry.id).toBe('b');
    await adds.connection.commands.flushall();
    await adds.queue.add(entry('c'));
    expect((await takeOne(adds.queue)).entry.id).toBe('c');
    await Promise.all([adds.stop(), other.stop()]);
  });

  testJobQueue('Redis', async () => {
    const prefix = `{${randomUUID()}}`;
    const [here, there] = [await connect(prefix), await connect(prefix)];
    return {
      queue: here.queue,
      ofAnotherServer: there.queue,
      stop: async () => {
        await Promise.all([here.stop(), there.stop()]);
      },
    };
  });
});
