import { movingAverage } from '../../utils/figures.js';
import { processingDuration } from './Job.js';
/** Jobs of a type that must have ended before their average is believed. */
const ENOUGH = 3;
/** How long a job of each type takes: a moving average of the measured durations, at first what is declared. */
export class DurationEstimates {
    #declaredMs;
    #measured = new Map();
    #averageMs;
    constructor(workflows) {
        this.#declaredMs = new Map(workflows.map(({ type, estimateSeconds }) => [type, estimateSeconds * 1000]));
    }
    /** Learns from a job that completed; others say nothing about how long one takes. */
    recordJob(job) {
        const durationMs = processingDuration(job);
        if (job.status !== 'completed' || durationMs === undefined)
            return;
        const { type } = job.request;
        this.#averageMs = movingAverage(this.#averageMs, durationMs);
        const before = this.#measured.get(type);
        this.#measured.set(type, {
            count: (before?.count ?? 0) + 1,
            averageMs: movingAverage(before?.averageMs, durationMs),
        });
    }
    /** Milliseconds of processing that a job of this type takes. */
    processingMs(type) {
        const measured = this.#measured.get(type);
        if (measured && measured.count >= ENOUGH)
            return measured.averageMs;
        return this.#declaredMs.get(type) ?? 0;
    }
    /** Milliseconds of processing that a job took lately, whatever its type. */
    get averageMs() {
        const declared = [...this.#declaredMs.values()];
        return this.#averageMs ?? declared.reduce((sum, ms) => sum + ms, 0) / Math.max(1, declared.length);
    }
    /** Milliseconds until a pending job is done: the rounds before it, then its own. `position` counts from 1. */
    pendingMs(type, position, slots) {
        const own = this.processingMs(type);
        return Math.floor(Math.max(0, position - 1) / Math.max(1, slots)) * own + own;
    }
}
//# sourceMappingURL=estimates.js.map