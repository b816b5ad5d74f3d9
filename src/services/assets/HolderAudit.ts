import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { AssetLibrary } from './AssetLibrary.js';
import { holderOf } from './holderNames.js';

/** A job has its record soon after its bytes are stored; none takes nearly as long, ms. */
const JOB_MS = 3_600_000;
/** An upload, or a job's outputs until all are there, may take hours; ms. */
const TEMPORARY_MS = 24 * 3_600_000;

export const AUDIT_TIMINGS = { intervalMs: 600_000, jobMs: JOB_MS, temporaryMs: TEMPORARY_MS };

/** Somebody who holds an asset. */
export interface Hold {
  readonly hash: string;
  readonly holder: string;
  /** Since it was taken. */
  readonly ageMs: number;
}

/** Holders that outlive a server, and so may be left by one that died. */
export interface AuditedHolders {
  /** All of them. Those that come or go meanwhile may be in it or not. */
  walk(): AsyncIterable<Hold>;
  /** @returns true for one server in each interval */
  beginAudit(intervalMs: number): Promise<boolean>;
}

interface Parts {
  readonly holders: AuditedHolders;
  readonly library: Pick<AssetLibrary, 'release'>;
  /** Whether a job has a record. */
  isKnown(jobId: string): Promise<boolean>;
  /** Whether a client's asset has a record. */
  isAssetKnown(assetId: string): Promise<boolean>;
}

/**
 * Lets go for jobs, and assets of clients, that have no record: their server died before it wrote one, or after it deleted it. Of all servers, one
 * does so at a time.
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

  /** Ends an audit that is under way soon, and waits for that. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  /** Makes an audit, unless a server has made one in this interval. Never rejects. */
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

  /** @returns how many */
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

  /** @param known what was asked already */
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
