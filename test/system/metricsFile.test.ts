import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  errorMetricsAnswer,
  metricsAnswer,
  metricsSavedAnswer,
  persistenceAnswer,
} from '../../src/schemas/metrics.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { scrape } from '../support/prometheus.js';
import { Stack } from '../support/stack.js';

let directory: string;
let file: string;
let stack: Stack | undefined;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'metrics-'));
  file = path.join(directory, 'sub', 'metrics.json');
});
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  await rm(directory, { recursive: true });
});

async function start(env: Record<string, string> = {}): Promise<Stack> {
  await stack?.stop();
  stack = await Stack.start({ env: { METRICS_FILE_PATH: file, ...env } });
  return stack;
}

const overview = () => (stack as Stack).client.json('/api/metrics', metricsAnswer);
const persistence = () => (stack as Stack).client.json('/api/metrics/persistence', persistenceAnswer);

describe('the metrics file', () => {
  it('keeps every total over a restart, and the uptime counts on', async () => {
    const { client, simulators } = await start();
    for (let n = 0; n < 3; n += 1) await client.process('upscale-image', await png({ colour: colourOf(n) }));
    simulators[0]?.faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
    await client.refused('/api/remove-background', await png(), 502);
    const before = await overview();
    const errors = await client.json('/api/metrics/errors', errorMetricsAnswer);
    const again = await start();
    const after = await overview();
    expect(after.jobs).toEqual(before.jobs);
    expect(after.performance).toEqual(before.performance);
    expect(after.errors).toEqual(before.errors);
    expect(after.uptime.start_time).toBe(before.uptime.start_time);
    expect(again.services.recorder.totalUptimeMs).toBeGreaterThan(again.services.health.uptimeMs);
    const { timestamp: _now, ...restored } = await again.client.json(
      '/api/metrics/errors',
      errorMetricsAnswer,
    );
    expect(restored).toEqual({ ...errors, timestamp: undefined });
    await again.client.process('upscale-image', await png());
    expect((await overview()).jobs).toMatchObject({ completed_jobs: 4, failed_jobs: 1 });
  });

  it('is written on demand, on the interval and at the end', async () => {
    const { client } = await start({ METRICS_SAVE_INTERVAL: '100' });
    const saved = await client.json('/api/metrics/save', metricsSavedAnswer, { method: 'POST' });
    expect(saved.file_size_bytes).toBe((await readFile(file)).length);
    expect(path.resolve(saved.file_path)).toBe(file);
    const status = await persistence();
    expect(status).toMatchObject({
      enabled: true,
      auto_save_enabled: true,
      save_interval_ms: 100,
      last_error: null,
    });
    await eventually(async () => {
      expect(Date.parse(String((await persistence()).last_save))).toBeGreaterThan(
        Date.parse(String(status.last_save)),
      );
    });
    await start({ METRICS_SAVE_INTERVAL: '0' });
    expect(await persistence()).toMatchObject({ auto_save_enabled: false, next_save: null });
  });

  it.each([
    ['damaged', '{"application":"comfyui-express-middleware","version":1,"metr'],
    ["another program's", '{"hello":"world"}'],
    ['of another version', '{"application":"comfyui-express-middleware","version":99}'],
    ['empty', ''],
  ])('that is %s is put aside under another name, and the server starts', async (_, content) => {
    await mkdir(path.dirname(file));
    await writeFile(file, content);
    await start();
    const [aside] = await readdir(path.dirname(file));
    expect(aside).toMatch(/^metrics\.json\.unreadable-/);
    expect(await readFile(path.join(path.dirname(file), String(aside)), 'utf8')).toBe(content);
    expect((await overview()).jobs.total_processed).toBe(0);
    await stack?.client.json('/api/metrics/save', metricsSavedAnswer, { method: 'POST' });
    expect((await readdir(path.dirname(file))).length).toBe(2);
  });

  it('with a damaged histogram in it is put aside too', async () => {
    const { client } = await start();
    await client.process('upscale-image', await png());
    await stack?.stop();
    const content = await readFile(file, 'utf8');
    await writeFile(file, content.replace(/"buckets":"[^"]{20}/, '"buckets":"AAAAAAAAAAAAAAAAAAAA'));
    await start();
    expect((await readdir(path.dirname(file)))[0]).toMatch(/unreadable/);
    expect((await overview()).jobs.total_processed).toBe(0);
  });

  it('that cannot be written is an error to be seen, never a crash', async () => {
    // A file in place of the folder also stops root.
    await writeFile(path.join(directory, 'sub'), '');
    const { client } = await start();
    const internalErrors = async () =>
      (await scrape(client)).samples.find(({ name }) => name.endsWith('_http_internal_errors_total'))?.value;
    // It is there before its first increment, which Prometheus would not see otherwise.
    expect(await internalErrors()).toBe(0);
    const refused = await client.error('/api/metrics/save', 500, { method: 'POST' });
    expect(refused).toMatchObject({ code: 'INTERNAL_ERROR', error: 'The metrics could not be saved.' });
    expect(JSON.stringify(refused)).not.toContain(directory);
    expect(await internalErrors()).toBe(1);
    expect((await persistence()).last_error).toMatch(/ENOTDIR|EEXIST/);
    await client.process('upscale-image', await png());
    await rm(path.join(directory, 'sub'));
    await client.json('/api/metrics/save', metricsSavedAnswer, { method: 'POST' });
    expect((await persistence()).last_error).toBeNull();
  });
});

/** Each round starts a process, which may take seconds on a busy computer. */
const ROUNDS = 16;

describe('a server that is killed while it saves, again and again', () => {
  let simulator: Simulator | undefined;
  afterEach(() => simulator?.stop());

  it('always leaves a whole file, the old one or the new one', async () => {
    simulator = await startSimulator();
    await mkdir(path.dirname(file));
    await chmod(path.dirname(file), 0o755);
    for (let round = 0; round < ROUNDS; round += 1) {
      const server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, METRICS_FILE_PATH: file });
      const client = new Client(server.baseUrl);
      // Several saves in a row, so that the kill hits one at some point.
      const saving = Array.from({ length: 20 }, () =>
        client.request('/api/metrics/save', { method: 'POST' }).catch(() => undefined),
      );
      await Promise.race(saving);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
      await server.kill();
      await Promise.all(saving);
      const content = JSON.parse(await readFile(file, 'utf8'));
      expect(content).toMatchObject({ application: 'comfyui-express-middleware', version: 1 });
      expect((await readdir(path.dirname(file))).filter((name) => name.includes('unreadable'))).toEqual([]);
    }
  }, 240_000);
});
