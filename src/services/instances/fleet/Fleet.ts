import type { z } from 'zod';
import type { machineOrigin } from '../../../schemas/instances.js';
import type { Logger } from '../../../utils/logger.js';
import type { Instance, InstanceSettings } from '../Instance.js';
import type { Machine } from './Machine.js';

type Origin = z.output<typeof machineOrigin>;

/** A machine that the fleet should have. */
export interface Wanted {
  readonly machine: Machine;
  readonly origin: Origin;
  readonly state: InstanceSettings['state'];
}

interface Parts {
  /** Creates the instance for a machine. */
  readonly create: (machine: Machine, settings: InstanceSettings) => Instance;
  /** Default for machines without a limit of their own. */
  readonly maxJobs: number;
}

/** Time for requests that are still running on a removed machine, such as deleting a history entry; ms. */
const CLOSE_AFTER_MS = 30_000;

/**
 * The machines of this server. It compares them with the wanted ones, and adds, changes and removes instances. A removed
 * machine gets no more jobs, and is forgotten when its last job has ended.
 */
export class Fleet {
  readonly #parts: Parts;
  readonly #logger: Logger;
  /** Always the same array: callers may keep it, and see every change. */
  readonly #instances: Instance[] = [];
  readonly #origins = new Map<Instance, Origin>();
  readonly #leaving = new Set<Instance>();
  readonly #closing = new Map<Instance, NodeJS.Timeout>();
  readonly #onAdded: Array<(instance: Instance) => void> = [];
  readonly #onChanged: Array<(instance: Instance) => void> = [];
  readonly #onGone: Array<(instance: Instance) => void> = [];
  #wanted: readonly Wanted[] = [];
  #problems: readonly string[] = [];

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
  }

  /** In the order in which they were added. The array changes with the fleet. */
  get instances(): readonly Instance[] {
    return this.#instances;
  }

  /** Why some wanted machines are not in the fleet. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  originOf(instance: Instance): Origin {
    return this.#origins.get(instance) ?? 'environment';
  }

  /** Whether it is removed when its last job has ended. */
  isLeaving(instance: Instance): boolean {
    return this.#leaving.has(instance);
  }

  /** The name of a wanted machine with this host or name; it may not be in the fleet yet. */
  wantedAs({ host, id }: Pick<Machine['address'], 'host' | 'id'>): string | undefined {
    const addresses = this.#wanted.map(({ machine }) => machine.address);
    return addresses.find((address) => address.host === host || address.id === id)?.id;
  }

  onAdded(listener: (instance: Instance) => void): void {
    this.#onAdded.push(listener);
  }

  /** Calls `listener` with a machine whose settings changed. */
  onChanged(listener: (instance: Instance) => void): void {
    this.#onChanged.push(listener);
  }

  /** Calls `listener` with a machine that was removed and has no job any more. */
  onGone(listener: (instance: Instance) => void): void {
    this.#onGone.push(listener);
  }

  /** Changes the fleet to the wanted machines. Of two machines with the same host or name, the first one counts. */
  set(wanted: readonly Wanted[]): void {
    this.#wanted = wanted;
    const hosts = new Map<string, Wanted>();
    const names = new Set<string>();
    const problems: string[] = [];
    for (const one of wanted) {
      const { host, id } = one.machine.address;
      if (hosts.has(host))
        problems.push(`${host} is listed twice; the second time (${one.origin}) is ignored`);
      else if (names.has(id)) problems.push(`${id} is the name of two machines; ${host} is ignored`);
      else {
        hosts.set(host, one);
        names.add(id);
      }
    }
    this.#report(problems);
    for (const instance of [...this.#instances]) {
      const one = hosts.get(instance.host);
      if (!one || isOther(instance, one.machine)) this.#leave(instance);
    }
    for (const one of hosts.values()) this.#put(one);
  }

  /** Forgets removed machines that have no jobs. Call it when a job has ended. */
  sweep(): void {
    for (const instance of [...this.#leaving]) if (instance.activeJobs === 0) this.#forget(instance);
  }

  /** Closes the connections to every machine. */
  stop(): void {
    for (const timer of this.#closing.values()) clearTimeout(timer);
    for (const { client } of [...this.#instances, ...this.#closing.keys()]) client.close();
  }

  #put({ machine, origin, state }: Wanted): void {
    const settings = { maxJobs: machine.maxJobs ?? this.#parts.maxJobs, labels: machine.labels, state };
    const there = this.#instances.find(({ host }) => host === machine.address.host);
    if (there) {
      // Its address or credentials changed: it is created again when its jobs have ended.
      if (isOther(there, machine)) return;
      this.#origins.set(there, origin);
      this.#leaving.delete(there);
      this.#change(there, settings);
      return;
    }
    const instance = this.#parts.create(machine, settings);
    this.#instances.push(instance);
    this.#origins.set(instance, origin);
    for (const listener of this.#onAdded) listener(instance);
  }

  #change(instance: Instance, settings: InstanceSettings): void {
    if (JSON.stringify(settings) === JSON.stringify(instance.settings)) return;
    instance.settings = settings;
    for (const listener of this.#onChanged) listener(instance);
    this.#logger.info('Instance changed', { instance: instance.host, ...settings });
  }

  #leave(instance: Instance): void {
    if (this.#leaving.has(instance)) return;
    this.#leaving.add(instance);
    instance.settings = { ...instance.settings, state: 'draining' };
    this.#logger.info('Instance leaves', { instance: instance.host, activeJobs: instance.activeJobs });
    this.sweep();
  }

  #forget(instance: Instance): void {
    this.#leaving.delete(instance);
    this.#instances.splice(this.#instances.indexOf(instance), 1);
    this.#origins.delete(instance);
    const close = () => {
      this.#closing.delete(instance);
      instance.client.close();
    };
    this.#closing.set(instance, setTimeout(close, CLOSE_AFTER_MS).unref());
    this.#logger.info('Instance is gone', { instance: instance.host });
    for (const listener of this.#onGone) listener(instance);
    const again = this.#wanted.some(({ machine }) => machine.address.host === instance.host);
    if (again) this.set(this.#wanted);
  }

  #report(problems: readonly string[]): void {
    const isNew = problems.join() !== this.#problems.join();
    this.#problems = problems;
    if (isNew) for (const problem of problems) this.#logger.error('Instance cannot be used', { problem });
  }
}

/** Whether a machine differs from the instance of the same host in address, credentials, TLS or name. */
function isOther({ address }: Instance, machine: Machine): boolean {
  const { id, baseUrl, headers = {}, tls = {} } = machine.address;
  const identity = [id, baseUrl, headers, tls];
  return (
    JSON.stringify(identity) !==
    JSON.stringify([address.id, address.baseUrl, address.headers ?? {}, address.tls ?? {}])
  );
}
