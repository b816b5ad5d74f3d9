import type { Instance } from '../instances/Instance.js';
import type { OtherServers, Slot } from '../instances/LoadBalancer.js';
import { LaterLook } from '../queue/LaterLook.js';
import type { LimitReached, SlotLease, SlotLeases } from '../queue/SlotLeases.js';

/** How long a refused lease is not requested again, unless a slot is released before, ms. */
const PAUSE_MS = 1000;

/** A slot on a machine that was chosen for a job. */
export interface SharedSlot<S extends SharedSlot<S>> extends Slot {
  /** Number of jobs of other servers on the machine when it was chosen. */
  readonly ofServers: number;
  /**
   * Chooses for the same job again, with what is known now. Call it instead of `release`.
   * @returns `undefined` if the job must wait
   */
  again(): S | undefined;
  /**
   * Moves a job that has begun to the machine which already has its prompt, whatever the limits there. Never rejects.
   * @returns the slot to release instead
   */
  moveTo(instance: Instance): Promise<S>;
}

interface Limits {
  /** Jobs per machine. */
  perHost(host: string): number;
  /** Jobs on all machines. */
  readonly ofAll: number;
}

/**
 * Slots on machines that this server shares with others. The balancer counts this server's slots; leases make them count for all
 * servers. A refused slot counts as taken for a while, so that entries are not taken and returned endlessly.
 */
export class SharedSlots implements OtherServers {
  readonly #leases: SlotLeases;
  readonly #limits: Limits;
  readonly #listeners: Array<() => void> = [];
  readonly #full = new Set<string>();
  #areAllTaken = false;
  /** Number of slots that any server has released. */
  #returns = 0;
  #pause: NodeJS.Timeout | undefined;
  readonly #later = new LaterLook(() => this.#tell());
  readonly #unsubscribe: () => void;

  constructor(leases: SlotLeases, limits: Limits) {
    this.#leases = leases;
    this.#limits = limits;
    this.#unsubscribe = leases.onReleased((host) => {
      this.#givenBack(host);
      this.#later.plan();
    });
  }

  /** Calls `listener` when a slot may have become free. */
  onFree(listener: () => void): void {
    this.#listeners.push(listener);
  }

  jobsOn(host: string): number {
    return this.#leases.used().get(host) ?? 0;
  }

  isFull(host: string): boolean {
    return this.#full.has(host);
  }

  /** Whether all servers together have a slot for one more job, in addition to `ownJobs` of this server. */
  hasPlaceBeside(ownJobs: number): boolean {
    let jobs = ownJobs;
    for (const count of this.#leases.used().values()) jobs += count;
    return !this.#areAllTaken && jobs < this.#limits.ofAll;
  }

  /**
   * Leases a slot of this server from all servers. If another server has started a job on the machine since the choice, the choice
   * may be wrong now: it is made again.
   * @returns the slot to release instead; undefined if there is no lease, and `slot` is released then
   * @throws the rejection of the leases: `slot` is released, and nothing is requested during the next second
   */
  async lease<S extends SharedSlot<S>>(slot: S): Promise<S | undefined> {
    for (let chosen: S | undefined = slot; chosen; chosen = chosen.again()) {
      const answer = await this.#request(chosen);
      if (typeof answer === 'object') return this.#wrap(chosen, answer);
      if (answer !== 'limit of others') return undefined;
    }
    return undefined;
  }

  /** Releases the slot, unless it is leased or must be chosen again. */
  async #request<S extends SharedSlot<S>>(slot: S): Promise<SlotLease | LimitReached | undefined> {
    const { host } = slot.instance;
    const { perHost, ofAll } = this.#limits;
    const before = this.#returns;
    let answer: SlotLease | LimitReached | undefined;
    try {
      answer = await this.#leases.acquire(host, perHost(host), ofAll, slot.ofServers);
    } finally {
      if (typeof answer !== 'object' && answer !== 'limit of others') {
        // The message about a release after the refusal may arrive before the refusal.
        if (this.#returns === before) this.#refused(host, answer);
        slot.release();
      }
    }
    return answer;
  }

  stop(): void {
    this.#unsubscribe();
    clearTimeout(this.#pause);
    this.#later.stop();
  }

  #wrap<S extends SharedSlot<S>>(slot: S, lease: SlotLease | undefined): S {
    let isHeld = true;
    const giveBack = () => {
      if (!isHeld) return;
      isHeld = false;
      lease?.release();
      this.#givenBack(slot.instance.host);
    };
    return {
      ...slot,
      release: () => {
        giveBack();
        slot.release();
      },
      moveTo: async (instance) => {
        const lease = await this.#leaseAnyway(instance.host);
        giveBack();
        return this.#wrap(await slot.moveTo(instance), lease);
      },
    };
  }

  /** A lease beyond all limits. During an outage there is none: then the other servers do not count the job. */
  async #leaseAnyway(host: string): Promise<SlotLease | undefined> {
    try {
      const answer = await this.#leases.acquire(host, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      return typeof answer === 'object' ? answer : undefined;
    } catch {
      return undefined;
    }
  }

  /** @param limit undefined if unknown */
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
