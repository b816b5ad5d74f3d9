import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { SimulatorProcess } from '../support/fleet.js';
import { ServerProcess } from '../support/process.js';

const ENV = {
  HEALTH_CHECK_TIMEOUT: '1000',
  HEALTH_CHECK_INTERVAL: '1000',
  BREAKER_RESET_TIMEOUT: '500',
  BREAKER_MAX_RESET_TIMEOUT: '1000',
  JOB_TIMEOUT: '6000',
  MAX_CONCURRENT_JOBS: '8',
};

/** Size of a machine's result cache: small enough to evict results, large enough to reuse some of earlier jobs. */
const CACHE_SIZE = '60';

/** Machines that share their folders, and a server that is killed and restarted with its stored state. */
export class SharedFleet {
  readonly machines: readonly SimulatorProcess[];
  readonly client: Client;
  /** All processes of the server; the last one is running. */
  readonly servers: ServerProcess[];
  /** Increases when the server is killed: jobs submitted before are lost. */
  generation = 0;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #up: Promise<unknown> = Promise.resolve();

  private constructor(
    machines: readonly SimulatorProcess[],
    server: ServerProcess,
    folder: string,
    env: Readonly<Record<string, string>>,
  ) {
    this.machines = machines;
    this.servers = [server];
    this.client = new Client(server.baseUrl);
    this.#folder = folder;
    this.#env = { ...env, PORT: new URL(server.baseUrl).port };
  }

  static async start(count: number): Promise<SharedFleet> {
    const folder = mkdtempSync(path.join(tmpdir(), 'shared-'));
    const shared = path.join(folder, 'comfyui');
    const args = ['--work', '30', '--folder', shared, '--cache-size', CACHE_SIZE];
    const machines = await Promise.all(Array.from({ length: count }, () => SimulatorProcess.start(args)));
    const env = {
      ...ENV,
      COMFYUI_HOST: machines.map(({ host }) => host).join(','),
      STATE_DIR: path.join(folder, 'state'),
    };
    return new SharedFleet(machines, await ServerProcess.start(env), folder, env);
  }

  /** Sends SIGKILL and starts the server again in the same place. */
  async restartServer(): Promise<void> {
    this.generation += 1;
    this.#up = this.#restart();
    await this.#up;
  }

  /** Resolves when no server start is in progress. */
  async whenUp(): Promise<void> {
    await this.#up;
  }

  /** Log lines of all processes. */
  log(message: RegExp): Array<Record<string, unknown>> {
    return this.servers.flatMap((server) => server.lines().filter((line) => message.test(line.message)));
  }

  /** Names of the files in a shared folder. */
  files(type: 'temp' | 'output'): string[] {
    try {
      return readdirSync(path.join(this.#folder, 'comfyui', type));
    } catch {
      return [];
    }
  }

  delete(type: 'temp' | 'output', name: string): void {
    rmSync(path.join(this.#folder, 'comfyui', type, name), { force: true });
  }

  /** Number of state files that killed servers left and that are not cleaned up yet. */
  predecessors(): number {
    return readdirSync(path.join(this.#folder, 'state')).filter((name) => name.endsWith('.json')).length - 1;
  }

  /** Ends all faults and waits until no machine has a prompt left, and nothing of killed servers remains. */
  async settle(): Promise<void> {
    for (const machine of this.machines) await machine.behave();
    for (const id of this.machines.keys()) {
      await this.client.request(`/api/circuit-breakers/instance-${id + 1}/close`, { method: 'POST' });
    }
    await eventually(async () => {
      const states = await Promise.all(this.machines.map((machine) => machine.state()));
      const queued = states.map(({ queue }) => queue);
      const left = { queued, predecessors: this.predecessors() };
      if ([...queued, left.predecessors].some((count) => count > 0)) {
        throw new Error(`left over: ${JSON.stringify(left)}`);
      }
    }, 60_000);
  }

  /** Ids of the prompts that machines started to run, in order. */
  async executions(): Promise<string[]> {
    const states = await Promise.all(this.machines.map((machine) => machine.state()));
    return states.flatMap(({ executions }) => executions);
  }

  async stop(): Promise<void> {
    await this.servers.at(-1)?.kill();
    await Promise.all(this.machines.map((machine) => machine.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #restart(): Promise<void> {
    await this.servers.at(-1)?.kill();
    this.servers.push(await ServerProcess.start(this.#env));
  }
}
