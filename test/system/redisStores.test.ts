import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobRequest } from '../../src/services/jobs/Job.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import type { RedisQueue } from '../../src/services/queue/redis/createRedisQueue.js';
import { RedisIdempotencyStore } from '../../src/services/queue/redis/RedisIdempotencyStore.js';
import { deriveManifest } from '../../src/workflows/files/deriveManifest.js';
import { fileWorkflow } from '../../src/workflows/files/fileWorkflow.js';
import { readGraph } from '../../src/workflows/files/readGraph.js';
import { testIdempotencyStore } from '../contracts/idempotencyStore.js';
import { testJobEvents } from '../contracts/jobEvents.js';
import { testJobStore } from '../contracts/jobStore.js';
import { eventually } from '../support/eventually.js';
import { JOB_REQUEST } from '../support/jobRequest.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { startTwo } from '../support/redisServers.js';
import { userGraph } from '../support/userGraphs.js';

const pending = (id: string, request: Partial<JobRequest> = {}): Job =>
  transitions.accept(id, { ...JOB_REQUEST, ...request }, 1);

const begin = (job: Job) => transitions.begin(job, 2, 'gpu-1:8188');
const cancel = (job: Job) => transitions.cancel(job, 3);

function graphWorkflow(type: string) {
  const graph = readGraph(userGraph('blend'));
  return fileWorkflow(type, graph, deriveManifest(graph));
}

describe.runIf(requireRedis())('with one Redis for two servers', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server?.stop());

  testJobStore('Redis', async () => {
    const { here, there, stop } = await startTwo(server.url);
    return { store: here.jobs, ofAnotherServer: there.jobs, stop };
  });

  testJobEvents('over Redis', async (logger) => {
    const { here, there, stop } = await startTwo(server.url, logger);
    return { events: here.events, ofAnotherServer: there.events, stop };
  });

  testIdempotencyStore('Redis', async () => {
    const { here, there, stop } = await startTwo(server.url);
    return { store: here.idempotency, ofAnotherServer: there.idempotency, stop };
  });

  describe('what lies in Redis', () => {
    let log: RecordingLogger;
    let here: RedisQueue;
    let there: RedisQueue;
    let prefix: string;
    let stop: () => Promise<void>;
    beforeEach(async () => {
      log = new RecordingLogger();
      ({ here, there, prefix, stop } = await startTwo(server.url, log));
    });
    afterEach(() => stop());

    const keys = async () => (await here.connection.commands.keys(`{${prefix}}*`)).sort();
    const key = (name: string) => `{${prefix}}:${name}`;

    it('survives calls that are made twice', async () => {
      await here.jobs.insert(pending('a'));
      await here.jobs.update('a', begin);
      await here.jobs.insert(pending('a'));
      expect((await there.jobs.get('a'))?.status).toBe('processing');
      expect(await there.jobs.counts()).toMatchObject({ total: 1, byInstance: { 'gpu-1:8188': 1 } });
      expect((await here.jobs.delete('a'))?.id).toBe('a');
      expect(await there.jobs.delete('a')).toBeUndefined();
      expect(await here.jobs.counts()).toMatchObject({ total: 0, byType: {}, byInstance: {} });
    });

    it('is nothing but a counter when all jobs are gone', async () => {
      const workflow = graphWorkflow('my-flow');
      await here.jobs.insert(pending('a', { type: 'my-flow', workflow, owner: 'o' }));
      await here.jobs.update('a', begin);
      await here.jobs.update('a', cancel);
      await here.idempotency.claim('k', 'f');
      await here.idempotency.keep('k', 'a');
      await there.jobs.delete('a');
      await there.idempotency.forget('a');
      const left = (await keys()).filter((name) => !name.startsWith(key('workflow:')));
      expect(left).toEqual([key('jobs:sequence')]);
      const [definition = ''] = (await keys()).filter((name) => name.startsWith(key('workflow:')));
      expect(await here.connection.commands.pttl(definition)).toBeGreaterThan(0);
      expect(await here.connection.commands.pttl(definition)).toBeLessThanOrEqual(60_000);
    });

    it('has the definition of a workflow once, as long as a job needs it', async () => {
      const jobs = ['a', 'b', 'c'].map((id) =>
        pending(id, { type: 'my-flow', workflow: graphWorkflow('my-flow') }),
      );
      const definitions = async () => (await keys()).filter((name) => name.startsWith(key('workflow:')));
      for (const job of jobs) await here.jobs.insert(job);
      expect(await definitions()).toHaveLength(1);
      await here.jobs.delete('a');
      await here.jobs.delete('b');
      const [definition = ''] = await definitions();
      expect(await here.connection.commands.pttl(definition)).toBe(-1);
      const job = await there.jobs.get('c');
      expect(job?.request.workflow).toMatchObject({ type: 'my-flow', isBuiltIn: false });
      await here.jobs.delete('c');
      await here.jobs.insert(pending('d', { type: 'my-flow', workflow: graphWorkflow('my-flow') }));
      expect(await here.connection.commands.pttl(definition)).toBe(-1);
      expect(await here.connection.commands.hgetall(key('workflows'))).toEqual({
        [definition.slice(key('').length)]: '1',
      });
    });

    it('may lose a definition: the job is looked at, changed and deleted all the same', async () => {
      await here.jobs.insert(pending('a', { type: 'my-flow', workflow: graphWorkflow('my-flow') }));
      const [definition = ''] = (await keys()).filter((name) => name.startsWith(key('workflow:')));
      await here.connection.commands.del(definition);
      expect((await there.jobs.update('a', begin))?.status).toBe('processing');
      const { jobs } = await there.jobs.list({ type: 'my-flow' }, { limit: 10, offset: 0 });
      const [job] = jobs;
      expect(() => job?.request.workflow.build(new Map(), {}, neverUsed)).toThrow('is lost');
      // The server that created the job still has its workflow.
      expect((await here.jobs.get('a'))?.request.workflow.title).toBe('My flow');
      expect((await there.jobs.delete('a'))?.status).toBe('processing');
    });

    it('may be damaged: such a record is skipped with one warning, and can be deleted', async () => {
      for (const id of ['a', 'b', 'c']) await here.jobs.insert(pending(id));
      await here.jobs.update('b', cancel);
      await here.connection.commands.set(key('job:b'), 'not ours');
      const page = { limit: 10, offset: 0 };
      for (let look = 0; look < 2; look += 1) {
        expect((await here.jobs.list({}, page)).jobs.map(({ id }) => id)).toEqual(['c', 'a']);
        expect(await here.jobs.get('b')).toBeUndefined();
        expect(await here.jobs.update('b', cancel)).toBeUndefined();
      }
      expect(log.lines).toMatchObject([{ level: 'warn', fields: { jobId: 'b' } }]);
      expect(await here.jobs.finishedUntil(10)).toEqual(['b']);
      expect(await here.jobs.delete('b')).toBeUndefined();
      expect(await here.jobs.finishedUntil(10)).toEqual([]);
      expect(await here.jobs.list({}, page)).toMatchObject({ total: 2 });
    });

    it('holds any name of a type, an owner or a machine', async () => {
      const names = ['a b', 'a\nb', 'ä:*%', '__proto__', '🦉'];
      for (const [n, name] of names.entries()) {
        await here.jobs.insert(pending(String(n), { type: name, owner: name }));
        await here.jobs.update(String(n), (job) => transitions.begin(job, 2, name));
      }
      for (const [n, name] of names.entries()) {
        const filter = { type: name, owner: name, instance: name };
        const { jobs, total } = await there.jobs.list(filter, { limit: 10, offset: 0 });
        expect([jobs[0]?.id, total]).toEqual([String(n), 1]);
      }
      const { byType, byInstance } = await there.jobs.counts();
      expect([Object.keys(byType).sort(), Object.keys(byInstance).sort()]).toEqual([
        [...names].sort(),
        [...names].sort(),
      ]);
    });

    it('loses none of 20 changes of one job that come from two servers at once', async () => {
      await here.jobs.insert(pending('a'));
      const add = (n: number) => (job: Job) => ({
        ...job,
        request: { ...job.request, warnings: [...(job.request.warnings ?? []), String(n)] },
      });
      const changes = Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? here : there).jobs.update('a', add(n)),
      );
      expect((await Promise.all(changes)).every((job) => job !== undefined)).toBe(true);
      const { warnings } = (await there.jobs.get('a'))?.request ?? {};
      expect([...(warnings ?? [])].sort()).toEqual(Array.from({ length: 20 }, (_, n) => String(n)).sort());
    });

    it('is not read again by the server that wrote it last', async () => {
      const reads = async (work: () => Promise<unknown>): Promise<number> => {
        await here.connection.commands.config('RESETSTAT');
        await work();
        return Number(
          /cmdstat_get:calls=(\d+)/.exec(await here.connection.commands.info('commandstats'))?.[1],
        );
      };
      await here.jobs.insert(pending('a'));
      // The script compares the record.
      expect(await reads(() => here.jobs.update('a', begin))).toBe(1);
      expect(await reads(() => there.jobs.update('a', cancel))).toBe(2);
      expect(await here.jobs.update('a', cancel)).toBeUndefined();
    });

    it('is read in few commands, however many jobs there are', async () => {
      const count = 20_000;
      for (let at = 0; at < count; at += 500) {
        const some = Array.from({ length: 500 }, (_, n) => at + n);
        await Promise.all(
          some.map((n) => here.jobs.insert(pending(`job-${n}`, { owner: n % 2 ? 'odd' : 'even' }))),
        );
      }
      const done = Array.from({ length: 300 }, (_, n) => `job-${n * 60}`);
      await Promise.all(done.map((id) => here.jobs.update(id, cancel)));

      /**
       * Number of commands that Redis executes for some work, including those of scripts. The smallest of several counts: both
       * servers also send some at intervals.
       */
      const commandsOf = async (work: () => Promise<unknown>): Promise<number> => {
        const counts: number[] = [];
        for (let n = 0; n < 5; n += 1) counts.push(await countedOnce(work));
        return Math.min(...counts);
      };
      const countedOnce = async (work: () => Promise<unknown>): Promise<number> => {
        await here.connection.commands.config('RESETSTAT');
        await work();
        const stats = await here.connection.commands.info('commandstats');
        const calls = [...stats.matchAll(/^cmdstat_(?!ping|info|config)[^:]+:calls=(\d+)/gm)];
        return calls.reduce((sum, [, n]) => sum + Number(n), 0);
      };
      const page = { limit: 100, offset: 9000 };
      for (const filter of [
        {},
        { status: 'pending' },
        { owner: 'even' },
        { type: 'remove-background' },
      ] as const) {
        const work = async () => {
          const { jobs, total } = await here.jobs.list(filter, page);
          expect([jobs.length, total > 9000]).toEqual([100, true]);
        };
        expect(await commandsOf(work), JSON.stringify(filter)).toBeLessThanOrEqual(4);
      }
      const both = async (offset: number, ids: string[]) => {
        const filter = { status: 'cancelled', owner: 'even' } as const;
        const { jobs, total } = await here.jobs.list(filter, { limit: 2, offset });
        expect([total, jobs.map(({ id }) => id)]).toEqual([300, ids]);
      };
      expect(await commandsOf(() => both(0, ['job-17940', 'job-17880']))).toBeLessThanOrEqual(7);
      await both(298, ['job-60', 'job-0']);
      await both(300, []);
      // Even the rarest of these filters matches many jobs: they are read in batches.
      const evens = Array.from({ length: count / 2 }, (_, n) => count - 2 - 2 * n);
      const waiting = evens.flatMap((n) => (n % 60 === 0 && n < 18_000 ? [] : [`job-${n}`]));
      const many = async (offset: number) => {
        const filter = { status: 'pending', owner: 'even', type: 'remove-background' } as const;
        const { jobs, total } = await here.jobs.list(filter, { limit: 2, offset });
        expect(total).toBe(waiting.length);
        expect(jobs.map(({ id }) => id)).toEqual(waiting.slice(offset, offset + 2));
      };
      expect(await commandsOf(() => many(0))).toBeLessThanOrEqual(60);
      for (const offset of [3999, 8500, 9699, 9700]) await many(offset);
      const counts = async () =>
        expect((await here.jobs.counts()).byStatus).toMatchObject({ pending: 19_700, cancelled: 300 });
      expect(await commandsOf(counts)).toBe(1);
      const finished = async () => expect(await here.jobs.finishedUntil(10)).toHaveLength(300);
      expect(await commandsOf(finished)).toBe(1);
    }, 120_000);

    it('is a claim that others get when its server is gone, and not as long as it lives', async () => {
      const timings = { claimMs: 1000, renewMs: 100, keptMs: 60_000 };
      const base = `{${prefix}}`;
      const alive = new RedisIdempotencyStore(here.connection, base, timings);
      const gone = new RedisIdempotencyStore(here.connection, base, timings);
      expect(await alive.claim('a', 'f')).toEqual({ state: 'new' });
      expect(await gone.claim('b', 'f')).toEqual({ state: 'new' });
      gone.stop();
      await eventually(async () => expect(await there.idempotency.claim('b', 'f')).toEqual({ state: 'new' }));
      expect(await there.idempotency.claim('a', 'f')).toEqual({ state: 'in progress' });
      await alive.keep('a', 'job');
      expect(await there.idempotency.claim('a', 'f')).toEqual({ state: 'made', jobId: 'job' });
      alive.stop();
    });

    it('is a claim that its server loses when it was paused, with all that it would do then', async () => {
      const base = `{${prefix}}`;
      const paused = new RedisIdempotencyStore(here.connection, base, {
        claimMs: 100,
        renewMs: 60_000,
        keptMs: 60_000,
      });
      const other = there.idempotency;
      const takenOver = (key: string) =>
        eventually(async () => expect(await other.claim(key, 'f')).toMatchObject({ state: 'new' }));
      for (const key of ['a', 'b', 'c', 'd']) await paused.claim(key, 'f');
      await takenOver('a');
      expect(await paused.claim('a', 'f')).toEqual({ state: 'in progress' });
      expect(await paused.intend('a', '1')).toBe(false);
      expect(await other.intend('a', '2')).toBe(true);
      expect(await other.keep('a', '2')).toBe(true);
      expect(await paused.claim('a', 'f')).toEqual({ state: 'made', jobId: '2' });
      // The other one found no job, intended its own, and is gone now.
      await takenOver('b');
      await other.intend('b', '3');
      await other.abandon('b');
      expect(await paused.intend('b', '4')).toBe(false);
      expect(await paused.claim('b', 'f')).toEqual({ state: 'new', jobId: '3' });
      // The other one adopted the job.
      expect(await paused.intend('c', '5')).toBe(true);
      await eventually(async () => expect(await other.claim('c', 'f')).toEqual({ state: 'new', jobId: '5' }));
      expect(await other.keep('c', '5')).toBe(true);
      expect(await paused.keep('c', '5')).toBe(true);
      // Nobody else asked.
      expect(await paused.intend('d', '6')).toBe(true);
      expect(await paused.keep('d', '6')).toBe(true);
      expect(await other.claim('d', 'f')).toEqual({ state: 'made', jobId: '6' });
      paused.stop();
    });

    it('has no key as clients chose it', async () => {
      await here.idempotency.claim('secret of a client', 'f');
      await here.idempotency.keep('secret of a client', 'job');
      expect((await keys()).join()).not.toContain('secret');
    });

    it('tells other servers of progress now and then, and of everything else at once', async () => {
      const heard: Array<readonly [string, number]> = [];
      there.events.subscribe('changed', ({ status, progress }) => heard.push([status, progress]));
      const records: Job[] = [pending('a')];
      const become = (next: Job | undefined) => {
        if (!next) throw new Error('it may not become so');
        records.push(next);
        here.events.publish('changed', next);
      };
      const last = () => records.at(-1) ?? pending('a');
      become(begin(last()));
      become(transitions.withPrompt(last(), 3, 'p'));
      for (let n = 1; n <= 50; n += 1) become(transitions.withProgress(last(), 3, n, 'KSampler'));
      // The first one, and the newest when the time is over.
      const progress = [
        ['processing', 0],
        ['processing', 0],
        ['processing', 1],
        ['processing', 50],
      ];
      await eventually(() => expect(heard).toEqual(progress));
      become(transitions.withProgress(last(), 3, 60, 'KSampler'));
      become(transitions.withProgress(last(), 3, 61, 'KSampler'));
      become(transitions.cancel(last(), 4));
      await eventually(() => expect(heard.at(-1)).toEqual(['cancelled', 61]));
      expect(heard.length).toBeLessThanOrEqual(6);
    });

    it('is told to listeners of this server alone where they want that', async () => {
      const heard: string[] = [];
      there.events.subscribe('finished', ({ id }) => heard.push(`there ${id}`), 'here');
      there.events.subscribe('finished', ({ id }) => heard.push(id));
      here.events.subscribe('finished', ({ id }) => heard.push(`here ${id}`), 'here');
      const ended = transitions.cancel(pending('a'), 2);
      if (!ended) throw new Error('not ended');
      here.events.publish('finished', ended);
      await eventually(() => expect(heard).toEqual(['here a', 'a']));
    });
  });
});

const unused = () => {
  throw new Error('not used');
};
const neverUsed = { loadImage: unused, saveImage: unused };
