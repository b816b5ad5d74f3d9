import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { movingAverage } from '../../utils/figures.js';
import type { Logger } from '../../utils/logger.js';
import type { Inspector } from './Inspector.js';
import type { Instance, InstanceHealth } from './Instance.js';

export interface HealthOptions {
  /** Between two checks of a healthy instance, ms. */
  readonly intervalMs: number;
  /** A success younger than this needs no check before a job, ms. */
  readonly freshMs: number;
  /** First wait before an instance that failed is asked again; doubled each time up to the interval, ms. */
  readonly recheckMs: number;
  /** How long an address gets no jobs after one of them found that it leads to several machines, ms. */
  readonly severalMachinesMs: number;
}

/**
 * Keeps each instance's health: checks on an interval, sooner after a failure, and before a job when the last
 * success is not fresh. Jobs report their own contacts too. Every failure feeds the instance's breaker; while
 * that is open, the check at the end of its reset time is the one probe.
 */
export class HealthChecker {
  readonly #instances: readonly Instance[];
  readonly #inspector: Inspector;
  readonly #options: HealthOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timers = new Map<Instance, NodeJS.Timeout>();
  readonly #underWay = new Map<Instance, Promise<boolean>>();
  readonly #stopped = new AbortController();
  readonly #onHealthy: Array<(instance: Instance) => void> = [];

  constructor(
    instances: readonly Instance[],
    inspector: Inspector,
    options: HealthOptions,
    clock: Clock,
    logger: Logger,
  ) {
    this.#instances = instances;
    this.#inspector = inspector;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Calls `listener` whenever a check found an instance healthy. */
  onHealthy(listener: (instance: Instance) => void): void {
    this.#onHealthy.push(listener);
  }

  /** Checks every instance once, then goes on by itself. */
  async start(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => this.#scheduledCheck(instance)));
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await Promise.all(this.#underWay.values());
  }

  /** Whether the instance may have a job now: its last success is fresh, or a check just now went well. */
  async ensureFresh(instance: Instance): Promise<boolean> {
    const { lastSuccess } = instance.health;
    if (!instance.isHealthy) return false;
    if (lastSuccess !== undefined && this.#clock.now() - lastSuccess <= this.#options.freshMs) return true;
    const isUp = await this.#check(instance);
    if (!isUp) this.#schedule(instance);
    return isUp && instance.isHealthy;
  }

  /** Looks at the instance now, as after its breaker was closed by hand. */
  async recheck(instance: Instance): Promise<void> {
    instance.health.problem = undefined;
    instance.forgetRefusals();
    await this.#scheduledCheck(instance);
  }

  /** A job's contact with the instance went well, whatever became of the job. */
  reportSuccess(instance: Instance): void {
    instance.health.lastSuccess = this.#clock.now();
    instance.breaker.recordSuccess();
  }

  /** A job could not reach the instance, or it did not answer as ComfyUI does. */
  reportFailure(instance: Instance, error: unknown): void {
    this.#recordFailure(instance, error);
    this.#schedule(instance);
  }

  /** A job found that the address leads to several machines, although checks did not show it. */
  reportSeveralMachines(instance: Instance, error: unknown): void {
    if (instance.health.problem) return;
    const reason = messageOf(error);
    instance.health.problem = { reason, until: this.#clock.now() + this.#options.severalMachinesMs };
    this.#logger.error('Instance gets no jobs', { instance: instance.host, reason });
  }

  /** A job's upload of `bytes` was too large for an instance. Never rejects. */
  reportTooLarge(instance: Instance, bytes: number): Promise<void> {
    return this.#inspector.onTooLarge(instance, bytes, this.#stopped.signal);
  }

  /** Opens the breaker of an instance whose jobs fail while its checks pass. */
  takeOut(instance: Instance, error: unknown): void {
    instance.breaker.trip();
    this.#logger.warn('Circuit breaker opened: jobs fail here while checks pass', {
      instance: instance.host,
      error: messageOf(error),
      resetInMs: Math.round(instance.breaker.msUntilProbe),
    });
    this.#schedule(instance);
  }

  async #scheduledCheck(instance: Instance): Promise<void> {
    // One that was opened by hand goes on being looked at: whoever did it wants to see when it is well again.
    const { breaker } = instance;
    const mayCheck = breaker.isForced || breaker.tryPass();
    const wasUp = instance.health.isUp;
    const isUp = mayCheck && (await this.#check(instance));
    if (isUp && wasUp) await this.#inspector.inspect(instance, this.#stopped.signal);
    this.#schedule(instance);
    if (instance.isHealthy) for (const listener of this.#onHealthy) listener(instance);
  }

  #schedule(instance: Instance): void {
    if (this.#stopped.signal.aborted) return;
    clearTimeout(this.#timers.get(instance));
    const timer = setTimeout(() => void this.#scheduledCheck(instance), this.#untilNextCheck(instance));
    this.#timers.set(instance, timer);
  }

  #untilNextCheck({ health, breaker }: Instance): number {
    const { intervalMs, recheckMs } = this.#options;
    // Also one that gets no jobs because of its address: it is well, and a look at that takes a dozen requests.
    if (health.isUp && (breaker.state === 'CLOSED' || breaker.isForced)) return intervalMs;
    if (breaker.state === 'OPEN' && !breaker.isForced) return Math.ceil(breaker.msUntilProbe);
    return Math.min(intervalMs, recheckMs * 2 ** Math.max(0, breaker.snapshot.failures - 1));
  }

  /** Joins a check that is under way. Never rejects. */
  #check(instance: Instance): Promise<boolean> {
    const underWay = this.#underWay.get(instance);
    if (underWay) return underWay;
    const check = this.#askStats(instance).finally(() => this.#underWay.delete(instance));
    this.#underWay.set(instance, check);
    return check;
  }

  async #askStats(instance: Instance): Promise<boolean> {
    const startedAt = this.#clock.now();
    try {
      const { version } = await instance.client.systemStats(this.#stopped.signal);
      const { health, breaker } = instance;
      const wasUp = health.isUp;
      const answeredAt = this.#clock.now();
      // It gets no job before it is known what it can do.
      if (!wasUp) await this.#inspector.onUp(instance, this.#stopped.signal);
      health.lastCheck = health.lastSuccess = answeredAt;
      recordResponseTime(health, answeredAt - startedAt);
      health.version = version;
      health.isUp = true;
      health.downSince = health.lastError = undefined;
      breaker.recordSuccess();
      if (!wasUp) this.#logger.info('Instance is healthy', { instance: instance.host, version });
      return true;
    } catch (error) {
      if (this.#stopped.signal.aborted) return false;
      instance.health.lastCheck = this.#clock.now();
      this.#recordFailure(instance, error);
      return false;
    }
  }

  #recordFailure(instance: Instance, error: unknown): void {
    const { health, breaker } = instance;
    const before = breaker.state;
    const wasUp = health.isUp;
    health.isUp = false;
    health.downSince ??= this.#clock.now();
    health.lastError = messageOf(error);
    breaker.recordFailure();
    const fields = { instance: instance.host, error: messageOf(error) };
    if (breaker.state === 'OPEN' && before !== 'OPEN') {
      this.#logger.warn('Circuit breaker opened', { ...fields, resetInMs: Math.round(breaker.msUntilProbe) });
    } else if (wasUp || before === 'CLOSED') {
      this.#logger.warn('Instance is unhealthy', fields);
    }
  }
}

function recordResponseTime(health: InstanceHealth, ms: number): void {
  health.responseTimeMs = ms;
  health.averageResponseTimeMs = movingAverage(health.averageResponseTimeMs, ms);
}
