import { movingAverage } from '../../utils/figures.js';
import { ESTIMATE_SECONDS } from '../../workflows/files/fileWorkflow.js';
import { GRAPH_TYPE } from '../../workflows/graphNeeds.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import { type FinishedJob, processingDuration } from './Job.js';

/** Jobs of a type that must have ended before their average is believed. */
const ENOUGH = 3;

/** How long a job of each type takes: a moving average of the measured durations, at first what is declared. */
export class DurationEstimates {
  readonly #workflows: WorkflowCatalogue;
  readonly #measured = new Map<string, { count: number; averageMs: number }>();
  #averageMs: number | undefined;

  constructor(workflows: WorkflowCatalogue) {
    this.#workflows = workflows;
  }

  /** Learns from a job that completed; others say nothing about how long one takes. */
  recordJob(job: FinishedJob): void {
    const durationMs = processingDuration(job);
    if (job.status !== 'completed' || durationMs === undefined) return;
    const { type } = job.request;
    this.#averageMs = movingAverage(this.#averageMs, durationMs);
    const before = this.#measured.get(type);
    this.#measured.set(type, {
      count: (before?.count ?? 0) + 1,
      averageMs: movingAverage(before?.averageMs, durationMs),
    });
  }

  /** Milliseconds of processing that a job of this type takes. */
  processingMs(type: string): number {
    const measured = this.#measured.get(type);
    if (measured && measured.count >= ENOUGH) return measured.averageMs;
    const declared = this.#workflows.get(type)?.estimateSeconds;
    return 1000 * (declared ?? (type === GRAPH_TYPE ? ESTIMATE_SECONDS : 0));
  }

  /** Milliseconds of processing that a job took lately, whatever its type. */
  get averageMs(): number {
    if (this.#averageMs !== undefined) return this.#averageMs;
    const declared = this.#workflows.all();
    const seconds = declared.reduce((sum, { estimateSeconds }) => sum + estimateSeconds, 0);
    return (1000 * seconds) / Math.max(1, declared.length);
  }

  /** Milliseconds until a pending job is done: the rounds before it, then its own. `position` counts from 1. */
  pendingMs(type: string, position: number, slots: number): number {
    const own = this.processingMs(type);
    return Math.floor(Math.max(0, position - 1) / Math.max(1, slots)) * own + own;
  }
}
