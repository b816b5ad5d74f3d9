import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { Client } from '../support/client.js';
import { SimulatorProcess } from '../support/fleet.js';
import { colourOf, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { Random } from '../support/random.js';

const SHUTDOWN_MS = 3000;
/** Reserve for a busy computer; the point is that the server does not hang. */
const SPARE_MS = 10_000;
const CLIENTS = 6;

const seed = Date.now() % 1_000_000;
let simulators: SimulatorProcess[];
let pictures: Buffer[];
beforeAll(async () => {
  simulators = await Promise.all([1, 2].map(() => SimulatorProcess.start(['--work', '40'])));
  pictures = await Promise.all(Array.from({ length: 40 }, (_, n) => png({ colour: colourOf(n) })));
});
afterAll(() => Promise.all(simulators.map((simulator) => simulator.stop())));

const savedMetrics = z.object({
  metrics: z.object({ all: z.object({ completed: z.number(), failed: z.number() }) }),
});

/** Submits one job after the other until the server accepts no more. @returns ids of the accepted jobs */
async function submitUntilClosed(client: Client, random: Random): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    try {
      const response = await client.post('/api/async/remove-background', random.pick(pictures));
      const body: unknown = await response.json();
      if (response.status === 202) ids.push(asyncAnswer.parse(body).job_id);
      else return ids;
    } catch {
      return ids;
    }
  }
}

describe(`SIGTERM under load (seed ${seed})`, () => {
  it.each(Array.from({ length: 20 }, (_, n) => n))(
    'number %i: every job that was taken is completed or reported, in one line, and the figures are saved',
    async (n) => {
      const random = new Random(seed + n);
      const metricsFile = path.join(await mkdtemp(path.join(tmpdir(), 'shutdown-')), 'metrics.json');
      const server = await ServerProcess.start({
        COMFYUI_HOST: simulators.map(({ host }) => host).join(','),
        SHUTDOWN_TIMEOUT: String(SHUTDOWN_MS),
        METRICS_FILE_PATH: metricsFile,
        MAX_QUEUE_SIZE: '60',
      });
      try {
        const client = new Client(server.baseUrl);
        const load = Array.from({ length: CLIENTS }, () => submitUntilClosed(client, random));
        await new Promise((resolve) => setTimeout(resolve, random.int(20, 400)));
        // Every fourth time the running jobs do not end within their grace period.
        if (n % 4 === 3) for (const one of simulators) await one.misbehave({ name: 'never finishes' });
        const sentAt = performance.now();
        server.child.kill('SIGTERM');
        const taken = (await Promise.all(load)).flat();
        expect(await server.ended()).toBe(0);
        expect(performance.now() - sentAt).toBeLessThan(SHUTDOWN_MS + SPARE_MS);
        const lines = server.lines();
        const completed = lines.filter(({ message }) => message === 'Job completed');
        const reports = lines.filter(({ message }) => message === 'Unfinished jobs at shutdown');
        expect(reports.length).toBeLessThanOrEqual(1);
        const notDone = reports.flatMap((line) => [
          ...(line['interrupted'] as string[]),
          ...(line['pending'] as string[]),
        ]);
        const accounted = [...completed.map(({ jobId }) => String(jobId)), ...notDone];
        // Each exactly once: none is lost, and none is both completed and reported as interrupted.
        expect(accounted.sort()).toEqual([...new Set([...accounted, ...taken])].sort());
        const { all } = savedMetrics.parse(JSON.parse(await readFile(metricsFile, 'utf8'))).metrics;
        const interrupted = reports.flatMap((line) => line['interrupted'] as string[]);
        expect(all).toEqual({ completed: completed.length, failed: interrupted.length });
        expect(lines.at(-1)?.message).toBe('Stopped');
      } finally {
        for (const one of simulators) await one.behave();
        await server.kill();
      }
    },
  );
});
