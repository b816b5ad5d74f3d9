import type { Instance } from './Instance.js';
/** A place for one job on an instance, held until `release`. */
export interface Slot {
    readonly instance: Instance;
    /** Gives the place back; further calls do nothing. */
    release(): void;
}
/** Hands out places for jobs: least loaded healthy instance first, ties in turn. */
export declare class LoadBalancer {
    #private;
    constructor(instances: readonly Instance[], maxPerInstance: number);
    get instances(): readonly Instance[];
    /** Instances that may have jobs at present. */
    get healthyCount(): number;
    get maxPerInstance(): number;
    /** Calls `listener` whenever a place became free. */
    onRelease(listener: () => void): void;
    /** Whether any healthy instance could run such a job, free or not. */
    canRun(workflowType: string): boolean;
    /** Why no healthy instance can run such a job. */
    whyNot(workflowType: string): string;
    get hasFreeSlot(): boolean;
    /**
     * Takes a place for a job of this type. Instances in `tried` failed this job before: they are only asked again
     * when no other healthy one can run it at all.
     */
    acquire(workflowType: string, tried: ReadonlySet<string>): Slot | undefined;
}
