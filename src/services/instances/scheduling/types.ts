/** Input and output of the scheduler. Plain data; times are epoch ms. */
import type { Execution } from './SpeedEstimates.js';

/** A waiting job with everything that decides its turn. */
export interface WaitingJob {
  readonly id: string;
  /** The client that its machine time is counted for: a key, otherwise an address. */
  readonly client: string;
  /** Workflow type. */
  readonly workflow: string;
  /** Model files that it loads; empty if unknown. */
  readonly models: readonly string[];
  /** Higher values first. */
  readonly priority: number;
  readonly enqueuedAt: number;
  /** Latest start time. */
  readonly deadline?: number | undefined;
  /** It had its turn and was put back: it goes before all others. */
  readonly isAgain: boolean;
  /** Machines that failed it: used again only if no other machine can run it. */
  readonly avoid: ReadonlySet<string>;
  /** Size of its largest file, bytes. */
  readonly largest: number;
}

/** A machine in service. */
export interface MachineView {
  readonly id: string;
  /** Number of jobs that it can accept now. */
  readonly freeSlots: number;
  /** Number of prompts in its queue that are not from this server, but from other users or servers. */
  readonly others: number;
  /** Number of those that are jobs of other servers. */
  readonly ofServers: number;
  /** Returns whether it can run a workflow. */
  canRun(workflow: string): boolean;
  /** Returns whether it accepts a file of `bytes`. */
  accepts(bytes: number): boolean;
}

/** Estimates for a job on a machine. */
export interface ConsideredMachine {
  readonly machine: string;
  readonly isFree: boolean;
  /** From now until the result. */
  readonly expectedMs: number;
  /** Part of `expectedMs` for the work that the machine has before the job. */
  readonly waitMs: number;
  /** Part of `expectedMs` for loading models. */
  readonly loadMs: number;
}

/** Why a job is started. */
export type TurnReason = 'next in turn' | 'skipped for too long' | 'models are loaded';

/** The decision that a job runs on a machine. */
export interface Assignment {
  readonly job: WaitingJob;
  readonly machine: string;
  readonly reason: TurnReason;
  /** The job that was next in turn, if another one was chosen because of loaded models. */
  readonly insteadOf: string | undefined;
  /** At most a few, earliest result first. */
  readonly considered: readonly ConsideredMachine[];
}

/** Why a job does not run yet. */
export type WaitReason = 'no machine can run it' | 'waits for its turn' | 'waits for a faster machine';

/** Estimates for a waiting job in the current situation. */
export interface Prospect {
  readonly reason: WaitReason;
  /** Number of jobs before it; `undefined` beyond the simulated part of the queue. */
  readonly jobsAhead: number | undefined;
  /** Expected machine. */
  readonly machine: string | undefined;
  /** From now until the result. */
  readonly expectedMs: number | undefined;
}

/** A prospect with the machines that were considered. */
export interface Outlook extends Prospect {
  readonly considered: readonly ConsideredMachine[];
}

/** A job that another server started. */
interface StartElsewhere {
  readonly job: string;
  readonly client: string;
  readonly expectedMs: number;
  /** Whether it was started because it had been skipped for too long. */
  readonly isLate?: boolean | undefined;
}

/** An update about a machine from another server. */
export interface UpdateOfServer {
  readonly machine: string;
  /** Models of the last job that it got; empty if unknown. */
  readonly loaded?: readonly string[] | undefined;
  /** A job that it got. */
  readonly started?: StartElsewhere | undefined;
  /** Id of a job that is no longer there. */
  readonly ended?: string | undefined;
  readonly execution?: Omit<Execution, 'machine'> | undefined;
}
