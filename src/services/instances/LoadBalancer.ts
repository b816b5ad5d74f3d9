import type { Instance } from './Instance.js';
import type { MachineView } from './scheduling/types.js';

/** A slot for one job on an instance, held until `release`. */
export interface Slot {
  readonly instance: Instance;
  /** Whether this job decides if an instance recovered after failing its jobs. */
  readonly isTrial: boolean;
  /** Frees the slot; further calls do nothing. */
  release(): void;
}

/** Jobs of other servers on the machines. */
export interface OtherServers {
  /** Returns how many jobs they have on a host, as far as this server knows. */
  jobsOn(host: string): number;
  /** Returns whether a slot on the host was refused, so that asking again is pointless for now. */
  isFull(host: string): boolean;
}

/** Other clients that submit prompts to the machines directly. */
interface OtherUsers {
  promptsOn(instance: Instance): number;
}

/** Assigns slots for jobs, and tells which are free. */
export class LoadBalancer {
  readonly #instances: readonly Instance[];
  readonly #others: OtherServers | undefined;
  readonly #users: OtherUsers | undefined;
  readonly #onRelease: Array<() => void> = [];

  constructor(instances: readonly Instance[], others?: OtherServers, users?: OtherUsers) {
    this.#instances = instances;
    this.#others = others;
    this.#users = users;
  }

  get instances(): readonly Instance[] {
    return this.#instances;
  }

  /** Number of healthy instances. */
  get healthyCount(): number {
    return this.#instances.filter((instance) => instance.isHealthy).length;
  }

  /** Number of jobs that the instances in service can run at the same time. */
  get capacity(): number {
    return capacityOf(this.#instances.filter((instance) => instance.isInService));
  }

  /** Number of jobs that all instances can run at the same time. */
  get fullCapacity(): number {
    return capacityOf(this.#instances);
  }

  /** Calls `listener` each time a slot is freed. */
  onRelease(listener: () => void): void {
    this.#onRelease.push(listener);
  }

  /** Returns whether any healthy instance can run such a job, free or not. */
  canRun(workflowType: string): boolean {
    return this.#instances.some((instance) => instance.canRun(workflowType));
  }

  /** Returns why no healthy instance can run such a job. */
  whyNot(workflowType: string): string {
    const healthy = this.#instances.filter((instance) => instance.isInService);
    if (healthy.length === 0) return this.#whyNone();
    const missing = new Set(healthy.flatMap((instance) => instance.health.missing.get(workflowType) ?? []));
    if (missing.size === 0) {
      return 'This workflow is new or has changed, and no healthy ComfyUI instance has reported yet whether it can run it.';
    }
    return `No healthy ComfyUI instance has what this workflow needs: ${[...missing].join(', ')}.`;
  }

  #whyNone(): string {
    const isDraining = this.#instances.some((instance) => instance.isHealthy);
    return isDraining ? 'Every healthy ComfyUI instance is draining.' : 'No ComfyUI instance is healthy.';
  }

  get hasFreeSlot(): boolean {
    return this.#instances.some((instance) => this.#isFree(instance));
  }

  /**
   * Returns whether a healthy instance can run a job of this type, but no instance accepts `bytes`. An instance that is
   * down may come back and accept them.
   */
  isTooLarge(workflowType: string, bytes: number): boolean {
    const able = this.#instances.filter(({ health }) => !health.missing.has(workflowType));
    return this.canRun(workflowType) && !able.some((instance) => instance.accepts(bytes));
  }

  /** Returns whether an instance outside `hosts` has a free slot for such a job now. */
  hasPlaceBeside(hosts: ReadonlySet<string>, workflowType: string, bytes: number): boolean {
    return this.#instances.some(
      (instance) =>
        !hosts.has(instance.host) &&
        instance.canRun(workflowType) &&
        instance.accepts(bytes) &&
        this.#isFree(instance),
    );
  }

  /** Returns the instances in service in the format of the scheduler. */
  views(): MachineView[] {
    const healthy = this.#instances.filter(({ isInService }) => isInService);
    return healthy.map((instance) => {
      const ofServers = this.#others?.jobsOn(instance.host) ?? 0;
      return {
        id: instance.host,
        freeSlots: this.#isFree(instance) ? instance.settings.maxJobs - this.#jobsOn(instance) : 0,
        others: ofServers + this.promptsOfOthers(instance),
        ofServers,
        canRun: (workflow) => instance.canRun(workflow),
        accepts: (bytes) => instance.accepts(bytes),
      };
    });
  }

  /** Returns how many prompts on an instance come from none of the servers, as far as known. */
  promptsOfOthers(instance: Instance): number {
    return this.#users?.promptsOn(instance) ?? 0;
  }

  /** Takes a slot on an instance; `undefined` if it has none. */
  acquire(host: string): Slot | undefined {
    const instance = this.#instances.find((one) => one.host === host);
    return instance && this.#isFree(instance) ? this.#take(instance) : undefined;
  }

  /** Takes a slot on an instance for a job whose prompt is there in any case: also beyond the limit. */
  join(instance: Instance): Slot {
    return this.#take(instance);
  }

  #isFree(instance: Instance): boolean {
    // A single job decides whether an instance whose jobs opened its breaker has recovered.
    if (instance.breaker.isOnTrial && instance.activeJobs > 0) return false;
    const isFull = this.#jobsOn(instance) >= instance.settings.maxJobs || this.#others?.isFull(instance.host);
    return instance.isInService && !isFull;
  }

  /** Returns the number of jobs of all servers on an instance. */
  #jobsOn({ activeJobs, host }: Instance): number {
    return this.#others ? activeJobs + this.#others.jobsOn(host) : activeJobs;
  }

  #take(instance: Instance): Slot {
    instance.activeJobs += 1;
    let isHeld = true;
    return {
      instance,
      isTrial: instance.breaker.isOnTrial,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        instance.activeJobs -= 1;
        for (const listener of this.#onRelease) listener();
      },
    };
  }
}

const capacityOf = (instances: readonly Instance[]) =>
  instances.reduce((sum, { settings }) => sum + settings.maxJobs, 0);
