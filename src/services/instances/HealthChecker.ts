import { setMaxListeners } from 'node:events';
import { isServerFailure, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { movingAverage } from '../../utils/figures.js';
import type { Logger } from '../../utils/logger.js';
import type { GpuFaults } from './GpuFaults.js';
import { type Inspector, SEVERAL_MACHINES } from './Inspector.js';
import type { Instance, InstanceHealth } from './Instance.js';
import { Lookout } from './Lookout.js';

export interface HealthOptions {
  /** Interval between checks of a healthy instance, ms. */
  readonly intervalMs: number;
  /** After a success within this time, a job needs no check, ms. */
  readonly freshMs: number;
  /** First delay before an instance is checked again after a failure, ms. It doubles each time, up to the interval. */
  readonly recheckMs: number;
  /** Interval at which an instance that is down is probed, ms. */
  readonly lookMs: number;
  /** How long an address gets no jobs after a job found that it leads to several machines, ms. */
  readonly severalMachinesMs: number;
}

/**
 * Tracks the health of each instance. Checks run at an interval, sooner after a failure, and before a job if the last
 * success is not fresh. Jobs report successes and failures too. Every failure counts for the instance's breaker; while
 * that is open, the check at the end of its reset time is the only probe.
 */
export class HealthChecker {
  readonly #instances: readonly Instance[];
  readonly #inspector: Inspector;
  readonly #options: HealthOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timers = new Map<Instance, NodeJS.Timeout>();
  /** Removed instances: a check that is running is their last. */
  readonly #forgotten = new WeakSet<Instance>();
  readonly #lookout: Lookout;
  readonly #gpuFaults: GpuFaults;
  readonly #underWay = new Map<Instance, Promise<boolean>>();
  readonly #stopped = new AbortController();
  #hasStarted = false;
  readonly #onHealthy: Array<(instance: Instance) => void> = [];
  readonly #onUp: Array<(instance: Instance) => void> = [];
  readonly #onReturn: Array<(instance: Instance) => void> = [];

  constructor(
    instances: readonly Instance[],
    inspector: Inspector,
    options: HealthOptions,
    clock: Clock,
    logger: Logger,
    gpuFaults: GpuFaults,
  ) {
    this.#instances = instances;
    this.#inspector = inspector;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    // Every request of every check listens to this signal.
    setMaxListeners(0, this.#stopped.signal);
    const { lookMs } = options;
    this.#gpuFaults = gpuFaults;
    this.#lookout = new Lookout(
      { onGone: (instance) => gpuFaults.noteSilence(instance), onBack: (instance) => this.#onBack(instance) },
      { everyMs: lookMs, timeoutMs: lookMs },
    );
  }

  /** Calls `listener` after each check that found an instance healthy. */
  onHealthy(listener: (instance: Instance) => void): void {
    this.#onHealthy.push(listener);
  }

  /** Calls `listener` when an instance responds after being down. */
  onUp(listener: (instance: Instance) => void): void {
    this.#onUp.push(listener);
  }

  /** Calls `listener` when an instance responds again, and when it was put back into service manually. */
  onReturn(listener: (instance: Instance) => void): void {
    this.#onReturn.push(listener);
  }

  /** Checks every instance once, and then regularly. */
  async start(): Promise<void> {
    this.#hasStarted = true;
    await Promise.all(this.#instances.map((instance) => this.#scheduledCheck(instance)));
  }

  /** Checks an instance that was added later, before it gets jobs. Never rejects. */
  async add(instance: Instance): Promise<void> {
    if (this.#hasStarted) await this.#scheduledCheck(instance);
  }

  /** Forgets a removed instance. */
  forget(instance: Instance): void {
    this.#forgotten.add(instance);
    clearTimeout(this.#timers.get(instance));
    this.#timers.delete(instance);
    this.#lookout.leave(instance);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#lookout.stop();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await Promise.all(this.#underWay.values());
  }

  /** Returns whether the instance can have a job now: its last success is fresh, or a check just passed. */
  async ensureFresh(instance: Instance): Promise<boolean> {
    const { lastSuccess } = instance.health;
    if (!instance.isHealthy) return false;
    if (lastSuccess !== undefined && this.#clock.now() - lastSuccess <= this.#options.freshMs) return true;
    const isUp = await this.#check(instance);
    if (!isUp) this.#schedule(instance);
    return isUp && instance.isHealthy;
  }

  /** Checks the instance now, for example after its breaker was closed manually. */
  async recheck(instance: Instance): Promise<void> {
    instance.health.problem = undefined;
    instance.forgetRefusals();
    this.#tellReturn(instance);
    await this.#scheduledCheck(instance);
  }

  /** Checks an instance that lost a connection, because it may have been restarted. Concurrent calls lead to one check. */
  async suspect(instance: Instance): Promise<void> {
    if (this.#underWay.has(instance) || !instance.health.isUp || this.#stopped.signal.aborted) return;
    if (!(await this.#check(instance))) this.#schedule(instance);
  }

  /** Reports that a job reached the instance, whatever the result of the job. */
  reportSuccess(instance: Instance): void {
    instance.health.lastSuccess = this.#clock.now();
    instance.breaker.recordSuccess();
  }

  /** Reports that a job could not reach the instance, or got a response that is not from ComfyUI. */
  reportFailure(instance: Instance, error: unknown): void {
    this.#recordFailure(instance, error);
    this.#schedule(instance);
  }

  /** Reports that a job found an address that leads to several machines, although checks did not detect it. */
  reportSeveralMachines(instance: Instance, error: unknown): void {
    if (instance.health.problem) return;
    const since = this.#clock.now();
    const until = since + this.#options.severalMachinesMs;
    instance.health.problem = { kind: 'several machines', since, reason: SEVERAL_MACHINES, until };
    const fields = { instance: instance.host, reason: SEVERAL_MACHINES, error: messageOf(error) };
    this.#logger.error('Instance gets no jobs', fields);
  }

  /** Reports that an upload of `bytes` was too large for an instance. Never rejects. */
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
    // An instance whose breaker was opened manually is still checked: the operator wants to see when it recovers.
    const { breaker } = instance;
    const mayCheck = breaker.isForced || breaker.tryPass();
    const wasUp = instance.health.isUp;
    const isUp = mayCheck && (await this.#check(instance));
    if (isUp && wasUp) await this.#inspector.inspect(instance, this.#stopped.signal);
    this.#schedule(instance);
    // Removed instances need no connections.
    if (!instance.isHealthy || this.#forgotten.has(instance)) return;
    for (const listener of this.#onHealthy) listener(instance);
  }

  /** Checks an instance that responds again. */
  #onBack(instance: Instance): void {
    const { breaker, health } = instance;
    if (health.isUp || breaker.isForced) return;
    breaker.endWait();
    if (!this.#underWay.has(instance)) void this.#scheduledCheck(instance);
  }

  #schedule(instance: Instance): void {
    if (this.#stopped.signal.aborted || this.#forgotten.has(instance)) return;
    clearTimeout(this.#timers.get(instance));
    const timer = setTimeout(() => void this.#scheduledCheck(instance), this.#untilNextCheck(instance));
    this.#timers.set(instance, timer);
  }

  #untilNextCheck({ health, breaker }: Instance): number {
    const { intervalMs, recheckMs } = this.#options;
    // This includes an instance that is excluded because of its address: it is up, and checking the address takes a
    // dozen requests.
    if (health.isUp && (breaker.state === 'CLOSED' || breaker.isForced)) return intervalMs;
    if (breaker.state === 'OPEN' && !breaker.isForced) return Math.ceil(breaker.msUntilProbe);
    return Math.min(intervalMs, recheckMs * 2 ** Math.max(0, breaker.snapshot.failures - 1));
  }

  /** Joins a check that is running. Never rejects. */
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
      // It gets no job before its capabilities are known.
      if (wasUp) this.#gpuFaults.tryAgain(instance);
      else this.#gpuFaults.noteReturn(instance);
      if (!wasUp) await this.#inspector.onUp(instance, this.#stopped.signal);
      health.lastCheck = health.lastSuccess = answeredAt;
      recordResponseTime(health, answeredAt - startedAt);
      health.version = version;
      health.isUp = true;
      health.downSince = health.lastError = undefined;
      this.#lookout.leave(instance);
      breaker.recordSuccess();
      if (!wasUp) {
        this.#logger.info('Instance is healthy', { instance: instance.host, version });
        for (const listener of this.#onUp) listener(instance);
        this.#tellReturn(instance);
      }
      return true;
    } catch (error) {
      if (this.#stopped.signal.aborted) return false;
      if (isServerFailure(error)) {
        // The machine was not asked, so all stays as it was.
        instance.breaker.returnProbe();
        return instance.health.isUp;
      }
      instance.health.lastCheck = this.#clock.now();
      this.#recordFailure(instance, error);
      return false;
    }
  }

  #tellReturn(instance: Instance): void {
    for (const listener of this.#onReturn) listener(instance);
  }

  #recordFailure(instance: Instance, error: unknown): void {
    const { health, breaker } = instance;
    const before = breaker.state;
    const wasUp = health.isUp;
    health.isUp = false;
    health.downSince ??= this.#clock.now();
    health.lastError = messageOf(error);
    this.#gpuFaults.noteSilence(instance);
    breaker.recordFailure();
    if (!breaker.isForced && !breaker.isOpenByJobs) this.#lookout.watch(instance, error);
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
