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
export class Instance {
  readonly address: InstanceAddress;
  readonly client: ComfyClient;
  readonly breaker: CircuitBreaker;
  readonly health: InstanceHealth = {
    isUp: false,
    lastCheck: undefined,
    lastSuccess: undefined,
    responseTimeMs: undefined,
    averageResponseTimeMs: undefined,
    version: undefined,
    missing: new Map(),
  };
  activeJobs = 0;

  constructor(client: ComfyClient, breaker: CircuitBreaker) {
    this.address = client.address;
    this.client = client;
    this.breaker = breaker;
  }

  get host(): string {
    return this.address.host;
  }

  get isHealthy(): boolean {
    return this.health.isUp && this.breaker.state === 'CLOSED';
  }

  canRun(workflowType: string): boolean {
    return this.isHealthy && !this.health.missing.has(workflowType);
  }

  /** Every node and model that some workflow misses. */
  get missingNodes(): string[] {
    return [...new Set([...this.health.missing.values()].flat())].sort();
  }
}
