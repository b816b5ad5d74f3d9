import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { eventually } from './eventually.js';
import { freePort } from './freePort.js';

const PROMETHEUS = process.env['PROMETHEUS'] ?? 'prometheus';
const PROMTOOL = process.env['PROMTOOL'] ?? 'promtool';

/** @throws Error if Prometheus is required but not installed */
export function requirePrometheus(): boolean {
  const isThere = [PROMETHEUS, PROMTOOL].every((program) => spawnSync(program, ['--version']).status === 0);
  if (isThere) return true;
  if (process.env['CI'])
    throw new Error('No prometheus: install it (apt-get install prometheus) or set PROMETHEUS and PROMTOOL.');
  process.stderr.write(
    '\nNOTICE: no prometheus here, the tests of metrics and alerts do NOT run. Install prometheus or set PROMETHEUS and PROMTOOL.\n\n',
  );
  return false;
}

/** Runs promtool. @returns its output, and whether it succeeded */
export async function promtool(
  args: readonly string[],
  { input = '', folder }: { input?: string; folder?: string } = {},
): Promise<{ isOk: boolean; output: string }> {
  const child = spawn(PROMTOOL, args, { cwd: folder });
  const closed = once(child, 'close');
  child.stdin.end(input);
  const output = await Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
  const [code] = await closed;
  return { isOk: code === 0, output: output.flat().join('') };
}

const answer = z.object({ status: z.literal('success'), data: z.unknown() });
const alerts = z.object({
  alerts: z.array(
    z.object({
      labels: z.record(z.string(), z.string()),
      annotations: z.record(z.string(), z.string()),
      state: z.enum(['pending', 'firing']),
    }),
  ),
});
const vector = z.object({
  result: z.array(
    z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
  ),
});

export type Alert = z.output<typeof alerts>['alerts'][number];

/** A Prometheus server for one test, on 127.0.0.1. */
export class PrometheusServer {
  readonly #baseUrl: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, folder: string) {
    this.#baseUrl = `http://127.0.0.1:${port}`;
    this.#folder = folder;
    this.#process = spawn(
      PROMETHEUS,
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
  }

  /** @param files by name; one of them is `prometheus.yml` */
  static async start(files: Readonly<Record<string, string>>): Promise<PrometheusServer> {
    const folder = mkdtempSync(path.join(tmpdir(), 'prometheus-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
    const server = new PrometheusServer(await freePort(), folder);
    await eventually(async () => {
      const response = await fetch(`${server.#baseUrl}/-/ready`);
      if (!response.ok) throw new Error(`not ready: ${response.status}`);
    });
    return server;
  }

  /** The folder of its configuration files. */
  get folder(): string {
    return this.#folder;
  }

  /** The pending and firing alerts. */
  async alerts(): Promise<readonly Alert[]> {
    return alerts.parse(await this.#get('/api/v1/alerts')).alerts;
  }

  /** The current result of a query. @throws Error if Prometheus rejects the query */
  async query(promql: string): Promise<z.output<typeof vector>['result']> {
    return vector.parse(await this.#get(`/api/v1/query?query=${encodeURIComponent(promql)}`)).result;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #get(url: string): Promise<unknown> {
    const response = await fetch(this.#baseUrl + url);
    const text = await response.text();
    if (!response.ok) throw new Error(`Prometheus answered ${response.status}: ${text}`);
    return answer.parse(JSON.parse(text)).data;
  }
}
