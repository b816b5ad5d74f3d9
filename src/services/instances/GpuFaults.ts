import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Instance } from './Instance.js';

export interface GpuFaultTimings {
  /** Time after the first fault of an instance until it gets one job as a trial, ms. It doubles with each fault. */
  readonly trialMs: number;
  /** Maximum of that time. An instance that worked for this long after a trial starts with `trialMs` again, ms. */
  readonly maxTrialMs: number;
}

interface Wait {
  readonly forMs: number;
  readonly until: number;
}

/**
 * Excludes instances on which every prompt fails until ComfyUI is restarted. They get no jobs until a restart is
 * detected, or someone closes their breaker manually. Their health checks pass, so each job sent there would be wasted.
 *
 * A prompt can imitate such a fault, for example with a text that a node quotes. So an excluded instance gets one job
 * as a trial from time to time.
 */
export class GpuFaults {
  readonly #isConnected: (host: string) => boolean;
  readonly #timings: GpuFaultTimings;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waits = new WeakMap<Instance, Wait>();

  /** @param isConnected whether there is an open socket to a host */
  constructor(
    isConnected: (host: string) => boolean,
    timings: GpuFaultTimings,
    clock: Clock,
    logger: Logger,
  ) {
    this.#isConnected = isConnected;
    this.#timings = timings;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Reports a prompt that failed with such a fault. @param message of the failure */
  report(instance: Instance, message: string): void {
    if (instance.health.problem?.kind === 'GPU fault') return;
    const reason = 'its GPU failed, and only a restart of ComfyUI helps';
    const wait = this.#nextWait(instance);
    this.#waits.set(instance, wait);
    // Only the log has the message: it may quote a prompt, and everyone may read the health.
    const [error = ''] = message.split('\n', 1);
    instance.health.problem = { kind: 'GPU fault', since: this.#clock.now(), reason, wasGone: false };
    const fields = { instance: instance.host, reason, trialInMs: wait.forMs, error: error.trim() };
    this.#logger.error('Instance gets no jobs', fields);
  }

  /** Lets one job try an excluded instance if it is time. Call it when the instance has passed a check. */
  tryAgain(instance: Instance): void {
    if (instance.health.problem?.kind !== 'GPU fault') return;
    if (this.#clock.now() < (this.#waits.get(instance)?.until ?? 0)) return;
    instance.health.problem = undefined;
    instance.breaker.beginTrial();
    this.#logger.info('Instance gets one job as a trial after a fault of its GPU', {
      instance: instance.host,
    });
  }

  /** Notes that an instance does not respond. A busy process may not respond either, but keeps its sockets open. */
  noteSilence({ host, health }: Instance): void {
    if (health.problem?.kind !== 'GPU fault' || this.#isConnected(host)) return;
    health.problem = { ...health.problem, wasGone: true };
  }

  /** Notes that an instance responds again. */
  noteReturn(instance: Instance): void {
    const { host, health } = instance;
    if (health.problem?.kind !== 'GPU fault' || !health.problem.wasGone) return;
    health.problem = undefined;
    this.#waits.delete(instance);
    this.#logger.info('Instance was restarted after a fault of its GPU', { instance: host });
  }

  #nextWait(instance: Instance): Wait {
    const { trialMs, maxTrialMs } = this.#timings;
    const now = this.#clock.now();
    const last = this.#waits.get(instance);
    const isRecent = last !== undefined && now - last.until < maxTrialMs;
    const forMs = isRecent ? Math.min(last.forMs * 2, maxTrialMs) : trialMs;
    return { forMs, until: now + forMs };
  }
}
