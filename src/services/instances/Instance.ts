import type { InstanceAddress } from '../../utils/instanceUrls.js';
import { isGraphKey } from '../../workflows/graphNeeds.js';
import type { ComfyClient } from '../comfyui/ComfyClient.js';
import type { NodeInfo } from '../comfyui/protocol.js';
import type { CircuitBreaker } from './circuitBreaker.js';

/** Health of an instance. Times are epoch ms. */
export interface InstanceHealth {
  /** Whether the last contact succeeded. */
  isUp: boolean;
  lastCheck: number | undefined;
  lastSuccess: number | undefined;
  /** Of the last successful check, and the moving average of all. */
  responseTimeMs: number | undefined;
  averageResponseTimeMs: number | undefined;
  version: string | undefined;
  /** Size in bytes of the largest image that it reports to accept; `undefined` if unknown. */
  maxImageBytes: number | undefined;
  /** Since when it is down, and the error of the last contact; `undefined` while it is up. */
  downSince: number | undefined;
  lastError: string | undefined;
  /** Why it gets no jobs although it is up. */
  problem: InstanceProblem | undefined;
  /** Workflows run on it before its first job. */
  isWarming: boolean;
  /** What the instance lacks, by workflow type. Types that it can run have no entry. */
  missing: ReadonlyMap<string, readonly string[]>;
  /** Workflow types that are new or changed since the last inspection. */
  readonly unchecked: Set<string>;
  /** Keys of the needs of client graphs that it was checked for and meets. */
  readonly graphs: Set<string>;
  /** Its info on the node classes that workflows use. */
  nodes: ReadonlyMap<string, NodeInfo>;
}

/** A problem that health checks do not detect. Times are epoch ms. Each kind is cleared only by the code that detects it. */
type InstanceProblem =
  | {
      readonly kind: 'several machines';
      readonly since: number;
      readonly reason: string;
      /** Set when a job found it. Checks may not detect it, so they do not clear it before this time. */
      readonly until?: number;
    }
  /** Every prompt fails until ComfyUI is restarted. */
  | {
      readonly kind: 'GPU fault';
      readonly since: number;
      readonly reason: string;
      /** It was down since then: when it responds again, it was restarted. */
      readonly wasGone: boolean;
    };

/** Settings that an operator can change while the instance runs. */
export interface InstanceSettings {
  /** Maximum number of jobs at the same time. */
  readonly maxJobs: number;
  /** Labels that workflows can require, such as a type of GPU. */
  readonly labels: readonly string[];
  /** `draining`: no new jobs; running jobs end normally. */
  readonly state: 'active' | 'draining';
}

/** A ComfyUI machine: its connection, its health, and how many jobs of this server it has. */
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
    isWarming: false,
    missing: new Map(),
    unchecked: new Set(),
    graphs: new Set(),
    nodes: new Map(),
  };
  settings: InstanceSettings;
  activeJobs = 0;
  /** Size of the smallest image that it rejected. */
  #refusedBytes = Number.POSITIVE_INFINITY;

  constructor(client: ComfyClient, breaker: CircuitBreaker, settings: InstanceSettings) {
    this.address = client.address;
    this.client = client;
    this.breaker = breaker;
    this.settings = settings;
  }

  get host(): string {
    return this.address.host;
  }

  get isHealthy(): boolean {
    const { isUp, problem, isWarming } = this.health;
    return isUp && this.breaker.state === 'CLOSED' && problem === undefined && !isWarming;
  }

  /** Whether it can get new jobs. */
  get isInService(): boolean {
    return this.isHealthy && this.settings.state === 'active';
  }

  /** @param workflowType or the key of a graph's needs */
  canRun(workflowType: string): boolean {
    const { missing, unchecked, graphs } = this.health;
    if (isGraphKey(workflowType)) return this.isInService && graphs.has(workflowType);
    return this.isInService && !missing.has(workflowType) && !unchecked.has(workflowType);
  }

  /** Returns whether it accepts an image of `bytes`. */
  accepts(bytes: number): boolean {
    return bytes < this.#refusedBytes && bytes <= (this.health.maxImageBytes ?? Number.POSITIVE_INFINITY);
  }

  /** Notes that it rejected an image of `bytes`, whatever limit it reports: a proxy in front of it may have a limit too. */
  refused(bytes: number): void {
    this.#refusedBytes = Math.min(this.#refusedBytes, bytes);
  }

  /** Forgets rejected sizes, because it was restarted or an operator declared it working. */
  forgetRefusals(): void {
    this.#refusedBytes = Number.POSITIVE_INFINITY;
  }

  /** Every node and model that any workflow lacks. */
  get missingNodes(): string[] {
    return [...new Set([...this.health.missing.values()].flat())].sort();
  }
}
