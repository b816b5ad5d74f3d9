import type { Readable } from 'node:stream';
import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { ByteRange } from '../../utils/StoredFile.js';
import { AssetError } from './AssetError.js';
import type {
  AssetInfo,
  AssetPresentation,
  AssetSource,
  AssetStore,
  PutOptions,
  StoredAsset,
} from './AssetStore.js';

/** Looks for what nobody holds twice a lifetime, but neither all the time nor only once a day. */
const SWEEPS_PER_LIFETIME = 2;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 600_000;
/** Nothing takes longer to arrive. A server that this one takes the place of may still be writing. */
const UNFINISHED_MS = 3_600_000;

/**
 * Counts who holds an asset, and deletes it when the last one lets go. What an earlier process left, which nobody
 * holds, is deleted when its lifetime is over. The counts are this process's own, so each server needs a folder, or a
 * prefix in a bucket, that no other uses.
 */
export class AssetLibrary {
  readonly #store: AssetStore;
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** How many hold each asset; none is in it with 0. */
  readonly #holders = new Map<string, number>();
  /** Deletions that are under way, by hash. They never reject. */
  readonly #deleting = new Map<string, Promise<void>>();
  /** What could not be deleted yet. */
  readonly #refused = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #isStopping = false;
  #hasFailed = false;

  /** @param lifetimeMs how long an asset that nobody holds is kept, from when it was put */
  constructor(store: AssetStore, lifetimeMs: number, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Starts the store and sweeps it from now on. @throws Error when the store cannot be used */
  async start(): Promise<void> {
    await this.#store.start();
    const interval = Math.max(MIN_INTERVAL_MS, this.#lifetimeMs / SWEEPS_PER_LIFETIME);
    this.#timer ??= setInterval(() => void this.sweep(), Math.min(MAX_INTERVAL_MS, interval));
    void this.sweep();
  }

  /** Waits for deletions that are under way. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#sweeping;
    await Promise.all(this.#deleting.values());
    await this.#store.stop();
  }

  /** Stores bytes and holds them for the caller, who lets go with `release`. @throws as the store does */
  async put(source: AssetSource, options: Omit<PutOptions, 'onHash'> = {}): Promise<StoredAsset> {
    let held: string | undefined;
    try {
      // Held before the bytes are in place: nobody may delete them in between.
      const onHash = (hash: string) => {
        held = hash;
        return this.#take(hash);
      };
      return await this.#store.put(source, { ...options, onHash });
    } catch (error) {
      if (held !== undefined) this.release(held);
      throw error;
    }
  }

  /** Holds what is stored already for one more. @throws AssetError `not_found` */
  async hold(hash: string): Promise<AssetInfo> {
    await this.#take(hash);
    try {
      const info = await this.#store.stat(hash);
      if (!info) throw AssetError.notFound(hash);
      return info;
    } catch (error) {
      this.release(hash);
      throw error;
    }
  }

  /** Holds for one more what the caller holds already. @throws AssetError `not_found` where nobody holds it */
  share(hash: string): void {
    const holders = this.#holders.get(hash);
    if (holders === undefined) throw AssetError.notFound(hash);
    this.#holders.set(hash, holders + 1);
  }

  /** Lets go once. Nobody waits until the bytes are gone. Does nothing for what nobody holds. */
  release(hash: string): void {
    const holders = this.#holders.get(hash);
    if (holders === undefined) return;
    if (holders > 1) {
      this.#holders.set(hash, holders - 1);
      return;
    }
    this.#holders.delete(hash);
    void this.#remove(hash);
  }

  /** Lets go for everybody. `stop` waits until the bytes are gone. */
  releaseAll(): void {
    const hashes = [...this.#holders.keys()];
    this.#holders.clear();
    for (const hash of hashes) void this.#remove(hash);
  }

  /** @throws AssetError `not_found` or `invalid_range` */
  open(hash: string, range?: ByteRange): Promise<Readable> {
    return this.#store.open(hash, range);
  }

  stat(hash: string): Promise<AssetInfo | undefined> {
    return this.#store.stat(hash);
  }

  /** A signed address, where the store has such. */
  url(hash: string, presentation: AssetPresentation): Promise<string | undefined> {
    return this.#store.url(hash, presentation);
  }

  /** Deletes what nobody holds and is too old, and what could not be deleted before. Never rejects. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const now = this.#clock.now();
    const refused = [...this.#refused];
    this.#refused.clear();
    for (const hash of refused) await this.#removeUnheld(hash);
    try {
      await this.#store.removeUnfinished(now - UNFINISHED_MS);
      for await (const { hash, storedAt } of this.#store.list()) {
        if (this.#isStopping) break;
        if (storedAt <= now - this.#lifetimeMs) await this.#removeUnheld(hash);
      }
      if (this.#refused.size === 0) this.#hasFailed = false;
    } catch (error) {
      this.#report(error);
    }
  }

  /** Counts one more. Resolves when no deletion from before is under way any more. */
  async #take(hash: string): Promise<void> {
    this.#holders.set(hash, (this.#holders.get(hash) ?? 0) + 1);
    await this.#deleting.get(hash);
  }

  async #removeUnheld(hash: string): Promise<void> {
    if (!this.#holders.has(hash)) await this.#remove(hash);
  }

  /** One deletion of an asset at a time: whoever puts it again waits for that one. */
  #remove(hash: string): Promise<void> {
    const deletion = this.#deleting.get(hash) ?? this.#deleteBytes(hash);
    this.#deleting.set(hash, deletion);
    return deletion;
  }

  async #deleteBytes(hash: string): Promise<void> {
    try {
      await this.#store.delete(hash);
    } catch (error) {
      this.#refused.add(hash);
      this.#report(error);
    } finally {
      this.#deleting.delete(hash);
    }
  }

  /** Logged once until all went well again: it is tried with every sweep. */
  #report(error: unknown): void {
    if (!this.#hasFailed) this.#logger.error('Assets could not be deleted', { error: messageOf(error) });
    this.#hasFailed = true;
  }
}
