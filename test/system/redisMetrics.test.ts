import { randomUUID } from 'node:crypto';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as schemas from '../../src/schemas/metrics.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { Stack } from '../support/stack.js';

describe.runIf(requireRedis())('figures of servers that share a Redis', { timeout: 120_000 }, () => {
  const stacks: Stack[] = [];
  let redis: RedisServer;
  let simulator: Simulator;
  let folder: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis?.stop());
  beforeEach(async () => {
    simulator = await startSimulator();
    folder = await mkdtemp(path.join(tmpdir(), 'figures-'));
    env = {
      COMFYUI_HOST: simulator.host,
      QUEUE: 'redis',
      REDIS_URL: redis.url,
      REDIS_PREFIX: `test-${randomUUID()}`,
      ASSET_STORE: 'disk',
      ASSET_DIR: path.join(folder, 'assets'),
      MAX_JOBS_PER_INSTANCE: '4',
      MAX_CONCURRENT_JOBS: '4',
    };
  });
  afterEach(async () => {
    simulator.faults.hang = false;
    await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
    await simulator.stop();
  });

  async function startServer(more: Record<string, string> = {}): Promise<Stack> {
    const stack = await Stack.start({ simulators: [], env: { ...env, ...more } });
    stacks.push(stack);
    return stack;
  }

  /** A new image for each job: a machine runs no node for an image that it had before. */
  let pictures = 0;
  async function submit({ client }: Stack, count: number): Promise<string[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        pictures += 1;
        return client.submit('remove-background', await png({ colour: colourOf(pictures) }));
      }),
    );
  }

  async function run(stack: Stack, count: number): Promise<void> {
    for (const id of await submit(stack, count)) await stack.client.finished(id);
  }

  const overview = ({ client }: Stack) => client.json('/api/metrics', schemas.metricsAnswer);

  it('are the same on each, and what a server counted stays when it is gone', async () => {
    const [a, b] = [await startServer(), await startServer()];
    await Promise.all([run(a, 6), run(b, 6)]);
    simulator.faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'no' });
    await run(a, 1);
    const recorders = [a, b].map(({ services }) => services.recorder);
    expect(recorders.reduce((sum, { all }) => sum + all.processed, 0)).toBe(13);
    const expectAll = async (stack: Stack) => {
      const { jobs, performance, instances, errors } = await overview(stack);
      expect(jobs).toMatchObject({ total_processed: 13, completed_jobs: 12, failed_jobs: 1 });
      expect(jobs.by_type['remove-background']?.total).toBe(13);
      expect(performance.throughput.jobs_per_hour).toBe(13);
      expect(instances.details[simulator.host]?.jobs_processed).toBe(13);
      expect(errors.recent_errors).toHaveLength(1);
      const slowest = Math.max(...recorders.map(({ all }) => all.durations.max ?? 0));
      const timing = await stack.client.json('/api/metrics/performance', schemas.performanceAnswer);
      expect(timing.processing_times.slowest_seconds).toBeCloseTo(slowest / 1000, 5);
      expect(timing.trends.last_hour.jobs_completed).toBe(12);
      const { minutes } = await stack.client.json('/api/metrics/history', schemas.historyAnswer);
      expect(minutes.reduce((sum, { completed }) => sum + completed, 0)).toBe(12);
      const failures = await stack.client.json('/api/metrics/errors', schemas.errorMetricsAnswer);
      expect(failures.by_instance[simulator.host]?.error_count).toBe(1);
    };
    for (const stack of [a, b]) await eventually(() => expectAll(stack));
    const [one, two] = [await overview(a), await overview(b)];
    expect(one.performance).toEqual(two.performance);
    await a.stop();
    await expectAll(b);
    // A server that starts later has all metrics.
    await expectAll(await startServer());
  });

  it('count the jobs that all of them run, and none of a server that is gone', async () => {
    const [a, b] = [await startServer(), await startServer()];
    simulator.faults.hang = true;
    await Promise.all([submit(a, 4), submit(b, 4)]);
    for (const stack of [a, b]) {
      await eventually(async () => {
        const { jobs, instances } = await overview(stack);
        expect([jobs.active_jobs, jobs.pending_jobs]).toEqual([4, 4]);
        expect(instances.details[simulator.host]?.current_load).toBe(4);
      });
    }
    await a.stop();
    await eventually(async () => {
      const { jobs } = await overview(b);
      expect(jobs.active_jobs).toBe(b.services.processor.activeJobs);
    });
  });

  it('are counted once when a server starts again, also where its file is old', async () => {
    const file = path.join(folder, 'metrics.json');
    const b = await startServer({ COMFYUI_HOST: '127.0.0.1:9' });
    let a = await startServer({ METRICS_FILE_PATH: file });
    await run(a, 2);
    await a.services.metricsFile.save();
    await copyFile(file, `${file}.old`);
    await run(a, 2);
    await eventually(async () => expect((await overview(b)).jobs.total_processed).toBe(4));
    await a.stop();
    await copyFile(`${file}.old`, file);
    a = await startServer({ METRICS_FILE_PATH: file });
    await run(a, 1);
    for (const stack of [a, b]) {
      await eventually(async () => expect((await overview(stack)).jobs.total_processed).toBe(5));
    }
    expect(a.services.recorder.all.processed).toBe(5);
  });

  it('are the server’s own while Redis is away, at once', async () => {
    const own = await RedisServer.start();
    env = { ...env, REDIS_URL: own.url };
    const [a, b] = [await startServer(), await startServer({ COMFYUI_HOST: '127.0.0.1:9' })];
    await run(a, 2);
    await eventually(async () => expect((await overview(b)).jobs.total_processed).toBe(2));
    await own.kill();
    await eventually(async () => expect((await overview(b)).jobs.total_processed).toBe(0));
    const before = performance.now();
    expect((await overview(a)).jobs.total_processed).toBe(2);
    expect(performance.now() - before).toBeLessThan(5000);
    await own.restart();
    await eventually(async () => expect((await overview(b)).jobs.total_processed).toBe(2));
    await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
    await own.stop();
  });

  it('of how long a job takes are learnt from the jobs of all of them', async () => {
    const b = await startServer({ COMFYUI_HOST: '127.0.0.1:9' });
    const a = await startServer();
    const { estimates } = b.services;
    const declared = estimates.processingMs('remove-background');
    await run(a, 4);
    await eventually(() => expect(estimates.processingMs('remove-background')).toBeLessThan(declared / 2));
    expect(b.services.recorder.all.processed).toBe(0);
  });
});
