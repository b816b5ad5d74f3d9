import type { Clock } from '../../utils/clock.js';

export interface BreakerOptions {
  /** Consecutive failures that open it. */
  readonly failureThreshold: number;
  /** First time that it stays open, ms; doubled after each failed probe. */
  readonly resetTimeoutMs: number;
  readonly maxResetTimeoutMs: number;
}

export type BreakerStateName = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

type BreakerState =
  /** `trialMs`: set until a job succeeds. It was opened because of its jobs, for this time. */
  | { readonly name: 'CLOSED'; readonly trialMs?: number }
  | {
      readonly name: 'OPEN';
      readonly since: number;
      readonly nextAttempt: number;
      readonly resetMs: number;
      readonly byJobs: boolean;
    }
  /** A probe is running. */
  | {
      readonly name: 'HALF_OPEN';
      readonly since: number;
      readonly resetMs: number;
      readonly byJobs: boolean;
    }
  /** Opened manually: it stays open until it is closed manually. */
  | { readonly name: 'FORCED_OPEN'; readonly since: number };

/** State of a breaker. Times are epoch ms. */
export interface BreakerSnapshot {
  readonly state: BreakerStateName;
  readonly forced: boolean;
  /** Since when it is not closed; a failed probe does not change it. */
  readonly openSince: number | null;
  /** Consecutive failures. */
  readonly failures: number;
  readonly failureThreshold: number;
  /** How long it stays open, or would if it opened now. */
  readonly resetTimeoutMs: number;
  readonly lastFailureTime: number | null;
  readonly nextAttemptTime: number | null;
  readonly successCount: number;
  readonly totalRequests: number;
  /** Share of failures in all requests, 0..1. */
  readonly errorRate: number;
}

/**
 * A circuit breaker that is informed of results and asked whether an attempt is allowed. It makes no calls itself, so
 * checks and jobs use the same breaker. It uses the monotonic clock, so a wall clock that jumps does not affect it.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  #state: BreakerState = { name: 'CLOSED' };
  #failuresInARow = 0;
  #successes = 0;
  #failures = 0;
  #lastFailureTime: number | null = null;

  constructor(options: BreakerOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get state(): BreakerStateName {
    return this.#state.name === 'FORCED_OPEN' ? 'OPEN' : this.#state.name;
  }

  /** Whether it was opened manually. */
  get isForced(): boolean {
    return this.#state.name === 'FORCED_OPEN';
  }

  /** Whether the next job decides: its jobs opened it and a check closed it, or its GPU had failed. */
  get isOnTrial(): boolean {
    return this.#state.name === 'CLOSED' && this.#state.trialMs !== undefined;
  }

  /** Whether its jobs opened it: then a response of the machine does not prove that it recovered. */
  get isOpenByJobs(): boolean {
    return 'byJobs' in this.#state && this.#state.byJobs;
  }

  /** Milliseconds until a probe is allowed; 0 if one is allowed, or none is needed. */
  get msUntilProbe(): number {
    return this.#state.name === 'OPEN' ? Math.max(0, this.#state.nextAttempt - this.#clock.now()) : 0;
  }

  get snapshot(): BreakerSnapshot {
    const state = this.#state;
    const totalRequests = this.#successes + this.#failures;
    return {
      state: this.state,
      forced: this.isForced,
      openSince: 'since' in state ? state.since : null,
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

  /** Opens it until `close` is called. Results are still counted but change nothing. */
  forceOpen(): void {
    if (this.isForced) return;
    this.#state = { name: 'FORCED_OPEN', since: this.#clock.now() };
  }

  /** Closes it, whatever opened it, and resets the consecutive failures. */
  close(): void {
    this.#failuresInARow = 0;
    this.#state = { name: 'CLOSED' };
  }

  /** Allows the probe at once, because the instance was gone and responds again. */
  endWait(): void {
    if (this.#state.name !== 'OPEN' || this.#state.byJobs) return;
    this.#state = { ...this.#state, nextAttempt: this.#clock.now() };
  }

  /**
   * Asks for one attempt. An open breaker allows one probe after its reset time, and stays half-open until the result
   * of the probe is recorded.
   */
  tryPass(): boolean {
    switch (this.#state.name) {
      case 'CLOSED':
        return true;
      case 'HALF_OPEN':
      case 'FORCED_OPEN':
        return false;
      case 'OPEN':
        if (this.#clock.now() < this.#state.nextAttempt) return false;
        this.#state = { ...this.#state, name: 'HALF_OPEN' };
        return true;
    }
  }

  /** Takes back a probe that could not be made: another one is allowed at once. */
  returnProbe(): void {
    if (this.#state.name !== 'HALF_OPEN') return;
    this.#state = { ...this.#state, name: 'OPEN', nextAttempt: this.#clock.now() };
  }

  recordSuccess(): void {
    this.#successes += 1;
    // A late success of an attempt from before the breaker opened is not a probe.
    if (this.state === 'OPEN') return;
    this.#failuresInARow = 0;
    if (this.#state.name !== 'HALF_OPEN') return;
    // A check proves that the machine responds, not that its jobs succeed.
    const { byJobs, resetMs } = this.#state;
    this.#state = byJobs ? { name: 'CLOSED', trialMs: resetMs } : { name: 'CLOSED' };
  }

  /** Lets the next job decide about an instance that was excluded for another reason. */
  beginTrial(): void {
    if (this.#state.name !== 'CLOSED') return;
    this.#state = { name: 'CLOSED', trialMs: this.#state.trialMs ?? this.#options.resetTimeoutMs };
  }

  /** Ends the trial of an instance, because a job succeeded. */
  passTrial(): void {
    if (this.#state.name === 'CLOSED') this.#state = { name: 'CLOSED' };
  }

  /** Opens it because of its jobs, whatever the checks report; for longer each time until a job succeeds. */
  trip(): void {
    if (this.#state.name !== 'CLOSED') return;
    const { resetTimeoutMs, maxResetTimeoutMs } = this.#options;
    const { trialMs } = this.#state;
    this.#lastFailureTime = this.#clock.now();
    this.#open(trialMs === undefined ? resetTimeoutMs : Math.min(trialMs * 2, maxResetTimeoutMs), true);
  }

  recordFailure(): void {
    this.#failures += 1;
    this.#failuresInARow += 1;
    this.#lastFailureTime = this.#clock.now();
    const { failureThreshold, resetTimeoutMs, maxResetTimeoutMs } = this.#options;
    switch (this.#state.name) {
      case 'CLOSED':
        if (this.#failuresInARow >= failureThreshold) this.#open(resetTimeoutMs, false);
        break;
      case 'HALF_OPEN':
        this.#open(
          Math.min(this.#state.resetMs * 2, maxResetTimeoutMs),
          this.#state.byJobs,
          this.#state.since,
        );
        break;
      case 'OPEN':
      case 'FORCED_OPEN':
        break;
    }
  }

  #open(resetMs: number, byJobs: boolean, since = this.#clock.now()): void {
    this.#state = { name: 'OPEN', since, nextAttempt: this.#clock.now() + resetMs, resetMs, byJobs };
  }
}
