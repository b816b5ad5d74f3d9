import { readdirSync } from 'node:fs';
import { z } from 'zod';
import { Child } from '../../src/demo/children.js';
import { healthAnswer } from '../../src/schemas/status.js';
import type { Trap } from '../../src/simulator/mischief.js';
import { Client } from './client.js';
import { eventually } from './eventually.js';
import { ServerProcess, type Setting } from './process.js';

const CLI = new URL('../../dist/simulator.bundle.js', import.meta.url);

const stateSchema = z.object({
  running: z.boolean(),
  sprung: z.object({ name: z.string(), time: z.number() }).nullable(),
  prompts: z.number(),
  /** Ids of the prompts that started to run, without those of other clients. A prompt that ran twice occurs twice. */
  executions: z.array(z.string()),
  /** The same with the time (epoch ms) and a hash of the input files. */
  runs: z.array(z.object({ id: z.string(), at: z.number(), files: z.string() })),
  /** Ids of the prompts on the machine when it was killed. */
  lost: z.array(z.string()),
  strangers: z.number(),
  queue: z.number(),
  history: z.number(),
});

/** A simulated ComfyUI as a separate process, and the port that controls its faults. */
export class SimulatorProcess {
  readonly host: string;
  readonly #child: Child;
  readonly #control: string;

  private constructor(child: Child, host: string, control: string) {
    this.#child = child;
    this.host = host;
    this.#control = `http://${control}/`;
  }

  static async start(args: readonly string[]): Promise<SimulatorProcess> {
    const child = new Child('simulator', CLI, ['--port', '0', '--control', '0', ...args], {});
    const host = await child.says(/listens on (\S+)/);
    return new SimulatorProcess(child, host, await child.says(/Controlled on (\S+)/));
  }

  /** Starts a fault, or sets a trap for it. */
  misbehave(mischief: Partial<Trap> & Pick<Trap, 'name'>): Promise<void> {
    return this.#tell('POST', JSON.stringify(mischief));
  }

  /** Ends all faults. */
  behave(): Promise<void> {
    return this.#tell('DELETE');
  }

  /** Sets the time of every model node, in milliseconds. */
  setWork(ms: number): Promise<void> {
    return this.#tell('PUT', JSON.stringify({ workMs: ms }));
  }

  /** Starts or ends a prompt of another client that runs until it is released. */
  occupy(isOccupied: boolean): Promise<void> {
    return this.#tell('PUT', JSON.stringify({ isOccupied }));
  }

  async state(): Promise<z.output<typeof stateSchema>> {
    return stateSchema.parse(await (await fetch(this.#control)).json());
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  async #tell(method: string, body?: string): Promise<void> {
    const response = await fetch(this.#control, { method, ...(body === undefined ? {} : { body }) });
    if (!response.ok) throw new Error(`${method} ${body}: ${await response.text()}`);
    await response.arrayBuffer();
  }
}

/** The built server and simulated machines, each in a separate process. */
export class Fleet {
  readonly server: ServerProcess;
  readonly simulators: readonly SimulatorProcess[];
  readonly client: Client;

  private constructor(server: ServerProcess, simulators: readonly SimulatorProcess[]) {
    this.server = server;
    this.simulators = simulators;
    this.client = new Client(server.baseUrl);
  }

  static async start(
    count: number,
    env: Readonly<Record<string, string>>,
    simulatorArgs: readonly string[] = [],
    setting: Setting = {},
  ): Promise<Fleet> {
    const simulators = await Promise.all(
      Array.from({ length: count }, () => SimulatorProcess.start(simulatorArgs)),
    );
    const COMFYUI_HOST = simulators.map(({ host }) => host).join(',');
    return new Fleet(await ServerProcess.start({ COMFYUI_HOST, ...env }, setting), simulators);
  }

  async health(): Promise<z.output<typeof healthAnswer>> {
    const response = await this.client.request('/health');
    return healthAnswer.parse(await response.json());
  }

  /** Sets whether a machine gets new jobs. */
  async setState(host: string, state: 'active' | 'draining'): Promise<void> {
    const index = this.simulators.findIndex((simulator) => simulator.host === host);
    const response = await this.client.request(`/api/instances/instance-${index + 1}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ state }),
    });
    if (!response.ok) throw new Error(`${host}: ${await response.text()}`);
  }

  /** Ends all faults and waits until every machine is in service and idle, without prompts of this server. */
  async calm(): Promise<void> {
    await Promise.all(this.simulators.map((simulator) => simulator.behave()));
    for (const { host } of this.simulators) await this.setState(host, 'active');
    for (const id of this.simulators.keys()) {
      await this.client.request(`/api/circuit-breakers/instance-${id + 1}/close`, { method: 'POST' });
    }
    await eventually(async () => {
      const { comfyui_instances, job_processing, connections } = await this.health();
      const inUse = Object.values(connections).map(({ in_use }) => in_use);
      const { healthy, total } = comfyui_instances;
      const { active_jobs, pending_jobs } = job_processing;
      const states = await Promise.all(this.simulators.map((simulator) => simulator.state()));
      const queued = states.map(({ queue }) => queue);
      const left = { unhealthy: total - healthy, active_jobs, pending_jobs, inUse, queued };
      const isCalm = [left.unhealthy, active_jobs, pending_jobs, ...inUse, ...queued].every((n) => n === 0);
      if (!isCalm) throw new Error(`not calm: ${JSON.stringify(left)}`);
    }, 30_000);
  }

  /** Number of file descriptors of the server: sockets and files. 0 if the system does not report it. */
  openDescriptors(): number {
    try {
      return readdirSync(`/proc/${this.server.child.pid}/fd`).length;
    } catch {
      return 0;
    }
  }

  async stop(): Promise<void> {
    await this.server.kill();
    await Promise.all(this.simulators.map((simulator) => simulator.stop()));
  }
}
