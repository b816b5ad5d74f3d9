import { createHash, randomUUID } from 'node:crypto';
import { keepNewest } from '../../../utils/keepNewest.js';
import type { Claim, IdempotencyStore } from '../IdempotencyStore.js';
import { CLAIM, FORGET_KEY, INTEND, KEEP_KEY, RELEASE_CLAIM, RENEW_CLAIM } from './idempotencyScripts.js';
import type { RedisConnection } from './RedisConnection.js';

export interface IdempotencyTimings {
  /** How long a claim outlives its server, ms. */
  readonly claimMs: number;
  /** Interval at which claims are renewed, ms. */
  readonly renewMs: number;
  /** Maximum lifetime of a key, ms. Otherwise a key would remain if a server dies at the wrong moment. */
  readonly keptMs: number;
}

const TIMINGS = { claimMs: 15_000, renewMs: 5000 };
/** Time for a client to repeat a request whose server died, ms. */
const INTENT_MS = 3_600_000;
/** Claims that may exist although the call was rejected. The oldest are forgotten first: they expire. */
const MAX_DOUBTFUL = 1000;

/**
 * Idempotency keys in Redis: `idempotency:<hash of the key>`, and `idempotency:job:<id>` for the key of a job; while
 * a job is created, also `idempotency:<hash of the key>:intended`. Clients choose keys, so only their hashes are
 * stored.
 */
export class RedisIdempotencyStore implements IdempotencyStore {
  readonly #connection: RedisConnection;
  readonly #base: string;
  readonly #timings: IdempotencyTimings;
  /** Claims of this server, by the key in Redis. */
  readonly #held = new Map<string, string>();
  readonly #doubtful = new Map<string, string>();
  #renewing: NodeJS.Timeout | undefined;

  /** @param base prefix of all keys */
  constructor(
    connection: RedisConnection,
    base: string,
    timings: Partial<IdempotencyTimings> & Pick<IdempotencyTimings, 'keptMs'>,
  ) {
    this.#connection = connection;
    this.#base = `${base}:idempotency`;
    this.#timings = { ...TIMINGS, ...timings };
  }

  /** Stops renewing claims: the remaining ones expire. */
  stop(): void {
    clearInterval(this.#renewing);
    this.#renewing = undefined;
    this.#held.clear();
  }

  async claim(key: string, fingerprint: string): Promise<Claim> {
    const at = this.#keyOf(key);
    // Its claim may have expired while Redis was not available: it is still creating the job.
    const held = this.#held.get(at);
    if (held !== undefined) return claimOf(held, hashOf(fingerprint));
    const claim = `claim ${randomUUID()} ${hashOf(fingerprint)}`;
    const own = this.#doubtful.get(at) ?? '';
    let entry: unknown;
    try {
      const { claimMs } = this.#timings;
      entry = await CLAIM.run(this.#redis, [at, intentOf(at)], [claim, claimMs, own, madeFor(claim)]);
    } catch (error) {
      // It may have been executed: then this server must recognise its own claim when the client repeats the request.
      keepNewest(this.#doubtful, at, claim, MAX_DOUBTFUL);
      throw error;
    }
    this.#doubtful.delete(at);
    if (typeof entry === 'string') return claimOf(entry, hashOf(fingerprint));
    this.#held.set(at, claim);
    this.#renewing ??= setInterval(() => this.#renew(), this.#timings.renewMs);
    return { state: 'new', ...(Array.isArray(entry) ? { jobId: String(entry[0]) } : {}) };
  }

  async intend(key: string, jobId: string): Promise<boolean> {
    const at = this.#keyOf(key);
    const claim = this.#held.get(at);
    if (claim === undefined) return false;
    const values = [claim, intended(claim, jobId), INTENT_MS, this.#timings.claimMs];
    const isHeld = (await INTEND.run(this.#redis, [at, intentOf(at)], values)) === 1;
    if (!isHeld) this.#letGo(at);
    return isHeld;
  }

  async keep(key: string, jobId: string): Promise<boolean> {
    const at = this.#keyOf(key);
    const claim = this.#held.get(at);
    if (claim === undefined) return false;
    const values = [claim, `made ${jobId} ${madeFor(claim)}`, this.#timings.keptMs, intended(claim, jobId)];
    const isKept = await KEEP_KEY.run(this.#redis, [at, intentOf(at), this.#jobKey(jobId)], values);
    this.#letGo(at);
    return isKept === 1;
  }

  release(key: string): Promise<void> {
    const at = this.#keyOf(key);
    return this.#giveUp(at, [at, intentOf(at)]);
  }

  abandon(key: string): Promise<void> {
    const at = this.#keyOf(key);
    return this.#giveUp(at, [at]);
  }

  async #giveUp(at: string, keys: readonly string[]): Promise<void> {
    const claim = this.#held.get(at);
    if (claim === undefined) return;
    // In any case, a claim that is not renewed expires.
    this.#letGo(at);
    await RELEASE_CLAIM.run(this.#redis, keys, [claim]);
  }

  async forget(jobId: string): Promise<void> {
    await FORGET_KEY.run(this.#redis, [this.#jobKey(jobId)], [`made ${jobId} `]);
  }

  get #redis(): RedisConnection['commands'] {
    return this.#connection.commands;
  }

  #keyOf(key: string): string {
    return `${this.#base}:${hashOf(key)}`;
  }

  #jobKey(jobId: string): string {
    return `${this.#base}:job:${jobId}`;
  }

  #letGo(at: string): void {
    this.#held.delete(at);
    if (this.#held.size === 0) this.stop();
  }

  #renew(): void {
    for (const [at, claim] of this.#held) {
      // The next interval repeats a failed one soon enough.
      RENEW_CLAIM.run(this.#redis, [at], [claim, this.#timings.claimMs]).catch(() => undefined);
    }
  }
}

/** Returns the hashed fingerprint in a claim. */
function madeFor(claim: string): string {
  return claim.split(' ')[2] ?? '';
}

/** Returns the entry of the intended job. */
function intended(claim: string, jobId: string): string {
  return `${madeFor(claim)} ${jobId}`;
}

/** Returns the key of the intended job. */
function intentOf(at: string): string {
  return `${at}:intended`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Returns the meaning of an entry for this request. */
function claimOf(entry: string, fingerprint: string): Claim {
  const [kind, jobId = '', ofRequest] = entry.split(' ');
  if (ofRequest !== fingerprint) return { state: 'other request' };
  return kind === 'made' ? { state: 'made', jobId } : { state: 'in progress' };
}
