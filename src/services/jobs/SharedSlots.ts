import type { OtherServers, Slot } from '../instances/LoadBalancer.js';
import type { LimitReached, SlotLease, SlotLeases } from '../queue/SlotLeases.js';

/** How long what was refused is not asked for again, unless a place is given back before, ms. */
const PAUSE_MS = 1000;

interface Limits {
  /** Jobs on a machine. */
  perHost(host: string): number;
  /** Jobs on all of them. */
  readonly ofAll: number;
}

/**
 * Places on machines that this server shares with others. The balancer counts those of this server; here they are made
 * to count for all. What was refused counts as taken for a while, so that an entry is not taken and put back without end.
 */
export class SharedSlots implements OtherServers {
  readonly #leases: SlotLeases;
  readonly #limits: Limits;
  readonly #listeners: Array<() => void> = [];
  readonly #full = new Set<string>();
  #areAllTaken = false;
  /** How often somebody gave a place back. */
  #returns = 0;
  #pause: NodeJS.Timeout | undefined;
  readonly #unsubscribe: () => void;

  constructor(leases: SlotLeases, limits: Limits) {
    this.#leases = leases;
    this.#limits = limits;
    this.#unsubscribe = leases.onReleased((host) => {
      this.#givenBack(host);
      this.#tell();
    });
  }

  /** Calls `listener` when there may be a place that there was not before. */
  onFree(listener: () => void): void {
    this.#listeners.push(listener);
  }

  jobsOn(host: string): number {
    return this.#leases.used().get(host) ?? 0;
  }

  isFull(host: string): boolean {
    return this.#full.has(host);
  }

  /** Whether all servers together have a place for one more, beside so many jobs of this one. */
  hasPlaceBeside(ownJobs: number): boolean {
    let jobs = ownJobs;
    for (const count of this.#leases.used().values()) jobs += count;
    return !this.#areAllTaken && jobs < this.#limits.ofAll;
  }

  /**
   * Makes a place of this server count for all.
   * @returns the place, to be given back instead; undefined when there is none, and `slot` is given back then
   * @throws what the leases reject with: `slot` is given back, and nothing is asked for during the next second
   */
  async lease<S extends Slot>(slot: S): Promise<S | undefined> {
    const { host } = slot.instance;
    const { perHost, ofAll } = this.#limits;
    const before = this.#returns;
    let answer: SlotLease | LimitReached | undefined;
    try {
      answer = await this.#leases.acquire(host, perHost(host), ofAll);
    } finally {
      if (typeof answer !== 'object') {
        // What was given back after a refusal may be told before it.
        if (this.#returns === before) this.#refused(host, answer);
        slot.release();
      }
    }
    return typeof answer === 'object' ? this.#wrap(slot, answer) : undefined;
  }

  stop(): void {
    this.#unsubscribe();
    clearTimeout(this.#pause);
  }

  #wrap<S extends Slot>(slot: S, lease: SlotLease): S {
    let isHeld = true;
    return {
      ...slot,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        lease.release();
        this.#givenBack(slot.instance.host);
        slot.release();
      },
    };
  }

  /** @param limit undefined when it is not known */
  #refused(host: string, limit: LimitReached | undefined): void {
    if (limit === 'limit of host') this.#full.add(host);
    else this.#areAllTaken = true;
    this.#pause ??= setTimeout(() => this.#resume(), PAUSE_MS).unref();
  }

  #givenBack(host: string): void {
    this.#returns += 1;
    this.#areAllTaken = false;
    this.#full.delete(host);
  }

  #resume(): void {
    this.#pause = undefined;
    this.#areAllTaken = false;
    this.#full.clear();
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
