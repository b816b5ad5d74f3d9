import { movingAverage } from '../../utils/figures.js';
import { ESTIMATE_SECONDS } from '../../workflows/files/fileWorkflow.js';
import { GRAPH_TYPE } from '../../workflows/graphNeeds.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import { type FinishedJob, processingDuration } from './Job.js';
import type { QueuePace } from './QueuePace.js';

/** Number of finished jobs of a type before its average is used. */
const ENOUGH = 3;

type Pace = Pick<QueuePace, 'msPerJob' | 'parallel'>;

/** Estimated duration of a job of each type: a moving average of the measured durations, at first the declared duration. */
export class DurationEstimates {
  readonly #workflows: WorkflowCatalogue;
  readonly #measured = new Map<string, { count: number; averageMs: number }>();
  #averageMs: number | undefined;

  constructor(workflows: WorkflowCatalogue) {
    this.#workflows = workflows;
  }

  /** Learns from a completed job; other ends say nothing about the duration. */
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

  /** Expected processing time of a job of this type, ms. */
  processingMs(type: string): number {
    const measured = this.#measured.get(type);
    if (measured && measured.count >= ENOUGH) return measured.averageMs;
    const declared = this.#workflows.get(type)?.estimateSeconds;
    return 1000 * (declared ?? (type === GRAPH_TYPE ? ESTIMATE_SECONDS : 0));
  }

  /** Average processing time of recent jobs of any type, ms. */
  get averageMs(): number {
    if (this.#averageMs !== undefined) return this.#averageMs;
    const declared = this.#workflows.all();
    const seconds = declared.reduce((sum, { estimateSeconds }) => sum + estimateSeconds, 0);
    return (1000 * seconds) / Math.max(1, declared.length);
  }

  /**
   * Milliseconds until a pending job is done: the rounds before it, then its own. For a job that the scheduler does not
   * know yet. @param position from 1
   */
  pendingMs(type: string, position: number, { msPerJob, parallel }: Pace): number {
    const own = this.processingMs(type);
    const roundMs = msPerJob === undefined ? own : msPerJob * parallel;
    return Math.floor(Math.max(0, position - 1) / parallel) * roundMs + own;
  }
}
