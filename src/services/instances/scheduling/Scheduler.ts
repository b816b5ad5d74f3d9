import { Decisions } from './Decisions.js';
import type { Client } from './Lane.js';
import { MachineLedger } from './MachineLedger.js';
import { type Execution, SpeedEstimates } from './SpeedEstimates.js';
import type { Assignment, MachineView, Outlook, Prospect, UpdateOfServer, WaitingJob } from './types.js';
import { WaitingJobs } from './WaitingJobs.js';

export interface SchedulerOptions {
  /**
   * Maximum time for which jobs start before an earlier one because of loaded models, fairness or priority, ms. After
   * that, every second start is of the longest skipped job; of each client and priority, one in this time.
   */
  readonly maxPassedOverMs: number;
}

interface Running {
  readonly machine: string;
  readonly client: Client;
  readonly expectedMs: number;
}

/**
 * Decides which waiting job runs on which machine. It does no I/O and has no clock: its owner reports all events with
 * their time (epoch ms).
 * `Decisions` explains how it decides.
 */
export class Scheduler {
  readonly #waiting = new WaitingJobs();
  readonly #speeds: SpeedEstimates;
  readonly #ledger: MachineLedger;
  readonly #decisions: Decisions;
  readonly #running = new Map<string, Running>();
  /** Whether the last started job had been skipped for too long. */
  #wasLate = false;

  /** @param declaredMs expected time of a workflow until one was measured */
  constructor(options: SchedulerOptions, declaredMs: (workflow: string) => number) {
    this.#speeds = new SpeedEstimates(declaredMs);
    this.#ledger = new MachineLedger(this.#speeds);
    const parts = { waiting: this.#waiting, speeds: this.#speeds, ledger: this.#ledger };
    this.#decisions = new Decisions(parts, options.maxPassedOverMs);
  }

  /** Number of waiting jobs that may start. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Returns the number of the waiting jobs by workflow, and their total execution time, ms: on machines of usual speed,
   * with loaded models.
   */
  waitingWork(): Map<string, { count: number; ms: number }> {
    const all = new Map<string, { count: number; ms: number }>();
    for (const { workflow, count } of this.#waiting.counts) {
      const sum = all.get(workflow) ?? { count: 0, ms: 0 };
      sum.count += count;
      sum.ms += count * this.#speeds.usualMs(workflow);
      all.set(workflow, sum);
    }
    return all;
  }

  /** Returns the number of jobs on a machine. */
  jobsOn(machine: string): number {
    return this.#ledger.jobsOn(machine);
  }

  /** Returns when a machine's last job ended, epoch ms; `undefined` while it has jobs, and before its first one. */
  idleSince(machine: string): number | undefined {
    return this.#ledger.idleSince(machine);
  }

  /** The next deadline of a waiting job, epoch ms. */
  get nextDeadline(): number | undefined {
    return this.#waiting.nextDeadline;
  }

  /** Adds a waiting job. Replaces a job with the same id. */
  add(job: WaitingJob): void {
    this.#waiting.add(job);
  }

  /** Sets how many jobs wait in addition to the added ones, by workflow. They count as waiting work, but do not start. */
  setHidden(counts: ReadonlyMap<string, number>): void {
    this.#waiting.hidden = counts;
  }

  /** Removes a waiting job that did not start. */
  remove(id: string): void {
    this.#waiting.remove(id);
  }

  /** Removes and returns a job that can no longer start in time. Call it until it returns `undefined`. */
  takeOverdue(now: number): WaitingJob | undefined {
    const job = this.#waiting.overdue(now);
    if (job) this.#waiting.remove(job.id);
    return job;
  }

  /**
   * Returns the next job and its machine. Changes nothing until `begin` is called.
   * @param machines machines in service, free or not
   * @returns `undefined` if no job can start now
   */
  decide(machines: readonly MachineView[], now: number): Assignment | undefined {
    if (this.size === 0 || !machines.some(({ freeSlots }) => freeSlots > 0)) return undefined;
    return this.#decisions.next(machines, now, this.#wasLate);
  }

  /**
   * Starts a job as decided. Does nothing for a job that is not waiting.
   * @returns the expected time of its execution including loading, ms
   */
  begin({ job: { id, workflow, models }, machine, reason, insteadOf }: Assignment, now: number): number {
    const isLoaded = this.#ledger.loadingOf(models, machine) === 'nothing';
    const runMs = this.#ledger.runTimes(workflow, now)(machine);
    const expectedMs = isLoaded ? runMs : runMs + this.#speeds.loadMs(workflow);
    const isLate = reason === 'skipped for too long';
    const client = this.#waiting.begin(id, { costMs: expectedMs, isLate, now });
    if (!client) return expectedMs;
    this.#ledger.give(machine, { id, workflow, expectedMs }, models, now);
    this.#running.set(id, { machine, client, expectedMs });
    this.#wasLate = isLate;
    if (insteadOf !== undefined) this.#waiting.markPassedOver(insteadOf, now);
    return expectedMs;
  }

  /**
   * Records that a job is no longer on its machine.
   * @param hasCompleted only completed jobs count for the estimates
   * @param executionMs of the execution alone if measured; otherwise it is counted from the end of the previous job
   * @returns what was learned, if anything
   */
  end(id: string, hasCompleted: boolean, now: number, executionMs?: number): Execution | undefined {
    const running = this.#running.get(id);
    if (!running) return undefined;
    this.#running.delete(id);
    const { machine, client, expectedMs } = running;
    client.running -= 1;
    const ended = this.#ledger.end(machine, id, now, executionMs);
    if (ended && !hasCompleted && ended.job.loading !== 'nothing') this.#ledger.doubtLoaded(machine);
    if (ended?.ms === undefined) return undefined;
    this.#waiting.charge(client, ended.ms - expectedMs);
    if (!hasCompleted) return undefined;
    const { workflow, loading } = ended.job;
    const execution = { workflow, machine, ms: ended.ms, loading };
    this.#speeds.learn(execution, now);
    return execution;
  }

  /**
   * Records that a running job continues on another machine, which has its prompt.
   * @returns the time that was expected for it, ms
   */
  move(id: string, machine: string, now: number): number {
    const running = this.#running.get(id);
    const ended = running && this.#ledger.end(running.machine, id, now);
    if (!ended) return 0;
    const { expectedMs } = running;
    const { workflow, loading } = ended.job;
    // It loaded nothing there.
    if (loading !== 'nothing') this.#ledger.doubtLoaded(running.machine);
    this.#ledger.give(machine, { id, workflow, expectedMs }, [], now);
    this.#running.set(id, { ...running, machine });
    return expectedMs;
  }

  /** Learns from another server that gives jobs to the same machine. */
  hear({ machine, loaded, started, ended, execution }: UpdateOfServer, now: number): void {
    if (loaded) this.#ledger.load(machine, loaded, now);
    if (execution) this.#speeds.learn({ ...execution, machine }, now);
    if (started) {
      this.#ledger.giveElsewhere(machine, started.job, started, now);
      const { job, client, expectedMs, isLate = false } = started;
      this.#waiting.beganElsewhere(job, client, { costMs: expectedMs, isLate, now });
    }
    const job = ended === undefined ? undefined : this.#ledger.endElsewhere(machine, ended, now);
    if (job && execution) this.#waiting.chargeClient(job.client, execution.ms - job.expectedMs);
  }

  /** Returns the models that a machine's last jobs loaded, and the ms of one execution by workflow. */
  knowledgeOf(machine: string): { loaded: readonly string[]; msByWorkflow: ReadonlyMap<string, number> } {
    return { loaded: this.#ledger.loadedOn(machine), msByWorkflow: this.#speeds.measuredOn(machine) };
  }

  /** Forgets a machine that came back after a fault or a restart: it is treated as new, so that it gets jobs. */
  forgetMachine(machine: string): void {
    this.#speeds.forget(machine);
    this.#ledger.forgetLoaded(machine);
  }

  /**
   * Returns why a job waits, and its prospect; `undefined` if it is not waiting.
   * @param prospects returns what `prospects` returned a short time ago; called only for a job that can run
   */
  outlook(
    id: string,
    machines: readonly MachineView[],
    now: number,
    prospects: () => ReadonlyMap<string, Prospect>,
  ): Outlook | undefined {
    return this.#decisions.outlook(id, machines, now, prospects);
  }

  /** Returns the prospects of all jobs up to a limit, in the order of turns. Takes up to 100 ms with many kinds of jobs. */
  prospects(machines: readonly MachineView[], now: number): ReadonlyMap<string, Prospect> {
    return this.#decisions.prospects(machines, now);
  }
}
