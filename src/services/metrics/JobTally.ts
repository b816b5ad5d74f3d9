import { z } from 'zod';
import { DurationHistogram, histogramState } from './DurationHistogram.js';

const counts = z.record(z.string(), z.number().nonnegative());

/** A tally as the metrics file keeps it. */
export const tallyState = z.object({
  completed: z.number().nonnegative(),
  failed: z.number().nonnegative(),
  cancelled: z.number().nonnegative(),
  byType: counts,
  byCategory: counts,
  durations: histogramState,
});

/** What a tally is told of a job that ended. */
export interface TalliedJob {
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly type: string;
  /** Of a failed one. */
  readonly category: string | undefined;
  /** Processing time in ms, where there was any. */
  readonly processingMs: number | undefined;
}

/** Counts and durations of some jobs: all of them, those of one type, or those of one instance. */
export class JobTally {
  completed = 0;
  failed = 0;
  cancelled = 0;
  /** Completed and failed ones, by type. */
  byType: Record<string, number> = {};
  /** Failed ones, by category. */
  byCategory: Record<string, number> = {};
  /** Processing times of completed ones. */
  durations = new DurationHistogram();

  record({ outcome, type, category, processingMs }: TalliedJob): void {
    this[outcome] += 1;
    if (outcome === 'cancelled') return;
    this.byType[type] = (this.byType[type] ?? 0) + 1;
    if (category !== undefined) this.byCategory[category] = (this.byCategory[category] ?? 0) + 1;
    if (outcome === 'completed' && processingMs !== undefined) this.durations.record(processingMs);
  }

  /** Takes in the jobs of another one. */
  add(other: JobTally): void {
    this.completed += other.completed;
    this.failed += other.failed;
    this.cancelled += other.cancelled;
    addCounts(this.byType, other.byType);
    addCounts(this.byCategory, other.byCategory);
    this.durations.add(other.durations);
  }

  /** Completed and failed: a cancelled job is neither success nor failure. */
  get processed(): number {
    return this.completed + this.failed;
  }

  /** 0..1; null when nothing was processed. */
  get successRate(): number | null {
    return this.processed === 0 ? null : this.completed / this.processed;
  }

  /** 0..1; null when nothing was processed. */
  get failureRate(): number | null {
    return this.processed === 0 ? null : this.failed / this.processed;
  }

  /** The category of most failures, null when there was none. */
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
