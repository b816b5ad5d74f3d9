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
/** Counts and durations of some jobs: all of them, those of one type, or those of one instance. */
export class JobTally {
    completed = 0;
    failed = 0;
    cancelled = 0;
    /** Completed and failed ones, by type. */
    byType = {};
    /** Failed ones, by category. */
    byCategory = {};
    /** Processing times of completed ones. */
    durations = new DurationHistogram();
    record({ outcome, type, category, processingMs }) {
        this[outcome] += 1;
        if (outcome === 'cancelled')
            return;
        this.byType[type] = (this.byType[type] ?? 0) + 1;
        if (category !== undefined)
            this.byCategory[category] = (this.byCategory[category] ?? 0) + 1;
        if (outcome === 'completed' && processingMs !== undefined)
            this.durations.record(processingMs);
    }
    /** Completed and failed: a cancelled job is neither success nor failure. */
    get processed() {
        return this.completed + this.failed;
    }
    /** 0..1; null when nothing was processed. */
    get successRate() {
        return this.processed === 0 ? null : this.completed / this.processed;
    }
    /** 0..1; null when nothing was processed. */
    get failureRate() {
        return this.processed === 0 ? null : this.failed / this.processed;
    }
    /** The category of most failures, null when there was none. */
    get mostCommonError() {
        const [most] = Object.entries(this.byCategory).sort((a, b) => b[1] - a[1]);
        return most?.[0] ?? null;
    }
    toState() {
        const { completed, failed, cancelled, byType, byCategory } = this;
        return { completed, failed, cancelled, byType, byCategory, durations: this.durations.toState() };
    }
    static fromState(state) {
        const { durations, ...counted } = state;
        return Object.assign(new JobTally(), counted, { durations: DurationHistogram.fromState(durations) });
    }
}
//# sourceMappingURL=JobTally.js.map