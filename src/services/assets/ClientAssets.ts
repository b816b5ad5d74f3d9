import type { Readable } from 'node:stream';
import { v4 as uuid } from 'uuid';
import { AppError, isQueueAway, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { StoredFile } from '../../utils/StoredFile.js';
import { AssetError } from './AssetError.js';
import type { AssetLibrary } from './AssetLibrary.js';
import type { AssetRecords, ClientAsset } from './AssetRecords.js';
import { isAssetHash } from './assetHash.js';
import { clientHolder } from './holderNames.js';

/** What ids of assets begin with. */
const ID_PREFIX = 'asset_';
const ID = /^asset_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Looks for expired assets so often in a lifetime, but neither all the time nor only once in minutes. */
const LOOKS_PER_LIFETIME = 4;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 60_000;

/** What a client says of a file. */
export interface AssetDescription {
  readonly contentType: string;
  readonly filePath: string | undefined;
  readonly owner: string | undefined;
  /** How long it is kept, ms; the server's own time where it is left out. */
  readonly lifetimeMs?: number | undefined;
}

interface Parts {
  readonly library: AssetLibrary;
  readonly records: AssetRecords;
}

export interface ClientAssetLimits {
  /** How long an asset is kept that nobody uses, ms. */
  readonly lifetimeMs: number;
  /** Bytes of all assets together: where they are in memory. */
  readonly maxBytes: number;
}

/**
 * Files that clients leave with the server, to name them in jobs by their ids. The same bytes are stored once. Nobody
 * finds out by a hash what others have: an owner can only make an asset of bytes that it sent itself.
 */
export class ClientAssets {
  readonly #parts: Parts;
  readonly #limits: ClientAssetLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Bytes of the assets that were made here, where there is a bound. */
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #hasFailed = false;

  constructor(parts: Parts, limits: ClientAssetLimits, clock: Clock, logger: Logger) {
    this.#parts = parts;
    this.#limits = limits;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Lets expired assets go from now on. The library is started by whoever made it. */
  start(): void {
    const interval = Math.max(MIN_INTERVAL_MS, this.#limits.lifetimeMs / LOOKS_PER_LIFETIME);
    this.#timer ??= setInterval(() => void this.sweep(), Math.min(MAX_INTERVAL_MS, interval));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#sweeping;
  }

  /**
   * Makes an asset of a file that has come.
   * @param file whose key is its hash, and that whoever calls holds meanwhile
   * @param expectedHash what the client says that it is
   * @returns the asset, and whether its owner has not sent these bytes before
   * @throws AppError `HASH_MISMATCH`, `QUEUE_FULL` where assets are in memory and it has no more room
   */
  async add(
    file: StoredFile,
    description: AssetDescription,
    expectedHash: string | undefined,
  ): Promise<{ asset: ClientAsset; isNew: boolean }> {
    if (expectedHash !== undefined && expectedHash !== file.key) {
      throw new AppError('HASH_MISMATCH', `The bytes hash to blake3:${file.key}, not to what was expected.`);
    }
    const known = await this.#known(description.owner, file.key);
    return { asset: await this.#make(file.key, file.sizeBytes, description), isNew: known.length === 0 };
  }

  /**
   * Makes an asset of bytes that its owner has sent before. One that is the same in everything is given again.
   * @throws AppError `BLOB_NOT_FOUND` where it has not
   */
  async addKnown(
    hash: string,
    description: Omit<AssetDescription, 'contentType'>,
  ): Promise<{ asset: ClientAsset; isNew: boolean }> {
    const known = await this.#known(description.owner, hash);
    const [newest] = known;
    if (!newest) throw noSuchBytes();
    const same = known.find(({ filePath }) => filePath === description.filePath);
    if (same) return { asset: await this.#keepLonger(same, description.lifetimeMs), isNew: false };
    const { contentType, sizeBytes } = newest;
    return { asset: await this.#make(hash, sizeBytes, { ...description, contentType }), isNew: true };
  }

  /** Whether this owner has an asset of these bytes. */
  async has(owner: string | undefined, hash: string): Promise<boolean> {
    return (await this.#known(owner, hash)).length > 0;
  }

  /** @param mayUse whether the caller may use what belongs to an owner @throws AppError `ASSET_NOT_FOUND` */
  async get(id: string, mayUse: (owner: string | undefined) => boolean): Promise<ClientAsset> {
    const asset = ID.test(id) ? await this.#parts.records.get(id) : undefined;
    if (asset && asset.expiresTime > this.#clock.now() && mayUse(asset.owner)) return asset;
    throw new AppError('ASSET_NOT_FOUND', `There is no asset ${JSON.stringify(id.slice(0, 64))}.`);
  }

  /** The bytes of an asset. */
  file({ hash, sizeBytes }: ClientAsset): StoredFile {
    const open = async (range?: Parameters<StoredFile['open']>[0]): Promise<Readable | undefined> => {
      try {
        return await this.#parts.library.open(hash, range);
      } catch (error) {
        if (error instanceof AssetError && error.problem === 'not_found') return undefined;
        throw error;
      }
    };
    return { key: hash, sizeBytes, open };
  }

  /** A signed address, where the store has such. */
  url(asset: ClientAsset): Promise<string | undefined> {
    const filename = asset.filePath?.split('/').at(-1) ?? asset.id;
    return this.#parts.library.url(asset.hash, { filename, mimeType: asset.contentType, isDownload: true });
  }

  /** For a job that names the asset: it is kept for as long again. undefined where `owner` has no such asset. */
  async use(id: string, owner: string | undefined): Promise<ClientAsset | undefined> {
    try {
      const asset = await this.get(id, (one) => one === owner);
      return await this.#keepLonger(asset, undefined);
    } catch (error) {
      if (error instanceof AppError && error.code === 'ASSET_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Forgets an asset. Jobs that were made with it go on. */
  async remove(id: string): Promise<void> {
    const asset = await this.#parts.records.delete(id);
    if (!asset) return;
    this.#count(-asset.sizeBytes);
    await this.#parts.library.letGo(asset.hash, clientHolder(id));
  }

  /** Whether there is a record of this id. @throws what the records reject with */
  async isKnown(id: string): Promise<boolean> {
    return (await this.#parts.records.get(id)) !== undefined;
  }

  /** Forgets what has expired. Never rejects. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const { records } = this.#parts;
    try {
      for (const id of await records.expired(this.#clock.now())) {
        const asset = await records.get(id);
        // Somebody may have kept it for longer meanwhile.
        if (!asset || asset.expiresTime <= this.#clock.now()) await this.remove(id);
      }
      this.#hasFailed = false;
    } catch (error) {
      if (isQueueAway(error)) return;
      if (!this.#hasFailed) this.#logger.error('Assets could not be deleted', { error: messageOf(error) });
      this.#hasFailed = true;
    }
  }

  async #known(owner: string | undefined, hash: string): Promise<ClientAsset[]> {
    if (!isAssetHash(hash)) return [];
    const now = this.#clock.now();
    const all = await this.#parts.records.ofHash(owner, hash);
    return all.filter(({ expiresTime }) => expiresTime > now);
  }

  async #make(hash: string, sizeBytes: number, description: AssetDescription): Promise<ClientAsset> {
    const { contentType, filePath, owner, lifetimeMs = this.#limits.lifetimeMs } = description;
    if (this.#bytes + sizeBytes > this.#limits.maxBytes) {
      throw new AppError('QUEUE_FULL', 'There is no room for more assets at present.', {
        retryAfterSeconds: Math.ceil(this.#limits.lifetimeMs / 1000),
      });
    }
    const createdTime = this.#clock.now();
    const id = ID_PREFIX + uuid();
    const asset = {
      id,
      hash,
      sizeBytes,
      contentType,
      filePath,
      owner,
      createdTime,
      expiresTime: createdTime + lifetimeMs,
    };
    const { library, records } = this.#parts;
    this.#count(sizeBytes);
    try {
      await library.share(hash, clientHolder(id));
      await records.put(asset);
      return asset;
    } catch (error) {
      this.#count(-sizeBytes);
      void library.letGo(hash, clientHolder(id));
      // The one that held them may be gone meanwhile.
      throw error instanceof AssetError ? noSuchBytes() : error;
    }
  }

  async #keepLonger(asset: ClientAsset, lifetimeMs = this.#limits.lifetimeMs): Promise<ClientAsset> {
    const expiresTime = this.#clock.now() + lifetimeMs;
    if (expiresTime <= asset.expiresTime) return asset;
    const kept = { ...asset, expiresTime };
    await this.#parts.records.put(kept);
    return kept;
  }

  #count(bytes: number): void {
    if (Number.isFinite(this.#limits.maxBytes)) this.#bytes += bytes;
  }
}

function noSuchBytes(): AppError {
  return new AppError('BLOB_NOT_FOUND', 'There are no such bytes of yours.');
}
