import type { Instance } from './Instance.js';
import type { MachineView } from './scheduling/types.js';

/** A place for one job on an instance, held until `release`. */
export interface Slot {
  readonly instance: Instance;
  /** The job decides whether an instance that failed its jobs is well again. */
  readonly isTrial: boolean;
  /** Gives the place back; further calls do nothing. */
  release(): void;
}

/** What other servers have on the machines, where there are any. */
export interface OtherServers {
  /** Jobs of theirs on a host, as far as this server knows. */
  jobsOn(host: string): number;
  /** Whether a place on the host was refused, so that it makes no sense to ask for one again yet. */
  isFull(host: string): boolean;
}

/** Hands out places for jobs, and says where there are any. */
export class LoadBalancer {
  readonly #instances: readonly Instance[];
  readonly #others: OtherServers | undefined;
  readonly #onRelease: Array<() => void> = [];

  constructor(instances: readonly Instance[], others?: OtherServers) {
    this.#instances = instances;
    this.#others = others;
  }

  get instances(): readonly Instance[] {
    return this.#instances;
  }

  /** Instances that answer and run jobs as they should. */
  get healthyCount(): number {
    return this.#instances.filter((instance) => instance.isHealthy).length;
  }

  /** Jobs that the instances take at once, of those that may have jobs at present. */
  get capacity(): number {
    return capacityOf(this.#instances.filter((instance) => instance.isInService));
  }

  /** The same of all instances. */
  get fullCapacity(): number {
    return capacityOf(this.#instances);
  }

  /** Calls `listener` whenever a place became free. */
  onRelease(listener: () => void): void {
    this.#onRelease.push(listener);
  }

  /** Whether any healthy instance could run such a job, free or not. */
  canRun(workflowType: string): boolean {
    return this.#instances.some((instance) => instance.canRun(workflowType));
  }

  /** Why no healthy instance can run such a job. */
  whyNot(workflowType: string): string {
    const healthy = this.#instances.filter((instance) => instance.isInService);
    if (healthy.length === 0) return this.#whyNone();
    const missing = new Set(healthy.flatMap((instance) => instance.health.missing.get(workflowType) ?? []));
    if (missing.size === 0) {
      return 'This workflow is new or changed, and no healthy ComfyUI instance said yet whether it has what is needed.';
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
   * Whether some healthy instance could run a job of this type, but none accepts that many bytes. One that is down at
   * present may come back and accept them.
   */
  isTooLarge(workflowType: string, bytes: number): boolean {
    const able = this.#instances.filter(({ health }) => !health.missing.has(workflowType));
    return this.canRun(workflowType) && !able.some((instance) => instance.accepts(bytes));
  }

  /** Whether an instance whose host is not one of `hosts` has a place for such a job at present. */
  hasPlaceBeside(hosts: ReadonlySet<string>, workflowType: string, bytes: number): boolean {
    return this.#instances.some(
      (instance) =>
        !hosts.has(instance.host) &&
        instance.canRun(workflowType) &&
        instance.accepts(bytes) &&
        this.#isFree(instance),
    );
  }

  /** Instances that may have jobs at present, as the scheduler looks at them. */
  views(): MachineView[] {
    const healthy = this.#instances.filter(({ isInService }) => isInService);
    return healthy.map((instance) => ({
      id: instance.host,
      freeSlots: this.#isFree(instance) ? instance.settings.maxJobs - this.#jobsOn(instance) : 0,
      others: this.othersOn(instance),
      canRun: (workflow) => instance.canRun(workflow),
      accepts: (bytes) => instance.accepts(bytes),
    }));
  }

  /** Prompts in an instance's queue that are not this server's, as far as is known. */
  othersOn({ host }: Instance): number {
    return this.#others?.jobsOn(host) ?? 0;
  }

  /** Takes a place on an instance; undefined where there is none. */
  acquire(host: string): Slot | undefined {
    const instance = this.#instances.find((one) => one.host === host);
    return instance && this.#isFree(instance) ? this.#take(instance) : undefined;
  }

  #isFree(instance: Instance): boolean {
    // One job decides whether an instance that was opened by its jobs is well again.
    if (instance.breaker.isOnTrial && instance.activeJobs > 0) return false;
    const isFull = this.#jobsOn(instance) >= instance.settings.maxJobs || this.#others?.isFull(instance.host);
    return instance.isInService && !isFull;
  }

  /** Of all servers. */
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
