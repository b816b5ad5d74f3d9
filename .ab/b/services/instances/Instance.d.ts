import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { ComfyClient } from '../comfyui/ComfyClient.js';
import type { CircuitBreaker } from './circuitBreaker.js';
/** What is known about an instance's health. Times are epoch ms. */
export interface InstanceHealth {
    /** Whether the last contact went well. */
    isUp: boolean;
    lastCheck: number | undefined;
    lastSuccess: number | undefined;
    /** Of the last check that went well, and the moving average of all. */
    responseTimeMs: number | undefined;
    averageResponseTimeMs: number | undefined;
    version: string | undefined;
    /** What the instance lacks, by workflow type; types that it can run are not in it. */
    missing: ReadonlyMap<string, readonly string[]>;
}
/** One ComfyUI machine: how it is reached, how it is, and how many of our jobs it has. */
export declare class Instance {
    readonly address: InstanceAddress;
    readonly client: ComfyClient;
    readonly breaker: CircuitBreaker;
    readonly health: InstanceHealth;
    activeJobs: number;
    constructor(client: ComfyClient, breaker: CircuitBreaker);
    get host(): string;
    get isHealthy(): boolean;
    canRun(workflowType: string): boolean;
    /** Every node and model that some workflow misses. */
    get missingNodes(): string[];
}
