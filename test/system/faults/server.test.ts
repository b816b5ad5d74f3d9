import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { metricsSavedAnswer } from '../../../src/schemas/metrics.js';
import { statusAnswer } from '../../../src/schemas/status.js';
import { eventually } from '../../support/eventually.js';
import { Fleet } from '../../support/fleet.js';
import { colourOf, distance, middle, png } from '../../support/pictures.js';
import type { Setting } from '../../support/process.js';
import { Random } from '../../support/random.js';

const HOUR_MS = 3_600_000;

let fleet: Fleet;
afterEach(() => fleet.stop());

const log = (message: string) => fleet.server.lines().filter((line) => line.message === message);

async function expectJobsToBeDone(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const id = await fleet.client.submit('remove-background', await png({ colour: colourOf(n) }));
    expect(await fleet.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(distance(await middle(await fleet.client.resultImage(id)), colourOf(n))).toBeLessThan(8);
  }
}

describe('a disk that takes nothing', () => {
  const full: Setting = { limit: '-f 0' };

  async function start(setting: Setting, env: Record<string, string>): Promise<string> {
    const folder = await mkdtemp(path.join(tmpdir(), 'disk-'));
    const outputs = path.join(folder, 'outputs');
    const METRICS_FILE_PATH = path.join(folder, 'metrics', 'metrics.json');
    fleet = await Fleet.start(
      2,
      { OUTPUT_FILES: 'true', OUTPUT_DIR: outputs, METRICS_FILE_PATH, METRICS_SAVE_INTERVAL: '200', ...env },
      ['--work', '5'],
      setting,
    );
    return folder;
  }

  async function expectJobsAndComplaints(): Promise<void> {
    await expectJobsToBeDone(2);
    await eventually(() => {
      expect(log('Result could not be written to OUTPUT_DIR')).toHaveLength(2);
      expect(log('Metrics could not be saved').length).toBeGreaterThan(0);
    });
    const refused = await fleet.client.error('/api/metrics/save', 500, { method: 'POST' });
    expect(refused).toMatchObject({ code: 'INTERNAL_ERROR', error: 'The metrics could not be saved.' });
    expect((await fleet.client.json('/status', statusAnswer)).status).toBe('healthy');
  }

  it('since it is full fails no job, is in the log, and leaves no half file', async () => {
    const folder = await start(full, {});
    await expectJobsAndComplaints();
    fleet.server.child.kill('SIGTERM');
    expect(await fleet.server.ended()).toBe(0);
    // While the server runs there is one file, for as long as an attempt to save takes.
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((f) => f.isFile());
    expect(files.map(({ name }) => name)).toEqual([]);
  });

  it('since it is read-only fails no job and is in the log', async () => {
    // A file in place of the folder also stops root, unlike file modes.
    const folder = await mkdtemp(path.join(tmpdir(), 'disk-'));
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    const below = path.join(file, 'below');
    await start({}, { OUTPUT_DIR: below, METRICS_FILE_PATH: path.join(below, 'metrics.json') });
    await expectJobsAndComplaints();
  });
});

describe('a wall clock that jumps by an hour', () => {
  const jumping: Setting = {
    nodeArguments: ['--import', path.resolve(import.meta.dirname, '../../support/jumpingClock.mjs')],
  };

  it.each([
    ['forward', HOUR_MS],
    ['back', -HOUR_MS],
  ])('%s ends, expires, holds up and opens nothing, at whatever moment of a job', async (_, jump) => {
    const random = new Random(jump);
    fleet = await Fleet.start(
      2,
      { HEALTH_CHECK_INTERVAL: '200', JOB_TIMEOUT: '20000', SHUTDOWN_TIMEOUT: '5000' },
      ['--work', '100'],
      jumping,
    );
    const kept = await fleet.client.submit('remove-background', await png());
    await fleet.client.finished(kept);
    for (let n = 0; n < 6; n += 1) {
      const colour = colourOf(n);
      const id = await fleet.client.submit('upscale-remove-bg', await png({ colour }));
      // Between the submission and the result: the job takes about 200 ms.
      await new Promise((resolve) => setTimeout(resolve, random.int(0, 240)));
      fleet.server.child.send(n % 2 === 0 ? jump : 0);
      expect(await fleet.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
      expect(distance(await middle(await fleet.client.resultImage(id)), colour)).toBeLessThan(10);
    }
    fleet.server.child.send(jump);
    // Finished before all the jumps, and kept for ten minutes.
    expect((await fleet.client.status(kept)).status).toBe('completed');
    const { status, comfyui_instances, uptime } = await fleet.health();
    expect([status, comfyui_instances.healthy]).toEqual(['healthy', 2]);
    expect(uptime.process_uptime_seconds).toBeLessThan(600);
    expect(log('Circuit breaker opened')).toEqual([]);
    await fleet.client.json('/api/metrics/save', metricsSavedAnswer, { method: 'POST' });
    fleet.server.child.kill('SIGTERM');
    expect(await fleet.server.ended()).toBe(0);
  });
});
