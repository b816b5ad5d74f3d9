import { z } from 'zod';
import { jobInfo } from '../../src/schemas/jobs.js';
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
}

/** Runs a scenario on simulated machines over real sockets, with the server in between. All jobs take the same time. */
export class LiveFleet {
  readonly #stack: Stack;
  readonly #scenario: Scenario;
  #sent = 0;

  private constructor(stack: Stack, scenario: Scenario) {
    this.#stack = stack;
    this.#scenario = scenario;
  }

  /** Runs a scenario to its end. Times count from the arrival of the last batch of jobs. */
  static async run(scenario: Scenario): Promise<Run> {
    const [first] = [...scenario.jobs, ...(scenario.chain ?? [])];
    const workMs = first?.workMs ?? 0;
    const stack = await Stack.start({
      simulators: scenario.machines.map((machine) => ({
        workMs: Object.fromEntries(WORKING_NODES.map((name) => [name, workMs / machine.speedAt(0)])),
        loadMs: scenario.switchMs,
      })),
      env: { MAX_JOBS_PER_INSTANCE: String(scenario.slots), MAX_CONCURRENT_JOBS: '1000' },
      overrides: { workflows: modelWorkflows(), otherUsers: { lookMs: 100 } },
    });
    try {
      return await new LiveFleet(stack, scenario).#run();
    } finally {
      await stack.stop();
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
    const loads = this.#stack.simulators.reduce((sum, { modelLoads }) => sum + modelLoads.length, 0);
    return { finished, expired: [], makespanMs, switches: loads };
  }

  /** The prompts of other users exist before the first job, and the server knows them. */
  async #addOthers(): Promise<void> {
    const { balancer } = this.#stack.services;
    for (const [at, { others }] of this.#scenario.machines.entries()) {
      if (!others) continue;
      this.#stack.simulator(at).addStrangers(others.prompts, others.ms / 1000);
      await eventually(() => {
        if (balancer.views()[at]?.others !== others.prompts) throw new Error('others are not seen');
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
    this.#sent += 1;
    const response = await this.#stack.client.request(`/api/async/${job.workflow}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ inputs: { colour: this.#sent } }),
    });
    return { job, sentAt, id: accepted.parse(await response.json()).job_id };
  }

  async #ended({ job, id, sentAt }: Sent, since: number): Promise<Run['finished'][number]> {
    const { client, simulators } = this.#stack;
    await client.finished(id);
    const { status, completedTime, comfyuiInstance } = await client.json(`/api/jobs/${id}/info`, jobInfo);
    if (completedTime === undefined) throw new Error(`job ${job.id} ended as ${status}`);
    const at = simulators.findIndex(({ host }) => host === comfyuiInstance);
    const machine = this.#scenario.machines[at]?.id ?? '';
    return { job, machine, givenAt: sentAt - since, endedAt: completedTime - since };
  }
}
