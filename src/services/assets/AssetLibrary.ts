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
} from './AssetStore.js';

/** Looks for what nobody holds twice a lifetime, but neither all the time nor only once a day. */
const SWEEPS_PER_LIFETIME = 2;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 600_000;
/** Nothing takes longer to arrive. A server that this one takes the place of may still be writing. */
const UNFINISHED_MS = 3_600_000;

interface LibraryPutOptions extends Omit<PutOptions, 'onHash'> {
  readonly hold?: ((take: () => Promise<void>) => Promise<void>) | undefined;
}

/**
 * Deletes an asset when the last one who holds it lets go. What an earlier process left, which nobody holds, is deleted
 * when its lifetime is over. Servers that use the same folder, or the same prefix in a bucket, share the holders, too.
 */
export class AssetLibrary {
  readonly #store: AssetStore;
  readonly #holders: AssetHolders;
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Deletions, and what may lead to one, that are under way. */
  readonly #underWay = new Set<Promise<unknown>>();
  /** What could not be deleted yet. */
  readonly #refused = new Set<string>();
  /** Who could not let go yet. */
  readonly #unreleased = new Set<readonly [hash: string, holder: string]>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #isStopping = false;
  #hasFailed = false;

  /** @param lifetimeMs how long an asset that nobody holds is kept, from when it was put */
  constructor(store: AssetStore, holders: AssetHolders, lifetimeMs: number, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#holders = holders;
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

  /** Waits for what is let go of and deleted at this moment. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#sweeping;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#store.stop();
  }

  /**
   * Stores bytes and holds them for the caller, who lets go with `release`.
   * @param holder a name that nobody else has, as everywhere below
   * @param options `hold` is called with what holds the bytes, and may do so again where that fails
   * @throws as the store does
   */
  async put(
    source: AssetSource,
    holder: string,
    { hold = (take) => take(), ...options }: LibraryPutOptions = {},
  ): Promise<StoredAsset> {
    let held: string | undefined;
    try {
      // Held before the bytes are in place: nobody may delete them in between.
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

  /** Holds what is stored already for one more. @throws AssetError `not_found` */
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
   * Holds for one more what the caller holds already, on whichever server it was stored.
   * @throws AssetError `not_found` where nobody holds it
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
   * Lets go. Nobody waits until the bytes are gone. Does nothing for what the holder does not hold.
   * @throws what shared holders reject with
   */
  async release(hash: string, holder: string): Promise<void> {
    if (await this.#followed(this.#holders.release(hash, holder))) void this.#remove(hash);
  }

  /** As `release`, for whom nobody asks about again: what fails is done with a later sweep. Never rejects. */
  async letGo(hash: string, holder: string): Promise<void> {
    try {
      await this.release(hash, holder);
    } catch (error) {
      this.#unreleased.add([hash, holder]);
      this.#report(error);
    }
  }

  /** Lets go for all whose holds end with the process. `stop` waits until the bytes are gone. */
  releaseAll(): void {
    for (const hash of this.#holders.close()) void this.#remove(hash);
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

  /** Deletes what the holders told this process to. */
  #remove(hash: string): Promise<void> {
    return this.#followed(this.#deleteBytes(hash));
  }

  /** Work that `stop` waits for. */
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
    // Where it cannot be told, it is over for the others after a while.
    await this.#holders.deleted(hash).catch(() => undefined);
  }

  /** Logged once until all went well again: it is tried with every sweep. The connection logs an outage of the queue itself. */
  #report(error: unknown): void {
    if (isQueueAway(error)) return;
    if (!this.#hasFailed) this.#logger.error('Assets could not be deleted', { error: messageOf(error) });
    this.#hasFailed = true;
  }
}
