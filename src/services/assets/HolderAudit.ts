import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { AssetLibrary } from './AssetLibrary.js';
import { holderOf } from './holderNames.js';

/** Minimum age of the hold of a lost job, ms: a job gets its record much sooner after its bytes are stored. */
const JOB_MS = 3_600_000;
/** How often a process tells the others that it runs, ms. */
const SIGN_MS = 20_000;
/** Time without a sign of life after which a process has ended, ms: longer than an outage of its connection. */
const SILENT_MS = 300_000;

export const AUDIT_TIMINGS = {
  intervalMs: 600_000,
  jobMs: JOB_MS,
  signMs: SIGN_MS,
  silentMs: SILENT_MS,
};

/** A hold on an asset. */
export interface Hold {
  readonly hash: string;
  readonly holder: string;
  /** Time since it was taken. */
  readonly ageMs: number;
}

/** Holders that outlive a server, so a dead server may leave some behind. */
export interface AuditedHolders {
  /** Returns all holds. Those that are added or removed in the meantime may be missing. */
  walk(): AsyncIterable<Hold>;
  /** @returns true for one server per interval */
  beginAudit(intervalMs: number): Promise<boolean>;
  /** Tells all servers that a process runs. */
  giveSign(processId: string): Promise<void>;
  /** @returns ms since the last sign of a process. An unknown one is silent from now on */
  silenceOf(processId: string): Promise<number>;
  /** Forgets processes that have been silent for this long. */
  forgetSilent(ms: number): Promise<void>;
}

interface Parts {
  readonly holders: AuditedHolders;
  readonly library: Pick<AssetLibrary, 'release'>;
  /** Of this process. */
  readonly processId: string;
  /** Returns whether a job has a record. */
  isKnown(jobId: string): Promise<boolean>;
  /** Returns whether a client's asset has a record. */
  isAssetKnown(assetId: string): Promise<boolean>;
}

/**
 * Releases holds that nobody else releases: those of jobs and client assets without a record, whose server died before it
 * wrote the record or after it deleted it, and temporary holds of processes that ended. Each process gives signs of life;
 * while it does, its holds stay, also those of files that clients uploaded days ago. One server at a time runs an audit.
 */
export class HolderAudit {
  readonly #parts: Parts;
  readonly #timings: typeof AUDIT_TIMINGS;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #signTimer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStopping = false;
  #hasFailed = false;

  constructor(parts: Parts, logger: Logger, timings = AUDIT_TIMINGS) {
    this.#parts = parts;
    this.#logger = logger;
    this.#timings = timings;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.run(), this.#timings.intervalMs);
    this.#signTimer ??= setInterval(() => this.#giveSign(), this.#timings.signMs);
    this.#giveSign();
  }

  /** Ends a running audit early, and waits for its end. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    clearInterval(this.#signTimer);
    this.#timer = undefined;
    this.#signTimer = undefined;
    await this.#running;
  }

  /** Runs an audit, unless a server already ran one in this interval. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  #giveSign(): void {
    const { holders, processId } = this.#parts;
    // The connection logs an outage. No audit is possible during it.
    holders.giveSign(processId).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { holders } = this.#parts;
    try {
      // A little less than the interval of the timers: the next audit must not miss its turn.
      if (!(await holders.beginAudit(Math.ceil(this.#timings.intervalMs * 0.9)))) return;
      const lost = await this.#releaseLost();
      // Some time after their holds were released.
      if (!this.#isStopping) await holders.forgetSilent(2 * this.#timings.silentMs);
      if (lost > 0) this.#logger.warn('Assets of lost jobs were released', { holders: lost });
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed)
        this.#logger.error('Asset holders could not be checked', { error: messageOf(error) });
      this.#hasFailed = true;
    }
  }

  /** @returns the number of released holds */
  async #releaseLost(): Promise<number> {
    const { holders, library } = this.#parts;
    const lostOwners = new Map<string, boolean>();
    let lost = 0;
    for await (const { hash, holder, ageMs } of holders.walk()) {
      if (this.#isStopping) break;
      if (!(await this.#isLost(holder, ageMs, lostOwners))) continue;
      await library.release(hash, holder);
      lost += 1;
    }
    return lost;
  }

  /** @param lostOwners results of earlier lookups */
  async #isLost(holder: string, ageMs: number, lostOwners: Map<string, boolean>): Promise<boolean> {
    const { kind, id } = holderOf(holder);
    if (kind !== 'temporary' && ageMs < this.#timings.jobMs) return false;
    const key = `${kind} ${id}`;
    const isLost = lostOwners.get(key) ?? (await this.#isLostOwner(kind, id));
    lostOwners.set(key, isLost);
    return isLost;
  }

  async #isLostOwner(kind: ReturnType<typeof holderOf>['kind'], id: string): Promise<boolean> {
    const { holders, processId, isKnown, isAssetKnown } = this.#parts;
    if (kind === 'job') return !(await isKnown(id));
    if (kind === 'client') return !(await isAssetKnown(id));
    return id !== processId && (await holders.silenceOf(id)) >= this.#timings.silentMs;
  }
}
