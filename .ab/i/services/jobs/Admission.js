import { AppError } from '../../errors.js';
/** A server that shuts down is usually back, or replaced, within this many seconds. */
export const RESTART_SECONDS = 10;
/** Decides whether another job may come in, and when one that may not should be sent again. */
export class Admission {
    #manager;
    #estimates;
    #slots;
    #limits;
    /** Jobs that were let in and are not in the queue yet. */
    #onTheirWay = { jobs: 0, bytes: 0 };
    /** Jobs that were refused since the last one was let in: they will be back before the next one. */
    #refused = 0;
    /** @param slots jobs that can be processed at the same time, at present */
    constructor(parts, limits) {
        this.#manager = parts.manager;
        this.#estimates = parts.estimates;
        this.#slots = parts.slots;
        this.#limits = limits;
    }
    /** How full the queue is, 0..1, by number or by bytes, whichever is nearer to its limit. */
    get queueUsage() {
        const { maxQueueSize, maxQueueBytes } = this.#limits;
        const { queue } = this.#manager;
        return Math.max(queue.size / maxQueueSize, queue.bytes / maxQueueBytes);
    }
    /**
     * Whether a job with an upload of `bytes` could come in now.
     * @throws AppError `SHUTTING_DOWN` or `QUEUE_FULL`, with the seconds after which to try again
     */
    check(bytes) {
        const { queue, isDraining } = this.#manager;
        if (isDraining) {
            const retryAfterSeconds = RESTART_SECONDS;
            throw new AppError('SHUTTING_DOWN', 'The server is shutting down.', { retryAfterSeconds });
        }
        const { maxQueueSize, maxQueueBytes } = this.#limits;
        const { jobs, bytes: bytesOnTheirWay } = this.#onTheirWay;
        if (queue.size + jobs < maxQueueSize && queue.bytes + bytesOnTheirWay + bytes <= maxQueueBytes)
            return;
        throw new AppError('QUEUE_FULL', 'The queue is full.', {
            retryAfterSeconds: this.retryAfterSeconds(),
            details: { pending_jobs: queue.size, max_queue_size: maxQueueSize },
        });
    }
    /**
     * Lets one job in while `create` puts it into the queue: however many come at once, no more than fit.
     * @throws AppError as `check`
     */
    async admit(bytes, create) {
        this.check(bytes);
        this.#refused = 0;
        this.#onTheirWay.jobs += 1;
        this.#onTheirWay.bytes += bytes;
        try {
            return await create();
        }
        finally {
            this.#onTheirWay.jobs -= 1;
            this.#onTheirWay.bytes -= bytes;
        }
    }
    /**
     * Seconds until a place is likely free for the client that is refused now: from how long jobs took lately, how
     * many run side by side, and how many others were sent away before it.
     */
    retryAfterSeconds() {
        this.#refused += 1;
        const msForOnePlace = this.#estimates.averageMs / this.#slots();
        const places = Math.min(this.#refused, this.#manager.queue.size + 1);
        return Math.max(1, Math.ceil((msForOnePlace * places) / 1000));
    }
}
//# sourceMappingURL=Admission.js.map