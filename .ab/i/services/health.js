const QUEUE_WARNING = 0.8;
const FAILURE_WARNING = 0.2;
/** Fewer jobs than this say nothing about a rate. */
const ENOUGH_JOBS = 10;
/** Minutes of jobs that count as recent. */
const RECENT_MINUTES = 15;
/** Judges the whole server from what is in memory: no I/O. */
export class HealthReporter {
    #instances;
    #manager;
    #processor;
    #recorder;
    #admission;
    #clock;
    constructor(parts, clock) {
        this.#instances = parts.instances;
        this.#manager = parts.manager;
        this.#processor = parts.processor;
        this.#recorder = parts.recorder;
        this.#admission = parts.admission;
        this.#clock = clock;
    }
    get uptimeMs() {
        return this.#clock.now() - this.#recorder.startedAt;
    }
    /** @param nameOf how an instance is called in the issues */
    report(nameOf = ({ host }) => host) {
        const critical = this.#criticalIssues();
        const issues = [...critical, ...this.#warnings(nameOf)];
        return { state: critical.length > 0 ? 'critical' : issues.length > 0 ? 'degraded' : 'healthy', issues };
    }
    #criticalIssues() {
        const issues = [];
        if (this.#manager.isDraining)
            issues.push('The server is shutting down.');
        else if (!this.#processor.isRunning)
            issues.push('The job processor is not running.');
        if (!this.#instances.some((instance) => instance.isHealthy)) {
            issues.push('No ComfyUI instance is healthy.');
        }
        return issues;
    }
    #warnings(nameOf) {
        const issues = [];
        for (const instance of this.#instances) {
            const name = nameOf(instance);
            if (instance.breaker.isForced)
                issues.push(`Instance ${name} was taken out by hand.`);
            else if (!instance.isHealthy)
                issues.push(`Instance ${name} is unhealthy.`);
            const missing = instance.isHealthy ? instance.missingNodes : [];
            if (missing.length > 0)
                issues.push(`Instance ${name} lacks ${missing.join(', ')}.`);
        }
        const { completed, failed } = this.#recorder.last(RECENT_MINUTES);
        if (completed + failed >= ENOUGH_JOBS && failed / (completed + failed) > FAILURE_WARNING) {
            issues.push(`${failed} of the last ${completed + failed} jobs failed.`);
        }
        if (this.#admission.queueUsage > QUEUE_WARNING) {
            issues.push(`The queue is ${Math.round(this.#admission.queueUsage * 100)} % full.`);
        }
        return issues;
    }
}
//# sourceMappingURL=health.js.map