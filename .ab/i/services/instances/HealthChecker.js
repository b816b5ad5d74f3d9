import { messageOf } from '../../errors.js';
import { movingAverage } from '../../utils/figures.js';
import { findMissing } from './capabilities.js';
/**
 * Keeps each instance's health: checks on an interval, sooner after a failure, and before a job when the last
 * success is not fresh. Jobs report their own contacts too. Every failure feeds the instance's breaker; while
 * that is open, the check at the end of its reset time is the one probe.
 */
export class HealthChecker {
    #instances;
    #workflows;
    #options;
    #clock;
    #logger;
    #timers = new Map();
    #underWay = new Map();
    #stopped = new AbortController();
    #onHealthy = [];
    constructor(instances, workflows, options, clock, logger) {
        this.#instances = instances;
        this.#workflows = workflows;
        this.#options = options;
        this.#clock = clock;
        this.#logger = logger;
    }
    /** Calls `listener` whenever a check found an instance healthy. */
    onHealthy(listener) {
        this.#onHealthy.push(listener);
    }
    /** Checks every instance once, then goes on by itself. */
    async start() {
        await Promise.all(this.#instances.map((instance) => this.#scheduledCheck(instance)));
    }
    async stop() {
        this.#stopped.abort();
        for (const timer of this.#timers.values())
            clearTimeout(timer);
        this.#timers.clear();
        await Promise.all(this.#underWay.values());
    }
    /** Whether the instance may have a job now: its last success is fresh, or a check just now went well. */
    async ensureFresh(instance) {
        const { lastSuccess } = instance.health;
        if (!instance.isHealthy)
            return false;
        if (lastSuccess !== undefined && this.#clock.now() - lastSuccess <= this.#options.freshMs)
            return true;
        const isUp = await this.#check(instance);
        if (!isUp)
            this.#schedule(instance);
        return isUp && instance.isHealthy;
    }
    /** Looks at the instance now, as after its breaker was closed by hand. */
    async recheck(instance) {
        await this.#scheduledCheck(instance);
    }
    /** A job's contact with the instance went well, whatever became of the job. */
    reportSuccess(instance) {
        instance.health.lastSuccess = this.#clock.now();
        instance.breaker.recordSuccess();
    }
    /** A job could not reach the instance, or it did not answer as ComfyUI does. */
    reportFailure(instance, error) {
        this.#recordFailure(instance, error);
        this.#schedule(instance);
    }
    /** Opens the breaker of an instance whose jobs fail while its checks pass. */
    takeOut(instance, error) {
        instance.breaker.trip();
        this.#logger.warn('Circuit breaker opened: jobs fail here while checks pass', {
            instance: instance.host,
            error: messageOf(error),
            resetInMs: Math.round(instance.breaker.msUntilProbe),
        });
        this.#schedule(instance);
    }
    async #scheduledCheck(instance) {
        // One that was opened by hand goes on being looked at: whoever did it wants to see when it is well again.
        const { breaker } = instance;
        const mayCheck = breaker.isForced || breaker.tryPass();
        if (mayCheck && (await this.#check(instance)))
            await this.#checkCapabilities(instance);
        this.#schedule(instance);
        if (instance.isHealthy)
            for (const listener of this.#onHealthy)
                listener(instance);
    }
    #schedule(instance) {
        if (this.#stopped.signal.aborted)
            return;
        clearTimeout(this.#timers.get(instance));
        const timer = setTimeout(() => void this.#scheduledCheck(instance), this.#untilNextCheck(instance));
        this.#timers.set(instance, timer);
    }
    #untilNextCheck({ isHealthy, health, breaker }) {
        const { intervalMs, recheckMs } = this.#options;
        if (isHealthy || (breaker.isForced && health.isUp))
            return intervalMs;
        if (breaker.state === 'OPEN' && !breaker.isForced)
            return Math.ceil(breaker.msUntilProbe);
        return Math.min(intervalMs, recheckMs * 2 ** Math.max(0, breaker.snapshot.failures - 1));
    }
    /** Joins a check that is under way. Never rejects. */
    #check(instance) {
        const underWay = this.#underWay.get(instance);
        if (underWay)
            return underWay;
        const check = this.#askStats(instance).finally(() => this.#underWay.delete(instance));
        this.#underWay.set(instance, check);
        return check;
    }
    async #askStats(instance) {
        const startedAt = this.#clock.now();
        try {
            const { version } = await instance.client.systemStats(this.#stopped.signal);
            const { health, breaker } = instance;
            const wasUp = health.isUp;
            health.lastCheck = health.lastSuccess = this.#clock.now();
            recordResponseTime(health, health.lastCheck - startedAt);
            health.version = version;
            health.isUp = true;
            breaker.recordSuccess();
            if (!wasUp)
                this.#logger.info('Instance is healthy', { instance: instance.host, version });
            return true;
        }
        catch (error) {
            if (this.#stopped.signal.aborted)
                return false;
            instance.health.lastCheck = this.#clock.now();
            this.#recordFailure(instance, error);
            return false;
        }
    }
    #recordFailure(instance, error) {
        const { health, breaker } = instance;
        const before = breaker.state;
        const wasUp = health.isUp;
        health.isUp = false;
        breaker.recordFailure();
        const fields = { instance: instance.host, error: messageOf(error) };
        if (breaker.state === 'OPEN' && before !== 'OPEN') {
            this.#logger.warn('Circuit breaker opened', { ...fields, resetInMs: Math.round(breaker.msUntilProbe) });
        }
        else if (wasUp || before === 'CLOSED') {
            this.#logger.warn('Instance is unhealthy', fields);
        }
    }
    async #checkCapabilities(instance) {
        const { health } = instance;
        try {
            const missing = await findMissing(instance.client, this.#workflows, this.#stopped.signal);
            const names = [...new Set([...missing.values()].flat())].sort();
            if (names.join() !== instance.missingNodes.join()) {
                const fields = { instance: instance.host, missing: names, workflows: [...missing.keys()] };
                if (names.length > 0)
                    this.#logger.warn('Instance lacks nodes or models', fields);
                else
                    this.#logger.info('Instance has every node and model', fields);
            }
            health.missing = missing;
        }
        catch (error) {
            this.#logger.debug('Nodes could not be listed', { instance: instance.host, error: messageOf(error) });
        }
    }
}
function recordResponseTime(health, ms) {
    health.responseTimeMs = ms;
    health.averageResponseTimeMs = movingAverage(health.averageResponseTimeMs, ms);
}
//# sourceMappingURL=HealthChecker.js.map