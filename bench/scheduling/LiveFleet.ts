import { z } from 'zod';
import { jobInfo } from '../../src/schemas/jobs.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../../test/support/eventually.js';
import { modelWorkflows, WORKING_NODES } from '../../test/support/modelWorkflows.js';
import { Stack } from '../../test/support/stack.js';
import type { Run, Scenario, SimulatedJob } from './simulate.js';

const accepted = z.object({ job_id: z.uuid() });

/** A submitted job. */
interface Sent {
  readonly job: SimulatedJob;
  readonly id: string;
  readonly sentAt: number;
  /** The server that has accepted it. */
  readonly stack: Stack;
}

/** The servers in front of the machines. */
interface Servers {
  readonly servers: number;
  /** Environment of each server. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs a scenario on simulated machines over real sockets, with servers in between. All jobs take the same time. */
export class LiveFleet {
  readonly #simulators: readonly Simulator[];
  readonly #stacks: readonly Stack[];
  readonly #scenario: Scenario;
  #sent = 0;

  private constructor(simulators: readonly Simulator[], stacks: readonly Stack[], scenario: Scenario) {
    this.#simulators = simulators;
    this.#stacks = stacks;
    this.#scenario = scenario;
  }

  /** Runs a scenario to its end. The servers get jobs in turn. Times count from the arrival of the last batch of jobs. */
  static async run(scenario: Scenario, { servers, env }: Servers = { servers: 1, env: {} }): Promise<Run> {
    const [first] = [...scenario.jobs, ...(scenario.chain ?? [])];
    const workMs = first?.workMs ?? 0;
    const simulators = await Promise.all(
      scenario.machines.map((machine) =>
        startSimulator({
          workMs: Object.fromEntries(WORKING_NODES.map((name) => [name, workMs / machine.speedAt(0)])),
          loadMs: scenario.switchMs,
        }),
      ),
    );
    const stacks = await Promise.all(
      Array.from({ length: servers }, () =>
        Stack.start({
          simulators: [],
          env: {
            COMFYUI_HOST: simulators.map(({ host }) => host).join(','),
            MAX_JOBS_PER_INSTANCE: String(scenario.slots),
            MAX_CONCURRENT_JOBS: '1000',
            ...env,
          },
          overrides: { workflows: modelWorkflows(), otherUsers: { lookMs: 100 } },
        }),
      ),
    );
    try {
      return await new LiveFleet(simulators, stacks, scenario).#run();
    } finally {
      await Promise.all(stacks.map((stack) => stack.stop()));
      await Promise.all(simulators.map((simulator) => simulator.stop()));
    }
  }

  async #run(): Promise<Run> {
    const { jobs, chain = [] } = this.#scenario;
    await this.#addOthers();
    const times = [...new Set([...jobs, ...chain].map(({ arrivesAt }) => arrivesAt))].sort((a, b) => a - b);
    const last = times.pop() ?? 0;
    for (const time of times)
      await this.#together(
        jobs.filter(({ arrivesAt }) => arrivesAt === time),
        0,
      );
    const since = Date.now();
    const finished = await this.#together(
      jobs.filter(({ arrivesAt }) => arrivesAt === last),
      since,
    );
    for (const job of chain) finished.push(await this.#ended(await this.#send(job), since));
    const makespanMs = Math.max(0, ...finished.map(({ endedAt }) => endedAt));
    const loads = this.#simulators.reduce((sum, { modelLoads }) => sum + modelLoads.length, 0);
    return { finished, expired: [], makespanMs, switches: loads };
  }

  /** The prompts of other users exist before the first job, and the server knows them. */
  async #addOthers(): Promise<void> {
    for (const [at, { others }] of this.#scenario.machines.entries()) {
      if (!others) continue;
      this.#simulators[at]?.addStrangers(others.prompts, others.ms / 1000);
      await eventually(() => {
        const areSeen = this.#stacks.every(
          ({ services }) => services.balancer.views()[at]?.others === others.prompts,
        );
        if (!areSeen) throw new Error('others are not seen');
      });
    }
  }

  async #together(jobs: readonly SimulatedJob[], since: number): Promise<Run['finished'][number][]> {
    const sent: Sent[] = [];
    // In the order of the scenario.
    for (const job of jobs) sent.push(await this.#send(job));
    const ended: Run['finished'][number][] = [];
    // One after the other: polling all of them at the same time would load the CPU.
    for (const one of sent) ended.push(await this.#ended(one, since));
    return ended;
  }

  async #send(job: SimulatedJob): Promise<Sent> {
    const sentAt = Date.now();
    const stack = this.#stacks[this.#sent % this.#stacks.length];
    if (!stack) throw new Error('there is no server');
    this.#sent += 1;
    const response = await stack.client.request(`/api/async/${job.workflow}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ inputs: { colour: this.#sent } }),
    });
    return { job, sentAt, stack, id: accepted.parse(await response.json()).job_id };
  }

  async #ended({ job, id, sentAt, stack }: Sent, since: number): Promise<Run['finished'][number]> {
    const { client } = stack;
    await client.finished(id);
    const { status, completedTime, comfyuiInstance } = await client.json(`/api/jobs/${id}/info`, jobInfo);
    if (completedTime === undefined) throw new Error(`job ${job.id} ended as ${status}`);
    const at = this.#simulators.findIndex(({ host }) => host === comfyuiInstance);
    const machine = this.#scenario.machines[at]?.id ?? '';
    return { job, machine, givenAt: sentAt - since, endedAt: completedTime - since };
  }
}
