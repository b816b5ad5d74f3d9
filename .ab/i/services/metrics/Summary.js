const MINUTE_MS = 60_000;
/** One line a minute in the log, while anything happens. */
export class Summary {
    #parts;
    #logger;
    #timer;
    #before = { completed: 0, failed: 0, cancelled: 0 };
    constructor(parts, logger) {
        this.#parts = parts;
        this.#logger = logger;
    }
    start() {
        this.#before = this.#totals();
        this.#timer ??= setInterval(() => this.#tell(), MINUTE_MS);
    }
    stop() {
        clearInterval(this.#timer);
        this.#timer = undefined;
    }
    #totals() {
        const { completed, failed, cancelled } = this.#parts.recorder.all;
        return { completed, failed, cancelled };
    }
    #tell() {
        const { manager, processor, balancer } = this.#parts;
        const now = this.#totals();
        const ended = {
            completed: now.completed - this.#before.completed,
            failed: now.failed - this.#before.failed,
            cancelled: now.cancelled - this.#before.cancelled,
        };
        this.#before = now;
        const isBusy = processor.activeJobs + manager.queue.size > 0;
        if (!isBusy && ended.completed + ended.failed + ended.cancelled === 0)
            return;
        this.#logger.info('Last minute', {
            ...ended,
            activeJobs: processor.activeJobs,
            pendingJobs: manager.queue.size,
            pendingBytes: manager.queue.bytes,
            healthyInstances: balancer.healthyCount,
            totalInstances: balancer.instances.length,
        });
    }
}
//# sourceMappingURL=Summary.js.map