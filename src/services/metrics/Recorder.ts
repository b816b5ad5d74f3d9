import { v4 as uuid } from 'uuid';
import { z } from 'zod';
import type { Clock } from '../../utils/clock.js';
import { ownText } from '../../utils/ownText.js';
import { assignmentOf, type FinishedJob, processingDuration } from '../jobs/Job.js';
import { DurationHistogram, histogramState } from './DurationHistogram.js';
import { JobTally, tallyState } from './JobTally.js';
import { NodeTally, nodeTallyState } from './NodeTally.js';
import { TimeWindows, type WindowSum, windowsState } from './TimeWindows.js';

const recentError = z.object({
  /** Epoch ms. */
  time: z.number(),
  category: z.string(),
  instance: z.string().nullable(),
  jobId: z.string(),
  jobType: z.string(),
  /** Name of the key that owns the job. Missing without keys, and in files of older versions. */
  owner: z.string().optional(),
  message: z.string(),
});

export type RecentError = z.output<typeof recentError>;

/** Format of the recorder in the metrics file. */
export const recorderState = z.object({
  /** Id of these metrics; it is kept over restarts. Missing in files of older versions. */
  id: z.string().optional(),
  /** Of all earlier processes, ms. */
  uptimeMs: z.number().nonnegative(),
  firstStart: z.number(),
  all: tallyState,
  byType: z.record(z.string(), tallyState),
  byInstance: z.record(z.string(), tallyState),
  waiting: histogramState,
  /** Missing in files of older versions. */
  nodes: nodeTallyState.default({}),
  windows: windowsState,
  lastByCategory: z.record(z.string(), z.number()),
  recentErrors: z.array(recentError),
});

export type RecorderState = z.output<typeof recorderState>;

const RECENT_ERRORS = 50;
const MAX_MESSAGE_LENGTH = 500;
const NO_JOBS = new JobTally();

/** Records each job once when it ends. Its memory does not grow with the number of jobs. */
export class Recorder {
  /** Unique among the servers, and kept over restarts. */
  id: string = uuid();
  all = new JobTally();
  /** Time from acceptance to the start of the processing that ended a job. */
  waiting = new DurationHistogram();
  /** Of completed jobs. */
  nodes = new NodeTally();
  /** When this process started, epoch ms. */
  startedAt = 0;
  /** Start of the first process whose metrics are included, epoch ms. */
  firstStart = 0;
  /** Newest first. */
  recentErrors: RecentError[] = [];
  readonly byType = new Map<string, JobTally>();
  readonly byInstance = new Map<string, JobTally>();
  /** Time of the latest error by category, epoch ms. */
  readonly lastByCategory = new Map<string, number>();
  readonly #clock: Clock;
  readonly #windows = new TimeWindows();
  #earlierUptimeMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.start();
  }

  /** Counts the running time from now on: before, the clock may have been another one. */
  start(): void {
    this.startedAt = this.#clock.now();
    this.firstStart = this.startedAt;
  }

  /** Total running time of this process and the earlier ones, ms. */
  get totalUptimeMs(): number {
    return this.#earlierUptimeMs + this.#clock.now() - this.startedAt;
  }

  /** Returns the tally of an instance, `host:port`, or an empty one. Read-only. */
  ofInstance(host: string): JobTally {
    return this.byInstance.get(host) ?? NO_JOBS;
  }

  record(job: FinishedJob): void {
    const { type } = job.request;
    const category = job.status === 'failed' ? job.failure.category : undefined;
    const processingMs = processingDuration(job);
    const tallied = { outcome: job.status, type, category, processingMs };
    const assignment = assignmentOf(job);
    this.all.record(tallied);
    tallyOf(this.byType, type).record(tallied);
    if (assignment) tallyOf(this.byInstance, assignment.instance).record(tallied);
    if (job.status === 'cancelled') return;
    if (assignment) this.waiting.record(assignment.processingStartTime - job.createdTime);
    if (job.status === 'completed') this.nodes.record(type, job.result.nodeTimes ?? []);
    this.#windows.record(this.#clock.now(), type, job.status, processingMs ?? 0);
    if (job.status === 'failed') this.#recordError(job);
  }

  /** Returns the jobs that ended in each of the last `minutes` (at most 1440), oldest first. */
  byMinute(minutes: number): ReturnType<TimeWindows['byMinute']> {
    return this.#windows.byMinute(this.#clock.now(), minutes);
  }

  /** Returns the jobs that ended in the last `minutes` (at most 1440), of one type or of all. */
  last(minutes: number, type?: string): WindowSum {
    return this.#windows.last(this.#clock.now(), minutes, type);
  }

  toState(): RecorderState {
    const states = (tallies: ReadonlyMap<string, JobTally>) =>
      Object.fromEntries([...tallies].map(([name, tally]) => [name, tally.toState()]));
    return {
      id: this.id,
      uptimeMs: this.totalUptimeMs,
      firstStart: this.firstStart,
      all: this.all.toState(),
      byType: states(this.byType),
      byInstance: states(this.byInstance),
      waiting: this.waiting.toState(),
      nodes: this.nodes.toState(),
      windows: this.#windows.toState(),
      lastByCategory: Object.fromEntries(this.lastByCategory),
      recentErrors: this.recentErrors,
    };
  }

  /**
   * Continues the metrics of an earlier process. Call it before the first job.
   * @throws Error when a histogram is damaged; the recorder is then unchanged
   */
  restore(state: RecorderState): void {
    const all = JobTally.fromState(state.all);
    const waiting = DurationHistogram.fromState(state.waiting);
    const tallies = (states: RecorderState['byType']) =>
      Object.entries(states).map(([name, tally]) => [name, JobTally.fromState(tally)] as const);
    const [byType, byInstance] = [tallies(state.byType), tallies(state.byInstance)];
    this.id = state.id ?? this.id;
    this.all = all;
    this.waiting = waiting;
    this.nodes = NodeTally.fromState(state.nodes);
    this.recentErrors = state.recentErrors;
    this.firstStart = state.firstStart;
    this.#earlierUptimeMs = state.uptimeMs;
    this.#windows.restore(state.windows);
    for (const [name, tally] of byType) this.byType.set(name, tally);
    for (const [name, tally] of byInstance) this.byInstance.set(name, tally);
    for (const [name, time] of Object.entries(state.lastByCategory)) this.lastByCategory.set(name, time);
  }

  /** Adds the metrics of another recorder. Only read this recorder afterwards. */
  add(other: Recorder): void {
    this.all.add(other.all);
    this.waiting.add(other.waiting);
    this.nodes.add(other.nodes);
    for (const [name, tally] of other.byType) tallyOf(this.byType, name).add(tally);
    for (const [name, tally] of other.byInstance) tallyOf(this.byInstance, name).add(tally);
    this.#windows.add(this.#clock.now(), other.#windows.toState());
    for (const [name, time] of other.lastByCategory) {
      this.lastByCategory.set(name, Math.max(time, this.lastByCategory.get(name) ?? 0));
    }
    const errors = [...this.recentErrors, ...other.recentErrors].sort((a, b) => b.time - a.time);
    this.recentErrors = errors.slice(0, RECENT_ERRORS);
    this.firstStart = Math.min(this.firstStart, other.firstStart);
    this.#earlierUptimeMs = Math.max(this.#earlierUptimeMs, other.totalUptimeMs);
  }

  #recordError(job: Extract<FinishedJob, { status: 'failed' }>): void {
    const { category, message } = job.failure;
    const time = this.#clock.now();
    this.lastByCategory.set(category, time);
    this.recentErrors.unshift({
      time,
      category,
      instance: job.assignment?.instance ?? null,
      jobId: job.id,
      jobType: job.request.type,
      ...(job.request.owner === undefined ? {} : { owner: job.request.owner }),
      message: ownText(message.slice(0, MAX_MESSAGE_LENGTH)),
    });
    this.recentErrors.length = Math.min(this.recentErrors.length, RECENT_ERRORS);
  }
}

function tallyOf(tallies: Map<string, JobTally>, name: string): JobTally {
  let tally = tallies.get(name);
  if (!tally) {
    tally = new JobTally();
    tallies.set(name, tally);
  }
  return tally;
}
