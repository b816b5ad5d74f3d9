import type { Clock } from '../../utils/clock.js';

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failureThreshold: number;
  /** First time that it stays open, ms; doubled each time a probe fails. */
  readonly resetTimeoutMs: number;
  readonly maxResetTimeoutMs: number;
}

export type BreakerStateName = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

type BreakerState =
  /** `trialMs`: it was opened by its jobs; how long it was open, until a job goes well. */
  | { readonly name: 'CLOSED'; readonly trialMs?: number }
  | {
      readonly name: 'OPEN';
      readonly nextAttempt: number;
      readonly resetMs: number;
      readonly byJobs: boolean;
    }
  /** One probe is under way. */
  | { readonly name: 'HALF_OPEN'; readonly resetMs: number; readonly byJobs: boolean }
  /** Opened by hand: only a hand closes it. */
  | { readonly name: 'FORCED_OPEN' };

/** Times are epoch ms. */
export interface BreakerSnapshot {
  readonly state: BreakerStateName;
  readonly forced: boolean;
  /** Failures in a row. */
  readonly failures: number;
  readonly failureThreshold: number;
  /** How long it stays open, or would if it opened now. */
  readonly resetTimeoutMs: number;
  readonly lastFailureTime: number | null;
  readonly nextAttemptTime: number | null;
  readonly successCount: number;
  readonly totalRequests: number;
  /** Failures of all requests, 0..1. */
  readonly errorRate: number;
}

/**
 * A circuit breaker that is told what happened and asked what may be tried; it calls nothing itself, so checks
 * and jobs feed the same one. It goes by the monotonic clock: a wall clock that jumps neither opens nor keeps it.
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

  /** Whether it was opened by hand. */
  get isForced(): boolean {
    return this.#state.name === 'FORCED_OPEN';
  }

  /** Whether it was opened by its jobs and let back in by a check: the next job decides. */
  get isOnTrial(): boolean {
    return this.#state.name === 'CLOSED' && this.#state.trialMs !== undefined;
  }

  /** Whether its jobs opened it: that the machine answers says nothing then. */
  get isOpenByJobs(): boolean {
    return 'byJobs' in this.#state && this.#state.byJobs;
  }

  /** Milliseconds until a probe is let through; 0 when one may go, or none is needed. */
  get msUntilProbe(): number {
    return this.#state.name === 'OPEN' ? Math.max(0, this.#state.nextAttempt - this.#clock.now()) : 0;
  }

  get snapshot(): BreakerSnapshot {
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
  forceOpen(): void {
    this.#state = { name: 'FORCED_OPEN' };
  }

  /** Closes it, whoever opened it, and forgets the failures in a row. */
  close(): void {
    this.#failuresInARow = 0;
    this.#state = { name: 'CLOSED' };
  }

  /** The instance was gone and answers again: the probe need not wait. */
  endWait(): void {
    if (this.#state.name !== 'OPEN' || this.#state.byJobs) return;
    this.#state = { ...this.#state, nextAttempt: this.#clock.now() };
  }

  /**
   * Asks to try the instance once. An open breaker lets one probe through when its reset time is over and stays
   * half-open until that probe's end is recorded.
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

  recordSuccess(): void {
    this.#successes += 1;
    // A late success of an attempt from before the breaker opened is no probe.
    if (this.state === 'OPEN') return;
    this.#failuresInARow = 0;
    if (this.#state.name !== 'HALF_OPEN') return;
    // A check says that the machine answers, not that its jobs go well.
    const { byJobs, resetMs } = this.#state;
    this.#state = byJobs ? { name: 'CLOSED', trialMs: resetMs } : { name: 'CLOSED' };
  }

  /** A job went well: an instance on trial has passed it. */
  passTrial(): void {
    if (this.#state.name === 'CLOSED') this.#state = { name: 'CLOSED' };
  }

  /** Opens it because of its jobs, whatever the checks say; for longer each time until a job goes well. */
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
        this.#open(Math.min(this.#state.resetMs * 2, maxResetTimeoutMs), this.#state.byJobs);
        break;
      case 'OPEN':
      case 'FORCED_OPEN':
        break;
    }
  }

  #open(resetMs: number, byJobs: boolean): void {
    this.#state = { name: 'OPEN', nextAttempt: this.#clock.now() + resetMs, resetMs, byJobs };
  }
}
