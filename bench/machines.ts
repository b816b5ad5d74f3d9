import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Child } from '../src/demo/children.js';
import { SimulatorProcess } from '../test/support/fleet.js';

const dist = (file: string) => new URL(`../dist/${file}`, import.meta.url);

export const JOBS_PER_MACHINE = 8;

/** A machine that has not finished anything by the end of the benchmark. */
export const FOR_EVER_MS = 3_600_000;
/** Nothing expires, and nobody waits for jobs that run when all is measured. */
export const UNTIL_STOPPED = { JOB_CLEANUP_INTERVAL: String(FOR_EVER_MS), SHUTDOWN_TIMEOUT: '100' };

/** As `npm start` and the container start it: see the performance guide. */
const NODE_ARGS = ['--v8-pool-size=1', '--heap-growing-percent=100', '--expose-gc'];

/** Limits that are for people and not for benchmarks; said in the table. */
const RAISED = {
  MAX_JOBS_PER_INSTANCE: String(JOBS_PER_MACHINE),
  MAX_CONCURRENT_JOBS: '16',
  MAX_QUEUE_SIZE: '200000',
  MAX_QUEUE_MEMORY: String(8 * 1024 ** 3),
  MAX_RESULT_MEMORY: String(8 * 1024 ** 3),
  MAX_UPLOAD_MEMORY: String(8 * 1024 ** 3),
  MAX_OPEN_REQUESTS_PER_CLIENT: '100000',
};

/** Simulated machines and the server, each a process of its own. */
export class Machines {
  /** `host:port` of each. */
  readonly simulators: readonly string[];
  readonly server: string;
  readonly pid: number;
  readonly #machines: readonly SimulatorProcess[];
  readonly #process: Child;

  private constructor(machines: readonly SimulatorProcess[], server: string, process: Child) {
    this.simulators = machines.map(({ host }) => host);
    this.server = server;
    this.pid = process.pid;
    this.#machines = machines;
    this.#process = process;
  }

  /**
   * @param workMs milliseconds of model work, a machine an entry
   * @param nodeArgs arguments of Node itself, for the server
   * @param pngCost share of ComfyUI's time for reading and writing images that the machines take
   */
  static async start(
    workMs: readonly number[],
    env: Readonly<Record<string, string>> = {},
    nodeArgs: readonly string[] = [],
    pngCost = 0,
  ): Promise<Machines> {
    const machines = await Promise.all(
      workMs.map((ms) =>
        SimulatorProcess.start(['--echo', '--work', String(ms), '--png-cost', String(pngCost)]),
      ),
    );
    const hosts = machines.map(({ host }) => host).join(',');
    const server = startServer({ COMFYUI_HOST: hosts, ...RAISED, ...env }, nodeArgs);
    const port = await server.says(/"message":"Listening","port":(\d+)/);
    await server.says(/"message":("Instance")/);
    return new Machines(machines, `127.0.0.1:${port}`, server);
  }

  /** A server without machines, once it listens. */
  static async listen(): Promise<Child> {
    const server = startServer({ COMFYUI_HOST: '127.0.0.1:9' });
    await server.says(/"message":"Listening","port":(\d+)/);
    return server;
  }

  /** `host:port` of ComfyUI's own API, where the server has a port for it. */
  async nativeHost(): Promise<string> {
    return `127.0.0.1:${await this.#process.says(/own API","port":(\d+)/)}`;
  }

  /** Lets each machine's model work take `ms` milliseconds from now on. */
  async setWork(ms: number): Promise<void> {
    for (const machine of this.#machines) await machine.setWork(ms);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    for (const machine of this.#machines) await machine.stop();
  }
}

/** It writes its log as it does by default, to the console and to files. */
function startServer(env: Readonly<Record<string, string>>, nodeArgs: readonly string[] = []): Child {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  const own = {
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_DIR: path.join(folder, 'logs'),
    METRICS_FILE_PATH: path.join(folder, 'metrics.json'),
    STATE_DIR: path.join(folder, 'state'),
    ...env,
  };
  return new Child('server', dist('server.js'), [], own, [...NODE_ARGS, ...nodeArgs]);
}
