import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { AssetLibrary } from './AssetLibrary.js';
import { holderOf } from './holderNames.js';

/** Minimum age of the hold of a lost job, ms: a job gets its record much sooner after its bytes are stored. */
const JOB_MS = 3_600_000;
/** Minimum age of a lost temporary hold, ms: an upload, or storing all outputs of a job, may take hours. */
const TEMPORARY_MS = 24 * 3_600_000;

export const AUDIT_TIMINGS = { intervalMs: 600_000, jobMs: JOB_MS, temporaryMs: TEMPORARY_MS };

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
}

interface Parts {
  readonly holders: AuditedHolders;
  readonly library: Pick<AssetLibrary, 'release'>;
  /** Returns whether a job has a record. */
  isKnown(jobId: string): Promise<boolean>;
  /** Returns whether a client's asset has a record. */
  isAssetKnown(assetId: string): Promise<boolean>;
}

/**
 * Releases the holds of jobs and client assets without a record: their server died before it wrote the record, or after
 * it deleted it. Only one server at a time does so.
 */
export class HolderAudit {
  readonly #parts: Parts;
  readonly #timings: typeof AUDIT_TIMINGS;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
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
  }

  /** Ends a running audit early, and waits for its end. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  /** Runs an audit, unless a server already ran one in this interval. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const { holders } = this.#parts;
    try {
      // A little less than the interval of the timers: the next audit must not miss its turn.
      if (!(await holders.beginAudit(Math.ceil(this.#timings.intervalMs * 0.9)))) return;
      const lost = await this.#releaseLost();
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
    const known = new Map<string, boolean>();
    let lost = 0;
    for await (const { hash, holder, ageMs } of holders.walk()) {
      if (this.#isStopping) break;
      if (!(await this.#isLost(holder, ageMs, known))) continue;
      await library.release(hash, holder);
      lost += 1;
    }
    return lost;
  }

  /** @param known results of earlier lookups */
  async #isLost(holder: string, ageMs: number, known: Map<string, boolean>): Promise<boolean> {
    const of = holderOf(holder);
    if (of.kind === 'temporary') return ageMs >= this.#timings.temporaryMs;
    if (ageMs < this.#timings.jobMs) return false;
    const key = `${of.kind} ${of.id}`;
    const ask = () => (of.kind === 'job' ? this.#parts.isKnown(of.id) : this.#parts.isAssetKnown(of.id));
    const isKnown = known.get(key) ?? (await ask());
    known.set(key, isKnown);
    return !isKnown;
  }
}
