/** What the scheduler reads and what it answers. Plain data; times are epoch ms. */

/** A job that waits, as far as its place among others depends on it. */
export interface WaitingJob {
  readonly id: string;
  /** Who is counted for it: a key, otherwise an address. */
  readonly client: string;
  /** Workflow type. */
  readonly workflow: string;
  /** Model files that it loads; none where nothing is known of them. */
  readonly models: readonly string[];
  /** Higher ones first. */
  readonly priority: number;
  readonly enqueuedAt: number;
  /** It must begin by then. */
  readonly deadline?: number | undefined;
  /** It had its turn, and was put back: it goes before all others. */
  readonly isAgain: boolean;
  /** Machines that failed it: asked again only where no other one can run it. */
  readonly avoid: ReadonlySet<string>;
  /** Bytes of its largest file. */
  readonly largest: number;
}

/** A machine that may have jobs at present. */
export interface MachineView {
  readonly id: string;
  /** Jobs that it takes at once now. */
  readonly freeSlots: number;
  /** Prompts in its queue that this server did not give it: other users', and other servers'. */
  readonly others: number;
  /** Whether it has what a workflow needs. */
  canRun(workflow: string): boolean;
  /** Whether it accepts a file of so many bytes. */
  accepts(bytes: number): boolean;
}

/** What a machine would have meant for a job. */
export interface ConsideredMachine {
  readonly machine: string;
  readonly isFree: boolean;
  /** From now until the result. */
  readonly expectedMs: number;
  /** Of that, waiting for what the machine does before. */
  readonly waitMs: number;
  /** Of that, loading models. */
  readonly loadMs: number;
}

/** Why a job has its turn. */
export type TurnReason = 'next in turn' | 'skipped for too long' | 'models are loaded';

/** The decision that a job runs on a machine. */
export interface Assignment {
  readonly job: WaitingJob;
  readonly machine: string;
  readonly reason: TurnReason;
  /** The job that would have been next, where loaded models decided otherwise. */
  readonly insteadOf: string | undefined;
  /** Earliest result first; at most a few. */
  readonly considered: readonly ConsideredMachine[];
}

/** Why a job does not run yet. */
export type WaitReason = 'no machine can run it' | 'waits for its turn' | 'waits for a faster machine';

/** What a waiting job may expect as things are. */
export interface Prospect {
  readonly reason: WaitReason;
  /** Jobs that go before it; undefined beyond what a look covers. */
  readonly jobsAhead: number | undefined;
  /** Where it would run. */
  readonly machine: string | undefined;
  /** From now until its result. */
  readonly expectedMs: number | undefined;
}

/** The same, with the machines that were considered. */
export interface Outlook extends Prospect {
  readonly considered: readonly ConsideredMachine[];
}
