import { z } from 'zod';
import { DurationHistogram, histogramState } from './DurationHistogram.js';

const counts = z.record(z.string(), z.number().nonnegative());

/** Format of a tally in the metrics file. */
export const tallyState = z.object({
  completed: z.number().nonnegative(),
  failed: z.number().nonnegative(),
  cancelled: z.number().nonnegative(),
  byType: counts,
  byCategory: counts,
  durations: histogramState,
});

/** A job that ended, as a tally counts it. */
export interface TalliedJob {
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly type: string;
  /** Failed jobs only. */
  readonly category: string | undefined;
  /** Processing time in ms, if the job was processed. */
  readonly processingMs: number | undefined;
}

/** Counts and durations of jobs: of all, of one type, or of one instance. */
export class JobTally {
  completed = 0;
  failed = 0;
  cancelled = 0;
  /** Completed and failed jobs by type. */
  byType: Record<string, number> = {};
  /** Failed jobs by category. */
  byCategory: Record<string, number> = {};
  /** Processing times of completed jobs. */
  durations = new DurationHistogram();

  record({ outcome, type, category, processingMs }: TalliedJob): void {
    this[outcome] += 1;
    if (outcome === 'cancelled') return;
    this.byType[type] = (this.byType[type] ?? 0) + 1;
    if (category !== undefined) this.byCategory[category] = (this.byCategory[category] ?? 0) + 1;
    if (outcome === 'completed' && processingMs !== undefined) this.durations.record(processingMs);
  }

  /** Adds the counts of another tally. */
  add(other: JobTally): void {
    this.completed += other.completed;
    this.failed += other.failed;
    this.cancelled += other.cancelled;
    addCounts(this.byType, other.byType);
    addCounts(this.byCategory, other.byCategory);
    this.durations.add(other.durations);
  }

  /** Completed and failed jobs. A cancelled job is neither a success nor a failure. */
  get processed(): number {
    return this.completed + this.failed;
  }

  /** 0..1; null if no job was processed. */
  get successRate(): number | null {
    return this.processed === 0 ? null : this.completed / this.processed;
  }

  /** 0..1; null if no job was processed. */
  get failureRate(): number | null {
    return this.processed === 0 ? null : this.failed / this.processed;
  }

  /** The category of most failures; null if no job failed. */
  get mostCommonError(): string | null {
    const [most] = Object.entries(this.byCategory).sort((a, b) => b[1] - a[1]);
    return most?.[0] ?? null;
  }

  toState(): z.output<typeof tallyState> {
    const { completed, failed, cancelled, byType, byCategory } = this;
    return { completed, failed, cancelled, byType, byCategory, durations: this.durations.toState() };
  }

  static fromState(state: z.output<typeof tallyState>): JobTally {
    const { durations, ...counted } = state;
    return Object.assign(new JobTally(), counted, { durations: DurationHistogram.fromState(durations) });
  }
}

function addCounts(counts: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + count;
}
