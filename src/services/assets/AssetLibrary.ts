import type { Readable } from 'node:stream';
import { isQueueAway, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { ByteRange } from '../../utils/StoredFile.js';
import { AssetError } from './AssetError.js';
import type { AssetHolders } from './AssetHolders.js';
import type {
  AssetInfo,
  AssetPresentation,
  AssetSource,
  AssetStore,
  PutOptions,
  StoredAsset,
  StoreIdentity,
} from './AssetStore.js';

/** Looks for unheld assets twice per lifetime, but neither constantly nor only once a day. */
const SWEEPS_PER_LIFETIME = 2;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 600_000;
/** Longer than any transfer. A server that this one replaces may still be writing. */
const UNFINISHED_MS = 3_600_000;

interface LibraryPutOptions extends Omit<PutOptions, 'onHash'> {
  readonly hold?: ((take: () => Promise<void>) => Promise<void>) | undefined;
}

/**
 * Deletes an asset when its last holder releases it. Assets of an earlier process, which have no holders, are deleted
 * after their lifetime. Servers that use the same folder, or the same prefix in a bucket, share the holders, too.
 */
export class AssetLibrary {
  readonly #store: AssetStore;
  readonly #holders: AssetHolders;
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Deletions, and operations that may lead to one, in progress. */
  readonly #underWay = new Set<Promise<unknown>>();
  /** Failed deletions. */
  readonly #refused = new Set<string>();
  /** Failed releases. */
  readonly #unreleased = new Set<readonly [hash: string, holder: string]>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #isStopping = false;
  #hasFailed = false;

  /** @param lifetimeMs how long an unheld asset is kept after it was put */
  constructor(store: AssetStore, holders: AssetHolders, lifetimeMs: number, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#holders = holders;
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether the store responds, as far as known. */
  get isAvailable(): boolean {
    return this.#store.isAvailable;
  }

  /** Returns where the store is. @throws StoreUnavailable */
  identity(): Promise<StoreIdentity> {
    return this.#store.identity();
  }

  /** Starts the store and the regular sweeps. @throws Error if the store is unusable */
  async start(): Promise<void> {
    await this.#store.start();
    const interval = Math.max(MIN_INTERVAL_MS, this.#lifetimeMs / SWEEPS_PER_LIFETIME);
    this.#timer ??= setInterval(() => void this.sweep(), Math.min(MAX_INTERVAL_MS, interval));
    void this.sweep();
  }

  /** Waits for releases and deletions in progress. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#sweeping;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#store.stop();
  }

  /**
   * Stores bytes and holds them for the caller, who must call `release`.
   * @param holder a unique name, as everywhere below
   * @param options `hold` is called with the function that takes the hold, and may repeat it after a failure
   * @throws the errors of the store
   */
  async put(
    source: AssetSource,
    holder: string,
    { hold = (take) => take(), ...options }: LibraryPutOptions = {},
  ): Promise<StoredAsset> {
    let held: string | undefined;
    try {
      // Held before the bytes are in place, so that they are not deleted in between.
      const onHash = (hash: string) => {
        held = hash;
        return hold(() => this.#holders.take(hash, holder));
      };
      return await this.#store.put(source, { ...options, onHash });
    } catch (error) {
      if (held !== undefined) void this.letGo(held, holder);
      throw error;
    }
  }

  /** Adds a holder to a stored asset. @throws AssetError `not_found` */
  async hold(hash: string, holder: string): Promise<AssetInfo> {
    try {
      await this.#holders.take(hash, holder);
      const info = await this.#store.stat(hash);
      if (!info) throw AssetError.notFound(hash);
      return info;
    } catch (error) {
      void this.letGo(hash, holder);
      throw error;
    }
  }

  /**
   * Adds a holder to an asset that the caller holds, whichever server stored it.
   * @throws AssetError `not_found` if it has no holder
   */
  async share(hash: string, holder: string): Promise<void> {
    try {
      await this.#holders.share(hash, holder);
    } catch (error) {
      void this.letGo(hash, holder);
      throw error;
    }
  }

  /**
   * Releases a hold. The deletion is not awaited. Does nothing if the holder does not hold it.
   * @throws the rejection of shared holders
   */
  async release(hash: string, holder: string): Promise<void> {
    if (await this.#followed(this.#holders.release(hash, holder))) void this.#remove(hash);
  }

  /** Like `release`, for callers that do not retry: a later sweep repeats failures. Never rejects. */
  async letGo(hash: string, holder: string): Promise<void> {
    try {
      await this.release(hash, holder);
    } catch (error) {
      this.#unreleased.add([hash, holder]);
      this.#report(error);
    }
  }

  /** Releases everything whose holds end with the process. `stop` waits for the deletions. */
  releaseAll(): void {
    for (const hash of this.#holders.close()) void this.#remove(hash);
  }

  /** Opens an asset. @throws AssetError `not_found` or `invalid_range` */
  open(hash: string, range?: ByteRange): Promise<Readable> {
    return this.#store.open(hash, range);
  }

  stat(hash: string): Promise<AssetInfo | undefined> {
    return this.#store.stat(hash);
  }

  /** Returns a presigned URL, if the store supports it. */
  url(hash: string, presentation: AssetPresentation): Promise<string | undefined> {
    return this.#store.url(hash, presentation);
  }

  /** Deletes expired assets without holders, and repeats failed deletions. Never rejects. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const now = this.#clock.now();
    try {
      await this.#doWhatIsLeft();
      await this.#store.removeUnfinished(now - UNFINISHED_MS);
      for await (const { hash, storedAt } of this.#store.list()) {
        if (this.#isStopping) break;
        if (storedAt > now - this.#lifetimeMs) continue;
        if (await this.#holders.claim(hash)) await this.#remove(hash);
      }
      if (this.#refused.size === 0) this.#hasFailed = false;
    } catch (error) {
      this.#report(error);
    }
  }

  async #doWhatIsLeft(): Promise<void> {
    for (const one of [...this.#unreleased]) {
      await this.release(...one);
      this.#unreleased.delete(one);
    }
    for (const hash of [...this.#refused]) {
      const isFree = await this.#holders.claim(hash);
      this.#refused.delete(hash);
      if (isFree) await this.#remove(hash);
    }
  }

  /** Deletes assets whose deletion the holders assigned to this process. */
  #remove(hash: string): Promise<void> {
    return this.#followed(this.#deleteBytes(hash));
  }

  /** Runs work that `stop` waits for. */
  async #followed<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  async #deleteBytes(hash: string): Promise<void> {
    try {
      await this.#store.delete(hash);
    } catch (error) {
      this.#refused.add(hash);
      this.#report(error);
    }
    // If this fails, the mark expires for the others after a while.
    await this.#holders.deleted(hash).catch(() => undefined);
  }

  /** Logged once per outage, and retried with every sweep. The connection logs an outage of Redis itself. */
  #report(error: unknown): void {
    if (isQueueAway(error)) return;
    if (!this.#hasFailed) this.#logger.error('Assets could not be deleted', { error: messageOf(error) });
    this.#hasFailed = true;
  }
}
