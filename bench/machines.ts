import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Child } from '../src/demo/children.js';
import { SimulatorProcess } from '../test/support/fleet.js';

const dist = (file: string) => new URL(`../dist/${file}`, import.meta.url);

export const JOBS_PER_MACHINE = 8;

/** Work that does not finish before the end of the benchmark. */
export const FOR_EVER_MS = 3_600_000;
/** Nothing expires, and the shutdown does not wait for running jobs. */
export const UNTIL_STOPPED = { JOB_CLEANUP_INTERVAL: String(FOR_EVER_MS), SHUTDOWN_TIMEOUT: '100' };

/** The same as in `npm start` and the container: see the performance guide. */
const NODE_ARGS = ['--v8-pool-size=1', '--heap-growing-percent=100', '--expose-gc'];

/** Limits that would throttle the benchmark; listed in the table. */
const RAISED = {
  MAX_JOBS_PER_INSTANCE: String(JOBS_PER_MACHINE),
  MAX_CONCURRENT_JOBS: '16',
  MAX_QUEUE_SIZE: '200000',
  MAX_QUEUE_MEMORY: String(8 * 1024 ** 3),
  MAX_RESULT_MEMORY: String(8 * 1024 ** 3),
  MAX_UPLOAD_MEMORY: String(8 * 1024 ** 3),
  MAX_OPEN_REQUESTS_PER_CLIENT: '100000',
};

/** Simulated machines and the server, each in a separate process. */
export class Machines {
  /** `host:port` of each machine. */
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
   * @param workMs milliseconds of model work, one entry per machine
   * @param nodeArgs arguments of Node, for the server
   * @param pngCost share of ComfyUI's time for decoding and encoding images that the machines simulate
   * @param script of the server; that of this build by default
   */
  static async start(
    workMs: readonly number[],
    env: Readonly<Record<string, string>> = {},
    nodeArgs: readonly string[] = [],
    pngCost = 0,
    script?: URL,
  ): Promise<Machines> {
    const machines = await Promise.all(
      workMs.map((ms) =>
        SimulatorProcess.start(['--echo', '--work', String(ms), '--png-cost', String(pngCost)]),
      ),
    );
    const hosts = machines.map(({ host }) => host).join(',');
    const server = startServer({ COMFYUI_HOST: hosts, ...RAISED, ...env }, nodeArgs, script);
    const port = await server.says(/"message":"Listening","port":(\d+)/);
    await server.says(/"message":("Instance")/);
    return new Machines(machines, `127.0.0.1:${port}`, server);
  }

  /** Starts a server without machines; resolves when it listens. */
  static async listen(): Promise<Child> {
    const server = startServer({ COMFYUI_HOST: '127.0.0.1:9' });
    await server.says(/"message":"Listening","port":(\d+)/);
    return server;
  }

  /** `host:port` of ComfyUI's own API, if the server has a port for it. */
  async nativeHost(): Promise<string> {
    return `127.0.0.1:${await this.#process.says(/own API","port":(\d+)/)}`;
  }

  /** Sets the time of each machine's model work, in milliseconds. */
  async setWork(ms: number): Promise<void> {
    for (const machine of this.#machines) await machine.setWork(ms);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    for (const machine of this.#machines) await machine.stop();
  }
}

/** The server writes its log as by default, to the console and to files. */
function startServer(
  env: Readonly<Record<string, string>>,
  nodeArgs: readonly string[] = [],
  script = dist('server.bundle.js'),
): Child {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  const own = {
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_DIR: path.join(folder, 'logs'),
    METRICS_FILE_PATH: path.join(folder, 'metrics.json'),
    STATE_DIR: path.join(folder, 'state'),
    ...env,
  };
  return new Child('server', script, [], own, [...NODE_ARGS, ...nodeArgs]);
}
