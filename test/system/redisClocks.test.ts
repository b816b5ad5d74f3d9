import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { type Clock, systemClock } from '../../src/utils/clock.js';
import type { JobStatusBody } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack, StackOptions } from '../support/stack.js';

const HOUR_MS = 3_600_000;

describe.runIf(requireRedis())('servers whose clocks differ', { timeout: 60_000 }, () => {
  let site: RedisSite;
  beforeEach(async () => {
    site = await RedisSite.open();
  });
  afterEach(() => site.close());

  /** Starts a server with this clock. */
  const startWith = (clock: Clock, { env, logger }: Pick<StackOptions, 'env' | 'logger'> = {}) =>
    site.start({
      ...(env ? { env } : {}),
      ...(logger ? { logger } : {}),
      overrides: { clock },
    });

  /** Starts a server whose clock is wrong. */
  const startAhead = (ms: number, options?: Pick<StackOptions, 'env' | 'logger'>) => {
    // The clock of this computer may have been set since this process started; Redis reads it as it is now.
    const sinceStart = Date.now() - performance.now() + ms;
    return startWith({ now: () => sinceStart + performance.now() }, options);
  };

  const expectKept = async (servers: readonly Stack[], ids: readonly string[]) => {
    for (const { services } of servers) expect(await services.manager.cleanup()).toBe(0);
    for (const { client } of servers) {
      for (const id of ids) {
        const { status, created_time } = await client.status(id);
        expect(status).toBe('completed');
        expect(Math.abs(Date.parse(created_time) - Date.now())).toBeLessThan(60_000);
      }
    }
  };

  const processOn = async ({ client }: Stack, n: number) =>
    (await client.process('remove-background', await png({ colour: colourOf(n) }))).body.job_id;

  it.each([
    ['behind', -HOUR_MS],
    ['ahead', HOUR_MS],
  ])('by an hour (one is %s) keep a result for its time, whichever ran the job', async (_, ahead) => {
    const first = await processOn(await site.start(), 1);
    await site.stopServers();
    const logger = new RecordingLogger();
    const wrong = await startAhead(ahead, { logger });
    const second = await processOn(wrong, 2);
    const right = await site.start();
    await expectKept([wrong, right], [first, second]);
    expect(logger.lines).toContainEqual({
      level: 'warn',
      message: 'The clock differs from that of Redis',
      fields: { component: 'jobs', redis: expect.any(String), secondsAhead: ahead / 1000 },
    });
    const { uptime } = await wrong.client.json('/health', healthAnswer);
    expect(uptime.process_uptime_seconds).toBeGreaterThanOrEqual(0);
    expect(uptime.process_uptime_seconds).toBeLessThan(60);
  });

  it('since the last reading give a job no time before an earlier one', async () => {
    const ahead = { ms: 0, now: () => systemClock.now() + ahead.ms };
    site.simulator.setWork(100);
    const env = { MAX_CONCURRENT_JOBS: '1' };
    const servers = [await startWith(ahead, { env }), await site.start({ env })];
    ahead.ms = 20_000;
    const ids = await Promise.all(
      Array.from({ length: 8 }, async (_, n) =>
        (servers[n % 2] as Stack).client.submit('remove-background', await png({ colour: colourOf(n) })),
      ),
    );
    const expectOrdered = (job: JobStatusBody) => {
      expect(job.processing_time_seconds).toBeGreaterThanOrEqual(0);
      expect(job.updated_time >= job.created_time).toBe(true);
    };
    // Each response counts, not only the last one.
    for (let hasEnded = false; !hasEnded; ) {
      const jobs = await Promise.all(ids.flatMap((id) => servers.map(({ client }) => client.status(id))));
      for (const job of jobs) expectOrdered(job);
      hasEnded = jobs.every(({ status }) => status === 'completed');
    }
  });

  it('run jobs before their deadline, and fail them at it', async () => {
    const env = { MAX_CONCURRENT_JOBS: '1' };
    const servers = [await startAhead(-HOUR_MS, { env }), await startAhead(HOUR_MS, { env })];
    const submit = async ({ client }: Stack, n: number, seconds: number) =>
      client.submit('remove-background', await png({ colour: colourOf(n) }), {
        deadline_seconds: String(seconds),
      });
    for (let n = 0; n < 6; n += 1) {
      const server = servers[n % 2] as Stack;
      const job = await server.client.finished(await submit(server, n, 60));
      expect(job).toMatchObject({ status: 'completed', attempts: 1 });
    }
    site.simulator.faults.hang = true;
    await submit(servers[0] as Stack, 6, 60);
    await eventually(() => expect(site.simulator.queueRemaining).toBe(1));
    for (const [n, server] of servers.entries()) {
      const since = performance.now();
      const job = await server.client.finished(await submit(server, 7 + n, 2));
      expect(job).toMatchObject({ status: 'failed', error_code: 'DEADLINE_EXCEEDED' });
      expect(performance.now() - since).toBeGreaterThan(1900);
    }
    site.simulator.faults.hang = false;
  });
});
