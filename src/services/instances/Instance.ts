import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { ComfyClient } from '../comfyui/ComfyClient.js';
import type { NodeInfo } from '../comfyui/protocol.js';
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
  /** Largest picture that it says it accepts, bytes; undefined where it does not tell. */
  maxImageBytes: number | undefined;
  /** Since when it is down, and what the last contact failed with; undefined while it is up. */
  downSince: number | undefined;
  lastError: string | undefined;
  /** Why it gets no jobs although it answers. */
  problem: InstanceProblem | undefined;
  /** What the instance lacks, by workflow type; types that it can run are not in it. */
  missing: ReadonlyMap<string, readonly string[]>;
  /** Workflow types that came or changed since it was asked what it has. */
  readonly unchecked: Set<string>;
  /** What it says of the node classes that workflows use. */
  nodes: ReadonlyMap<string, NodeInfo>;
}

/** Something about an instance that checks of its health do not show. */
interface InstanceProblem {
  readonly reason: string;
  /** A job found it, which checks may not see: none of them ends it before this time (epoch ms). */
  readonly until?: number;
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
    maxImageBytes: undefined,
    downSince: undefined,
    lastError: undefined,
    problem: undefined,
    missing: new Map(),
    unchecked: new Set(),
    nodes: new Map(),
  };
  activeJobs = 0;
  /** Size of the smallest picture that was too large. */
  #refusedBytes = Number.POSITIVE_INFINITY;

  constructor(client: ComfyClient, breaker: CircuitBreaker) {
    this.address = client.address;
    this.client = client;
    this.breaker = breaker;
  }

  get host(): string {
    return this.address.host;
  }

  get isHealthy(): boolean {
    return this.health.isUp && this.breaker.state === 'CLOSED' && this.health.problem === undefined;
  }

  canRun(workflowType: string): boolean {
    const { missing, unchecked } = this.health;
    return this.isHealthy && !missing.has(workflowType) && !unchecked.has(workflowType);
  }

  /** Whether it accepts a picture of that many bytes. */
  accepts(bytes: number): boolean {
    return bytes < this.#refusedBytes && bytes <= (this.health.maxImageBytes ?? Number.POSITIVE_INFINITY);
  }

  /** It refused a picture of that many bytes, whatever it says of itself: a proxy before it may have a limit too. */
  refused(bytes: number): void {
    this.#refusedBytes = Math.min(this.#refusedBytes, bytes);
  }

  /** What it refused it may accept now: it was restarted, or somebody says that it is in order. */
  forgetRefusals(): void {
    this.#refusedBytes = Number.POSITIVE_INFINITY;
  }

  /** Every node and model that some workflow misses. */
  get missingNodes(): string[] {
    return [...new Set([...this.health.missing.values()].flat())].sort();
  }
}
