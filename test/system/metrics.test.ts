import { afterEach, describe, expect, it } from 'vitest';
import * as schemas from '../../src/schemas/metrics.js';
import { healthAnswer, statusAnswer } from '../../src/schemas/status.js';
import { type FinishedJob, outputsSize, processingDuration } from '../../src/services/jobs/Job.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { scrape, sumOf } from '../support/prometheus.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const WORK = { workMs: { InspyrenetRembg: 10, ImageUpscaleWithModel: 30 } };
const picture = (n: number) => png({ colour: colourOf(n) });

/** The metrics from all endpoints. */
async function everyFigure() {
  const { client } = stack;
  return {
    brief: await client.json('/status/metrics', schemas.statusMetricsAnswer),
    overview: await client.json('/api/metrics', schemas.metricsAnswer),
    performance: await client.json('/api/metrics/performance', schemas.performanceAnswer),
    errors: await client.json('/api/metrics/errors', schemas.errorMetricsAnswer),
    instances: await client.json('/api/metrics/instances', schemas.instancesMetricsAnswer),
    health: await client.json('/health', healthAnswer),
    exported: await scrape(client),
  };
}

/** A percentile by its definition, from the values themselves. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The histogram keeps three significant digits. */
function expectNear(actual: number | null, expected: number): void {
  expect(actual).not.toBeNull();
  expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThanOrEqual(expected * 0.002 + 0.06);
}

/** Runs 50 jobs of two types: 5 fail in their node, 2 time out, 1 is cancelled, and one instance is down for a while. */
async function scriptedRun(): Promise<FinishedJob[]> {
  stack = await Stack.start({
    simulators: [WORK, WORK],
    env: { JOB_TIMEOUT: '1500', MAX_QUEUE_SIZE: '100' },
  });
  const { client } = stack;
  const ended: FinishedJob[] = [];
  stack.services.manager.events.subscribe('finished', (job) => ended.push(job));
  const run = async (type: string, from: number, count: number) => {
    const ids = await Promise.all(
      Array.from({ length: count }, async (_, n) => client.submit(type, await picture(from + n))),
    );
    for (const id of ids) await client.finished(id);
  };
  await run('remove-background', 0, 20);
  await stack.simulator(1).crash();
  await run('upscale-image', 20, 10);
  await stack.simulator(1).restart();
  await eventually(async () => expect((await client.json('/health', healthAnswer)).status).toBe('healthy'));
  await run('upscale-image', 30, 12);
  const faults = stack.simulators.map((simulator) => simulator.faults);
  for (const { failNodes } of faults)
    failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
  await run('remove-background', 42, 5);
  for (const fault of faults) {
    fault.failNodes.clear();
    fault.hang = true;
  }
  const cancelled = await client.submit('remove-background', await picture(49));
  await client.until(cancelled, ({ status }) => status === 'processing');
  await client.request(`/api/jobs/${cancelled}/cancel`, { method: 'POST' });
  await run('remove-background', 47, 2);
  for (const fault of faults) fault.hang = false;
  expect(ended).toHaveLength(50);
  return ended;
}

describe('the figures of a scripted run', () => {
  it('are what the script computes by itself, everywhere', async () => {
    const ended = await scriptedRun();
    const of = (status: string, type?: string, host?: string) =>
      ended.filter(
        (job) =>
          job.status === status &&
          (type === undefined || job.request.type === type) &&
          (host === undefined || job.assignment?.instance === host),
      );
    const durations = (type?: string, host?: string) =>
      of('completed', type, host).map((job) => processingDuration(job) ?? Number.NaN);
    const waits = [...of('completed'), ...of('failed')].map(
      (job) => (job.assignment?.processingStartTime ?? Number.NaN) - job.createdTime,
    );
    const [completed, failed, cancelled] = [of('completed'), of('failed'), of('cancelled')].map(
      (j) => j.length,
    );
    expect([completed, failed, cancelled]).toEqual([42, 7, 1]);
    const { brief, overview, performance, errors, instances, health, exported } = await everyFigure();

    expect(overview.jobs).toMatchObject({
      total_processed: 49,
      success_rate: 0.8571,
      failure_rate: 0.1429,
      completed_jobs: 42,
      failed_jobs: 7,
      cancelled_jobs: 1,
      active_jobs: 0,
      pending_jobs: 0,
    });
    expect(overview.jobs.by_type).toMatchObject({
      'remove-background': { total: 27, success_rate: 0.7407 },
      'upscale-image': { total: 22, success_rate: 1 },
    });
    expect(brief.jobs).toMatchObject({ total_processed: 49, success_rate: 0.8571, jobs_per_hour: 49 });
    expect(health.performance).toMatchObject({
      total_jobs_processed: 49,
      success_rate: '85.71%',
      jobs_processed_last_hour: 49,
    });

    for (const type of ['remove-background', 'upscale-image']) {
      const figures = performance.by_job_type[type];
      expectNear((figures?.average_processing_time_seconds ?? 0) * 1000, average(durations(type)));
      expectNear(figures?.p95_processing_time_ms ?? null, percentile(durations(type), 95));
      expect(figures?.throughput_per_hour).toBe(type === 'upscale-image' ? 22 : 27);
    }
    const all = durations();
    const { processing_times } = performance;
    for (const value of [
      processing_times.average_seconds,
      overview.performance.average_processing_time_seconds,
      brief.performance.average_processing_time_seconds,
      health.performance.average_processing_time_seconds,
      performance.trends.last_hour.average_processing_time_seconds,
      performance.trends.last_24_hours.average_processing_time_seconds,
    ]) {
      expectNear((value ?? 0) * 1000, average(all));
    }
    expectNear((processing_times.median_seconds ?? 0) * 1000, percentile(all, 50));
    expectNear(overview.performance.p50_processing_time_ms, percentile(all, 50));
    expectNear(processing_times.p95_milliseconds, percentile(all, 95));
    expectNear(brief.performance.p95_processing_time_ms, percentile(all, 95));
    expectNear(processing_times.p99_milliseconds, percentile(all, 99));
    expectNear((processing_times.fastest_seconds ?? 0) * 1000, Math.min(...all));
    expectNear((processing_times.slowest_seconds ?? 0) * 1000, Math.max(...all));
    expectNear(overview.performance.queue_wait.average_ms, average(waits));
    expectNear(overview.performance.queue_wait.p95_ms, percentile(waits, 95));
    expect(performance.throughput).toEqual({
      jobs_per_hour: 49,
      jobs_per_minute: 0.8167,
      jobs_per_second: 0.013611,
    });
    expect(performance.trends.last_hour.jobs_completed).toBe(42);

    expect(errors.summary).toEqual({
      total_errors: 7,
      error_rate: 0.1429,
      errors_last_hour: 7,
      errors_last_24_hours: 7,
    });
    expect(errors.by_type).toMatchObject({
      execution_error: { count: 5, percentage: 71.43 },
      processing_timeout: { count: 2, percentage: 28.57 },
    });
    expect(overview.errors.by_type).toEqual({ execution_error: 5, processing_timeout: 2 });
    expect(errors.recent_errors).toHaveLength(7);
    expect(errors.recent_errors[0]).toMatchObject({
      type: 'processing_timeout',
      job_type: 'remove-background',
    });
    expect(JSON.stringify(errors)).not.toMatch(/at .*\.[jt]s:\d/);

    for (const host of stack.simulators.map((simulator) => simulator.host)) {
      const own = instances.instances.find((instance) => instance.host === host);
      const [done, broken] = [of('completed', undefined, host).length, of('failed', undefined, host).length];
      expect(own).toMatchObject({ jobs_processed: done + broken, current_load: 0, max_load: 2 });
      expect(own?.success_rate).toBeCloseTo(done / (done + broken), 4);
      expectNear((own?.average_processing_time_seconds ?? 0) * 1000, average(durations(undefined, host)));
      expectNear((own?.fastest_processing_time_seconds ?? 0) * 1000, Math.min(...durations(undefined, host)));
      expect(errors.by_instance[host]?.error_count).toBe(broken);
      expect(overview.instances.details[host]).toMatchObject({
        jobs_processed: done + broken,
        status: 'healthy',
      });
      const one = await stack.client.json(`/api/metrics/instances/${host}`, schemas.instanceMetricsAnswer);
      expect(one).toMatchObject({ host, jobs_processed: done + broken, job_types: own?.job_types ?? {} });
    }
    expect(instances.summary).toMatchObject({ jobs_processed: 49, success_rate: 0.8571, max_load: 4 });

    const count = (name: string, labels: Record<string, string>) => sumOf(exported, name, labels);
    expect(count('jobs_total', { outcome: 'completed', type: 'upscale-image' })).toBe(22);
    expect(count('jobs_total', { outcome: 'failed' })).toBe(7);
    expect(count('jobs_total', { outcome: 'cancelled' })).toBe(1);
    expect(count('job_errors_total', { category: 'execution_error' })).toBe(5);
    const bytes = of('completed').reduce(
      (sum, job) => sum + (job.status === 'completed' ? outputsSize(job) : 0),
      0,
    );
    expect(count('result_bytes_total', {})).toBe(bytes);
    expect(count('job_processing_seconds_count', {})).toBe(42);
    expect(count('job_waiting_seconds_count', {})).toBe(49);
    expect(count('job_processing_seconds_sum', {})).toBeCloseTo((average(all) * 42) / 1000, 6);
    expect([count('instance_up', {}), count('queue_jobs', {}), count('jobs_in_flight', {})]).toEqual([
      2, 0, 0,
    ]);
    expect([count('breaker_state', { state: 'CLOSED' }), count('breaker_state', { state: 'OPEN' })]).toEqual([
      2, 0,
    ]);
    expect(count('http_requests_total', { route: '/api/async/remove-background', code: '202' })).toBe(28);
  });

  it('are null or zero where there is no data', async () => {
    stack = await Stack.start();
    const { overview, performance, errors, brief, instances } = await everyFigure();
    expect(overview.jobs).toMatchObject({
      total_processed: 0,
      success_rate: null,
      failure_rate: null,
      by_type: {},
    });
    expect(Object.values(performance.processing_times)).toEqual(Array(6).fill(null));
    expect(performance.throughput).toEqual({ jobs_per_hour: 0, jobs_per_minute: 0, jobs_per_second: 0 });
    expect(errors.summary).toEqual({
      total_errors: 0,
      error_rate: null,
      errors_last_hour: 0,
      errors_last_24_hours: 0,
    });
    expect(brief.performance.slowest_processing_time_seconds).toBeNull();
    expect(instances.instances[0]).toMatchObject({ jobs_processed: 0, success_rate: null, job_types: {} });
  });
});

describe('Prometheus', () => {
  it('gets names, units and types by its conventions, and route patterns for paths', async () => {
    stack = await Stack.start();
    const { body } = await stack.client.process('remove-background', await picture(1));
    await stack.client.status(body.job_id);
    await stack.client.request('/no/such/path');
    const { families, samples } = await scrape(stack.client);
    const own = [...families.values()].filter(({ name }) => name.startsWith('comfyui_middleware_'));
    expect(own.length).toBeGreaterThanOrEqual(12);
    for (const { name, type, help } of own) {
      expect(name.endsWith('_total'), name).toBe(type === 'COUNTER');
      if (type === 'HISTOGRAM') expect(name).toMatch(/_seconds$/);
      expect(help.length).toBeGreaterThan(10);
    }
    expect(families.has('nodejs_eventloop_lag_seconds')).toBe(true);
    const routes = samples
      .filter(({ name }) => name === 'comfyui_middleware_http_requests_total')
      .map(({ labels }) => labels['route']);
    expect(routes).toEqual(
      expect.arrayContaining(['/api/remove-background', '/api/jobs/:id/status', 'unmatched']),
    );
    expect(routes.join()).not.toContain(body.job_id);
  });
});

describe('a circuit breaker', () => {
  const breakers = () => stack.client.json('/api/circuit-breakers', schemas.circuitBreakersAnswer);
  const turn = (name: string, action: string) =>
    stack.client.json(`/api/circuit-breakers/${name}/${action}`, schemas.circuitBreakerChangedAnswer, {
      method: 'POST',
    });

  it('forced open moves new jobs away at once, lets running ones end, and stays open until it is closed', async () => {
    stack = await Stack.start({
      simulators: [{ workMs: { InspyrenetRembg: 300 } }, {}],
      env: { HEALTH_CHECK_INTERVAL: '100' },
    });
    const running = await stack.client.submit('remove-background', await picture(1));
    const status = await stack.client.until(running, ({ status }) => status === 'processing');
    expect(status.comfyui_instance).toBe(stack.simulator(0).host);
    const { circuit_breaker } = await turn('instance-1', 'open');
    expect(circuit_breaker).toMatchObject({
      name: 'instance-1',
      state: 'OPEN',
      forced: true,
      next_attempt_time: null,
    });
    for (const n of [2, 3, 4]) {
      const { body } = await stack.client.process('upscale-image', await picture(n));
      expect(body.comfyui_instance).toBe(stack.simulator(1).host);
    }
    expect(await stack.client.finished(running)).toMatchObject({ status: 'completed', attempts: 1 });
    const checksBefore = stack.simulator(0).requests.get('GET /system_stats') ?? 0;
    await eventually(() => {
      expect(stack.simulator(0).requests.get('GET /system_stats')).toBeGreaterThan(checksBefore + 2);
    });
    expect((await breakers()).circuit_breakers['instance-1']).toMatchObject({ state: 'OPEN', forced: true });
    const { status: health, issues } = await stack.client.json('/health', healthAnswer);
    expect([health, issues]).toEqual([
      'degraded',
      [`Instance ${stack.simulator(0).host} was taken out of service manually.`],
    ]);
    expect((await turn('instance-1', 'close')).circuit_breaker).toMatchObject({
      state: 'CLOSED',
      forced: false,
    });
    expect((await stack.client.json('/health', healthAnswer)).status).toBe('healthy');
    const used = new Set<string>();
    for (const n of [5, 6]) {
      used.add((await stack.client.process('upscale-image', await picture(n))).body.comfyui_instance);
    }
    expect(used.size).toBe(2);
  });

  it('that is closed by hand while the instance is down opens again by itself', async () => {
    stack = await Stack.start({
      env: { BREAKER_RESET_TIMEOUT: '60000', BREAKER_MAX_RESET_TIMEOUT: '60000' },
    });
    await stack.simulator().crash();
    await eventually(async () => {
      expect((await breakers()).circuit_breakers['instance-1']?.state).toBe('OPEN');
    });
    const opened = (await breakers()).circuit_breakers['instance-1'];
    expect(opened).toMatchObject({
      forced: false,
      failure_count: 3,
      failure_threshold: 3,
      reset_timeout_ms: 60_000,
    });
    expect(Date.parse(String(opened?.next_attempt_time))).toBeGreaterThan(
      Date.parse(String(opened?.last_failure_time)),
    );
    await turn('instance-1', 'close');
    await eventually(async () => {
      expect((await breakers()).circuit_breakers['instance-1']).toMatchObject({
        state: 'OPEN',
        forced: false,
      });
    });
  });

  it.each([
    ['/api/circuit-breakers/instance-9/open', 'POST', 'BREAKER_NOT_FOUND', { known_names: ['instance-1'] }],
    ['/api/circuit-breakers/instance-9/close', 'POST', 'BREAKER_NOT_FOUND', { known_names: ['instance-1'] }],
    ['/api/metrics/instances/nowhere:1', 'GET', 'INSTANCE_NOT_FOUND', { known_hosts: [expect.any(String)] }],
  ])('%s is a 404 that lists what there is', async (path, method, code, details) => {
    stack = await Stack.start();
    expect(await stack.client.error(path, 404, { method })).toMatchObject({ code, details });
  });
});

describe('/health and /status', () => {
  it('say healthy, degraded and critical at the right moments, with the right codes', async () => {
    stack = await Stack.start({ simulators: [{}, {}] });
    const { client } = stack;
    const both = async () => {
      const [health, status] = await Promise.all([client.request('/health'), client.request('/status')]);
      const bodies = [
        healthAnswer.parse(await health.json()),
        statusAnswer.parse(await status.json()),
      ] as const;
      return [health.status, bodies[0].status, status.status, bodies[1].status];
    };
    expect(await both()).toEqual([200, 'healthy', 200, 'healthy']);
    for (const { faults } of stack.simulators) {
      faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
    }
    for (let n = 0; n < 3; n += 1) await client.refused('/api/remove-background', await picture(n), 502);
    expect(await both()).toEqual([200, 'healthy', 200, 'healthy']);
    for (let n = 0; n < 7; n += 1) await client.process('upscale-image', await picture(n));
    expect(await both()).toEqual([200, 'degraded', 200, 'degraded']);
    expect((await client.json('/health', healthAnswer)).issues).toEqual(['3 of the last 10 jobs failed.']);
    for (let n = 0; n < 5; n += 1) await client.process('upscale-image', await picture(20 + n));
    expect(await both()).toEqual([200, 'healthy', 200, 'healthy']);
    await stack.simulator(0).crash();
    await eventually(async () => expect(await both()).toEqual([200, 'degraded', 200, 'degraded']));
    await stack.simulator(1).crash();
    await eventually(async () => expect(await both()).toEqual([503, 'critical', 503, 'critical']));
  });
});
