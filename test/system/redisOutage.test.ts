import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/services/jobs/Job.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import { versionProblem } from '../../src/services/queue/redis/checkRedis.js';
import { createRedisQueue, type RedisQueue } from '../../src/services/queue/redis/createRedisQueue.js';
import { EventChannel } from '../../src/services/queue/redis/EventChannel.js';
import { JobCodec } from '../../src/services/queue/redis/JobCodec.js';
import { RedisJobEvents } from '../../src/services/queue/redis/RedisJobEvents.js';
import { RedisJobStore } from '../../src/services/queue/redis/RedisJobStore.js';
import { WorkflowDefinitions } from '../../src/services/queue/redis/WorkflowDefinitions.js';
import { silentLogger } from '../../src/utils/logger.js';
import { workflows } from '../../src/workflows/index.js';
import { eventually } from '../support/eventually.js';
import { JOB_REQUEST } from '../support/jobRequest.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { startQueue, startTwo } from '../support/redisServers.js';

const pending = (id: string): Job => transitions.accept(id, JOB_REQUEST, 1);

const cancel = (job: Job) => transitions.cancel(job, 3);

function cancelled(job: Job) {
  const ended = cancel(job);
  if (!ended) throw new Error('it has ended already');
  return ended;
}

describe.runIf(requireRedis())('when Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server?.stop());

  it('is connected and the queue still starts, a submission is told to come back', async () => {
    const options = { url: server.url, prefix: 'test-starting', builtIn: workflows, lifetimeMs: 60_000 };
    const starting = createRedisQueue(options, silentLogger);
    await starting.connection.start();
    try {
      const entry = { id: 'a', type: 'remove-background', bytes: 1, largest: 1, tried: new Set<string>() };
      await expect(starting.queue.add(entry)).rejects.toMatchObject({
        code: 'QUEUE_UNAVAILABLE',
        retryAfterSeconds: 2,
      });
    } finally {
      await starting.stop();
    }
  });

  describe('goes', () => {
    let log: RecordingLogger;
    let here: RedisQueue;
    let there: RedisQueue;
    let stop: () => Promise<void>;
    beforeEach(async () => {
      log = new RecordingLogger();
      ({ here, there, stop } = await startTwo(server.url, log));
    });
    afterEach(async () => {
      server.resume();
      await stop();
    });

    const calls = (): Array<[string, () => Promise<unknown>]> => [
      ['insert', () => here.jobs.insert(pending('b'))],
      ['get', () => here.jobs.get('a')],
      ['update', () => here.jobs.update('a', cancel)],
      ['delete', () => here.jobs.delete('a')],
      ['list', () => here.jobs.list({}, { limit: 10, offset: 0 })],
      ['counts', () => here.jobs.counts()],
      ['finishedUntil', () => here.jobs.finishedUntil(10)],
      ['claim', () => here.idempotency.claim('k', 'f')],
      ['keep', () => here.idempotency.keep('l', 'a')],
      ['forget', () => here.idempotency.forget('a')],
    ];
    const rejected = async () => {
      const began = performance.now();
      for (const [name, call] of calls()) await expect(call(), name).rejects.toThrow();
      return performance.now() - began;
    };
    const aboutRedis = () =>
      log.lines.flatMap(({ level, message }) => (message.startsWith('Redis') ? [`${level} ${message}`] : []));

    it('every call rejects at once, and works again when it is back, with all that was there', async () => {
      const changes: boolean[] = [];
      here.connection.onChange((isAvailable) => changes.push(isAvailable));
      await here.jobs.insert(pending('a'));
      await here.idempotency.claim('l', 'f');
      await server.kill();
      await eventually(() => expect(here.connection.isAvailable).toBe(false));
      expect(await rejected()).toBeLessThan(5000);
      await server.restart();
      await eventually(() => expect(here.connection.isAvailable && there.connection.isAvailable).toBe(true));
      expect(await here.jobs.get('a')).toEqual(pending('a'));
      expect((await there.jobs.update('a', cancel))?.status).toBe('cancelled');
      await here.idempotency.keep('l', 'a');
      expect(await there.idempotency.claim('l', 'f')).toEqual({ state: 'made', jobId: 'a' });
      expect(changes).toEqual([false, true]);
      // One line of each server, however often it tried to connect.
      expect(aboutRedis().sort()).toEqual([
        'info Redis is available again',
        'info Redis is available again',
        'warn Redis is unavailable',
        'warn Redis is unavailable',
      ]);
    });

    it.each([
      ['full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], /^OOM /],
      ['read-only', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], /^READONLY /],
    ] as const)(
      'is %s, it is unavailable until it accepts writes, and the log has the reason once',
      async (_, on, off, why) => {
        const admin = new Redis(server.port, '127.0.0.1');
        const [command, ...values] = on;
        await admin.call(command, ...values);
        try {
          const isOver = Date.now() + 2000;
          while (Date.now() < isOver) {
            await expect(here.jobs.insert(pending('a'))).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          expect([here.connection.isAvailable, there.connection.isAvailable]).toEqual([false, false]);
        } finally {
          const [back, ...ofBack] = off;
          await admin.call(back, ...ofBack);
          admin.disconnect();
        }
        await eventually(() =>
          expect(here.connection.isAvailable && there.connection.isAvailable).toBe(true),
        );
        await here.jobs.insert(pending('a'));
        expect(aboutRedis().sort()).toEqual([
          'info Redis is available again',
          'info Redis is available again',
          'warn Redis is unavailable',
          'warn Redis is unavailable',
        ]);
        const reasons = log.lines.flatMap(({ level, fields }) => (level === 'warn' ? [fields['error']] : []));
        expect(reasons).toEqual([expect.stringMatching(why), expect.stringMatching(why)]);
      },
    );

    it('calls that are under way reject', async () => {
      await here.jobs.insert(pending('a'));
      server.pause();
      const under = [here.jobs.get('a'), here.jobs.update('a', cancel), here.jobs.counts()];
      const ends = Promise.allSettled(under);
      await server.kill();
      expect((await ends).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
      await server.restart();
      await eventually(async () => expect(await here.jobs.get('a')).toEqual(pending('a')));
    });

    it('who claimed a key and was not told gets it, and nobody else', async () => {
      // The client knows the script from now on: an unknown hash would not be a claim.
      await here.idempotency.claim('another', 'f');
      server.pause();
      // The command is in Redis' socket and is executed when it resumes.
      await expect(here.idempotency.claim('k', 'f')).rejects.toThrow();
      server.resume();
      await eventually(async () => {
        expect(await there.idempotency.claim('k', 'f')).toEqual({ state: 'in progress' });
      });
      expect(await here.idempotency.claim('k', 'f')).toEqual({ state: 'new' });
      expect(await here.idempotency.claim('k', 'f')).toEqual({ state: 'in progress' });
    });

    it('stands still, calls reject in bounded time, and it is found out by itself', async () => {
      await here.jobs.insert(pending('a'));
      server.pause();
      const began = performance.now();
      await expect(here.jobs.get('a')).rejects.toThrow();
      expect(performance.now() - began).toBeLessThan(10_000);
      await eventually(() => expect(here.connection.isAvailable).toBe(false));
      server.resume();
      await eventually(async () => expect(await here.jobs.get('a')).toEqual(pending('a')));
      await eventually(() => expect(here.connection.isAvailable).toBe(true));
    });

    it('ends that are told meanwhile reach other servers when it is back, once and in order', async () => {
      const heard: string[] = [];
      // Who follows a job without a record is told that it is gone.
      await here.jobs.insert(pending('a'));
      const followed: string[] = [];
      await there.events.follow('a', ({ status }) => followed.push(status));
      there.events.subscribe('changed', ({ id, status }) => heard.push(`${id} ${status}`));
      there.events.subscribe('finished', ({ id }) => heard.push(`${id} finished`));
      there.events.subscribe('removed', ({ id, why }) => heard.push(`${id} ${why}`));
      await server.kill();
      await eventually(() => expect(here.connection.isAvailable).toBe(false));
      const job = cancelled(pending('a'));
      here.events.publish('changed', job);
      here.events.publish('finished', job);
      here.events.publish('removed', { id: 'b', why: 'expired' });
      await server.restart();
      const heardOf = (id: string) => heard.filter((line) => line.startsWith(`${id} `));
      await eventually(() => {
        expect(heardOf('a')).toEqual(['a cancelled', 'a finished']);
        expect(heardOf('b')).toEqual(['b expired']);
      });
      here.events.publish('changed', pending('c'));
      await eventually(() => expect(heardOf('c')).toEqual(['c pending']));
      expect(heard).toHaveLength(4);
      // And, after the outage, what the record said.
      expect(followed.filter((status) => status !== 'pending')).toEqual(['cancelled']);
    });

    it('they reach a server that comes back later than the others, too', async () => {
      const wait = { heartbeatMs: 100, reconnectBaseMs: 4000, reconnectMaxMs: 4000 };
      const quick = await startQueue(server.url, 'test-late');
      const slow = await startQueue(server.url, 'test-late', log, wait);
      const heard: string[] = [];
      await slow.events.follow('a', ({ status }) => heard.push(status));
      await server.kill();
      await eventually(() => expect(quick.connection.isAvailable).toBe(false));
      quick.events.publish('changed', cancelled(pending('a')));
      await server.restart();
      await eventually(() => expect(heard).toEqual(['cancelled']), 25_000);
      await Promise.all([quick.stop(), slow.stop()]);
    });

    it('what became of a job while a server heard nothing is told to who follows it there', async () => {
      await here.jobs.insert(pending('a'));
      await here.jobs.insert(pending('b'));
      const followed: string[] = [];
      const ofAll: string[] = [];
      await there.events.follow('a', ({ status }) => followed.push(status));
      there.events.subscribe('changed', ({ id }) => ofAll.push(id));
      // As if the event had been sent while the connection was down.
      await here.jobs.update('a', cancel);
      await here.connection.commands.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await eventually(() => expect(followed).toEqual(['cancelled']));
      here.events.publish('changed', pending('c'));
      await eventually(() => expect(ofAll).toEqual(['c']));
    });
  });

  it('has lost a job, who follows it is told, even if the connection stayed', async () => {
    const { here, prefix, stop } = await startTwo(server.url);
    const definitions = new WorkflowDefinitions(workflows, async () => []);
    const codec = new JobCodec(definitions, silentLogger);
    const jobs = new RedisJobStore(here.connection, codec, `{${prefix}}`);
    const channel = new EventChannel(here.connection, `{${prefix}}:events`, 'looking', silentLogger);
    const events = new RedisJobEvents({ channel, codec, jobs }, silentLogger, 50);
    await events.start();
    const removed: string[] = [];
    for (const id of ['lost', 'ended', 'kept', 'unreadable']) {
      await here.jobs.insert(pending(id));
      await events.follow(
        id,
        () => undefined,
        () => removed.push(id),
      );
    }
    await here.connection.commands.set(`{${prefix}}:job:unreadable`, 'of a newer version');
    events.publish('changed', cancelled(pending('ended')));
    await here.connection.commands.del(`{${prefix}}:job:lost`, `{${prefix}}:job:ended`);
    await eventually(() => expect([...new Set(removed)].sort()).toEqual(['ended', 'lost']));
    events.stop();
    await stop();
  });

  describe('cannot be used, the start says why', () => {
    const start = (url: string, startMs = 5000) =>
      startQueue(url, 'test', new RecordingLogger(), { startMs, heartbeatMs: 100 });

    it('because it would drop jobs', async () => {
      const other = await RedisServer.start('--maxmemory-policy', 'allkeys-lru');
      try {
        await expect(start(other.url)).rejects.toThrow(
          /^Redis at 127.0.0.1:\d+ cannot be used: its maxmemory-policy is allkeys-lru: .*Set it to noeviction\.$/,
        );
      } finally {
        await other.stop();
      }
    });

    it.each([
      ['6.0.16', false],
      ['5.0.7', false],
      [undefined, false],
      ['6.2.0', true],
      ['7.0.15', true],
      ['8.10.1', true],
    ])('because it is too old: %s', (version, isUsed) => {
      expect(versionProblem(version) === undefined).toBe(isUsed);
    });

    it('because nobody answers', async () => {
      const other = await RedisServer.start();
      await other.stop();
      await expect(start(other.url, 500)).rejects.toThrow(/it cannot be reached: .*ECONNREFUSED/);
    });

    it('because the password is wrong, which it does not repeat', async () => {
      const url = server.url.replace('//', '//somebody:hunter2@');
      const why = await start(url).catch(inspect);
      expect(why).toMatch(/cannot be used: WRONGPASS/);
      expect(why).not.toContain('hunter2');
    });
  });

  it('has users, databases and forbidden commands, it is used all the same', async () => {
    const { here, stop } = await startTwo(server.url);
    const rules = ['on', '>p@ss:w/ö', '~*', '&*', '+@all', '-config'];
    await here.connection.commands.acl('SETUSER', 'some:one', ...rules);
    await stop();
    const login = `${encodeURIComponent('some:one')}:${encodeURIComponent('p@ss:w/ö')}`;
    const url = `${server.url.replace('//', `//${login}@`)}/3`;
    const queue = await startQueue(url, 'test-user');
    try {
      await expect(queue.connection.commands.config('GET', 'maxmemory-policy')).rejects.toThrow('NOPERM');
      await queue.jobs.insert(pending('a'));
      expect(await queue.connection.commands.get('{test-user}:job:a')).toContain('"id":"a"');
      expect(await queue.connection.commands.info('keyspace')).toContain('db3:');
    } finally {
      await queue.stop();
    }
  });
});
