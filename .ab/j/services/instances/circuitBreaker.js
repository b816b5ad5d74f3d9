/**
 * A circuit breaker that is told what happened and asked what may be tried; it calls nothing itself, so checks
 * and jobs feed the same one. It goes by the monotonic clock: a wall clock that jumps neither opens nor keeps it.
 */
export class CircuitBreaker {
    #options;
    #clock;
    #state = { name: 'CLOSED' };
    #failuresInARow = 0;
    #successes = 0;
    #failures = 0;
    #lastFailureTime = null;
    constructor(options, clock) {
        this.#options = options;
        this.#clock = clock;
    }
    get state() {
        return this.#state.name === 'FORCED_OPEN' ? 'OPEN' : this.#state.name;
    }
    /** Whether it was opened by hand. */
    get isForced() {
        return this.#state.name === 'FORCED_OPEN';
    }
    /** Whether it was opened by its jobs and let back in by a check: the next job decides. */
    get isOnTrial() {
        return this.#state.name === 'CLOSED' && this.#state.trialMs !== undefined;
    }
    /** Milliseconds until a probe is let through; 0 when one may go, or none is needed. */
    get msUntilProbe() {
        return this.#state.name === 'OPEN' ? Math.max(0, this.#state.nextAttempt - this.#clock.now()) : 0;
    }
    get snapshot() {
        const state = this.#state;
        const totalRequests = this.#successes + this.#failures;
        return {
            state: this.state,
            forced: this.isForced,
            failures: this.#failuresInARow,
            failureThreshold: this.#options.failureThreshold,
            resetTimeoutMs: 'resetMs' in state ? state.resetMs : this.#options.resetTimeoutMs,
            lastFailureTime: this.#lastFailureTime,
            nextAttemptTime: state.name === 'OPEN' ? state.nextAttempt : null,
            successCount: this.#successes,
            totalRequests,
            errorRate: totalRequests === 0 ? 0 : this.#failures / totalRequests,
        };
    }
    /** Opens it until `close` is called; what is recorded meanwhile is counted and changes nothing. */
    forceOpen() {
        this.#state = { name: 'FORCED_OPEN' };
    }
    /** Closes it, whoever opened it, and forgets the failures in a row. */
    close() {
        this.#failuresInARow = 0;
        this.#state = { name: 'CLOSED' };
    }
    /**
     * Asks to try the instance once. An open breaker lets one probe through when its reset time is over and stays
     * half-open until that probe's end is recorded.
     */
    tryPass() {
        switch (this.#state.name) {
            case 'CLOSED':
                return true;
            case 'HALF_OPEN':
            case 'FORCED_OPEN':
                return false;
            case 'OPEN':
                if (this.#clock.now() < this.#state.nextAttempt)
                    return false;
                this.#state = { ...this.#state, name: 'HALF_OPEN' };
                return true;
        }
    }
    recordSuccess() {
        this.#successes += 1;
        // A late success of an attempt from before the breaker opened is no probe.
        if (this.state === 'OPEN')
            return;
        this.#failuresInARow = 0;
        if (this.#state.name !== 'HALF_OPEN')
            return;
        // A check says that the machine answers, not that its jobs go well.
        const { byJobs, resetMs } = this.#state;
        this.#state = byJobs ? { name: 'CLOSED', trialMs: resetMs } : { name: 'CLOSED' };
    }
    /** A job went well: an instance on trial has passed it. */
    passTrial() {
        if (this.#state.name === 'CLOSED')
            this.#state = { name: 'CLOSED' };
    }
    /** Opens it because of its jobs, whatever the checks say; for longer each time until a job goes well. */
    trip() {
        if (this.#state.name !== 'CLOSED')
            return;
        const { resetTimeoutMs, maxResetTimeoutMs } = this.#options;
        const { trialMs } = this.#state;
        this.#lastFailureTime = this.#clock.now();
        this.#open(trialMs === undefined ? resetTimeoutMs : Math.min(trialMs * 2, maxResetTimeoutMs), true);
    }
    recordFailure() {
        this.#failures += 1;
        this.#failuresInARow += 1;
        this.#lastFailureTime = this.#clock.now();
        const { failureThreshold, resetTimeoutMs, maxResetTimeoutMs } = this.#options;
        switch (this.#state.name) {
            case 'CLOSED':
                if (this.#failuresInARow >= failureThreshold)
                    this.#open(resetTimeoutMs, false);
                break;
            case 'HALF_OPEN':
                this.#open(Math.min(this.#state.resetMs * 2, maxResetTimeoutMs), this.#state.byJobs);
                break;
            case 'OPEN':
            case 'FORCED_OPEN':
                break;
        }
    }
    #open(resetMs, byJobs) {
        this.#state = { name: 'OPEN', nextAttempt: this.#clock.now() + resetMs, resetMs, byJobs };
    }
}
//# sourceMappingURL=circuitBreaker.js.map