import { messageOf } from '../../../errors.js';
import type { MachinePatch } from '../../../schemas/instances.js';
import type { Logger } from '../../../utils/logger.js';
import { Repeater } from '../../../utils/Repeater.js';
import type { Fleet, Wanted } from './Fleet.js';
import type { Listed, Machine } from './Machine.js';

/** Sources of machines, in order of precedence. */
const ORIGINS = ['environment', 'file', 'api'] as const;
type Origin = (typeof ORIGINS)[number];

/** A manual change to a machine. It overrides the machine's list. */
export interface Decision {
  readonly isRemoved: boolean;
  readonly patch: MachinePatch;
}

/** Returns every address of a name. @throws if DNS has none */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** Maximum for one name. */
const MAX_ADDRESSES = 1000;

interface Parts {
  readonly fleet: Fleet;
  readonly resolve: Resolve;
  /** Between two DNS lookups, ms. */
  readonly intervalMs: number;
}

/** Combines the lists of machines with manual changes and DNS lookups, and passes the result to the fleet. */
export class Roster {
  readonly #parts: Parts;
  readonly #logger: Logger;
  readonly #lists = new Map<Origin, readonly Listed[]>();
  #decisions: ReadonlyMap<string, Decision> = new Map();
  /** The latest addresses from DNS, by the text of the name. */
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #silent = new Set<string>();
  readonly #looks: Repeater;
  #hasStarted = false;

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
    this.#looks = new Repeater(
      () => this.#resolveAll(),
      parts.intervalMs,
      (error) => logger.error('Names of machines cannot be looked up', { error: messageOf(error) }),
    );
  }

  /** Looks up all names, and repeats that at the interval. */
  async start(): Promise<void> {
    this.#hasStarted = true;
    await this.#looks.now();
    this.#looks.start();
  }

  stop(): void {
    this.#looks.stop();
  }

  /** Replaces one of the lists. Resolves when the names on it were looked up. */
  async list(origin: Origin, entries: readonly Listed[]): Promise<void> {
    this.#lists.set(origin, entries);
    this.#apply();
    if (this.#hasStarted && entries.some((entry) => 'dns' in entry)) await this.#looks.now();
  }

  /** Replaces the manual changes, by name. */
  decide(decisions: ReadonlyMap<string, Decision>): void {
    this.#decisions = decisions;
    this.#apply();
  }

  /** Whether a machine is on a list that the API cannot change. */
  isListedElsewhere(name: string): boolean {
    return this.#machines().some(({ machine, origin }) => origin !== 'api' && machine.address.id === name);
  }

  #apply(): void {
    const wanted = this.#machines().flatMap(({ machine, origin }): Wanted[] => {
      const decision = this.#decisions.get(machine.address.id);
      if (decision?.isRemoved) return [];
      const { max_jobs = machine.maxJobs, labels = machine.labels, state = 'active' } = decision?.patch ?? {};
      return [{ machine: { ...machine, maxJobs: max_jobs, labels }, origin, state }];
    });
    this.#parts.fleet.set(wanted);
  }

  #machines(): { machine: Machine; origin: Origin }[] {
    return ORIGINS.flatMap((origin) =>
      (this.#lists.get(origin) ?? []).flatMap((entry) => {
        if ('machine' in entry) return [{ machine: entry.machine, origin }];
        const addresses = this.#addresses.get(entry.dns.text) ?? [];
        return addresses.map((address) => ({ machine: entry.at(address), origin }));
      }),
    );
  }

  async #resolveAll(): Promise<void> {
    const names = [...this.#lists.values()].flat().flatMap((entry) => ('dns' in entry ? [entry.dns] : []));
    const texts = new Set(names.map(({ text }) => text));
    for (const text of this.#addresses.keys()) if (!texts.has(text)) this.#addresses.delete(text);
    const changes = await Promise.all(names.map(({ text, hostname }) => this.#resolve(text, hostname)));
    if (changes.includes(true)) this.#apply();
  }

  /** If DNS does not respond, the machines stay as they are. @returns whether addresses changed */
  async #resolve(text: string, hostname: string): Promise<boolean> {
    try {
      const found = await this.#parts.resolve(hostname);
      const addresses = [...new Set(found)].sort().slice(0, MAX_ADDRESSES);
      if (this.#silent.delete(text)) this.#logger.info('Name of machines is known again', { name: text });
      const before = this.#addresses.get(text) ?? [];
      this.#addresses.set(text, addresses);
      return addresses.join() !== before.join();
    } catch (error) {
      if (!this.#silent.has(text)) {
        this.#logger.warn('Name of machines cannot be looked up: they stay as they were', {
          name: text,
          error: messageOf(error),
        });
      }
      this.#silent.add(text);
      return false;
    }
  }
}
