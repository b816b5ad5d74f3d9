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

/** Prefix of asset ids. */
const ID_PREFIX = 'asset_';
const ID = /^asset_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Sweeps per lifetime of an asset, limited by the minimum and maximum interval. */
const LOOKS_PER_LIFETIME = 4;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 60_000;

/** The client's description of a file. */
export interface AssetDescription {
  readonly contentType: string;
  readonly filePath: string | undefined;
  readonly owner: string | undefined;
  /** How long it is kept, ms. Default: the server's own lifetime. */
  readonly lifetimeMs?: number | undefined;
}

interface Parts {
  readonly library: AssetLibrary;
  readonly records: AssetRecords;
}

export interface ClientAssetLimits {
  /** How long an unused asset is kept, ms. */
  readonly lifetimeMs: number;
  /** Maximum size of all assets together if they are in memory, bytes. */
  readonly maxBytes: number;
}

/**
 * Files that clients upload to use them in jobs by id. Equal bytes are stored once. A hash reveals nothing about other
 * clients' files: an owner can create an asset by hash only from bytes that it uploaded itself.
 */
export class ClientAssets {
  readonly #parts: Parts;
  readonly #limits: ClientAssetLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Size of the assets created by this server, if it is limited. */
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

  /** Starts to delete expired assets. The creator of the library starts the library. */
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
   * Creates an asset from an uploaded file.
   * @param file whose key is its hash; the caller must hold it during the call
   * @param expectedHash hash that the client declared
   * @returns the asset, and whether its owner uploads these bytes for the first time
   * @throws AppError `HASH_MISMATCH`, or `QUEUE_FULL` if the memory for assets is full
   */
  async add(
    file: StoredFile,
    description: AssetDescription,
    expectedHash: string | undefined,
  ): Promise<{ asset: ClientAsset; isNew: boolean }> {
    if (expectedHash !== undefined && expectedHash !== file.key) {
      throw new AppError(
        'HASH_MISMATCH',
        `The hash of the received bytes is blake3:${file.key}, which differs from expected_hash.`,
      );
    }
    const known = await this.#known(description.owner, file.key);
    return { asset: await this.#make(file.key, file.sizeBytes, description), isNew: known.length === 0 };
  }

  /**
   * Creates an asset from bytes that its owner uploaded before. Returns the existing asset if it has the same path.
   * @throws AppError `BLOB_NOT_FOUND` if the owner has no such bytes
   */
  async addKnown(
    hash: string,
    description: Omit<AssetDescription, 'contentType'>,
  ): Promise<{ asset: ClientAsset; isNew: boolean }> {
    const known = await this.#usable(description.owner, hash);
    const [newest] = known;
    if (!newest) throw noSuchBytes();
    const same = known.find(({ filePath }) => filePath === description.filePath);
    const kept = same && (await this.#keepLonger(same, description.lifetimeMs));
    if (kept) return { asset: kept, isNew: false };
    const { contentType, sizeBytes } = newest;
    return { asset: await this.#make(hash, sizeBytes, { ...description, contentType }), isNew: true };
  }

  /** Returns whether this owner has an asset with these bytes. */
  async has(owner: string | undefined, hash: string): Promise<boolean> {
    return (await this.#usable(owner, hash)).length > 0;
  }

  /** Returns an asset. @param mayUse whether the caller may use assets of an owner @throws AppError `ASSET_NOT_FOUND` */
  async get(id: string, mayUse: (owner: string | undefined) => boolean): Promise<ClientAsset> {
    const asset = ID.test(id) ? await this.#parts.records.get(id) : undefined;
    if (asset && asset.expiresTime > this.#clock.now() && mayUse(asset.owner)) return asset;
    throw new AppError('ASSET_NOT_FOUND', `There is no asset ${JSON.stringify(id.slice(0, 64))}.`);
  }

  /** Returns the file of an asset. */
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

  /** Returns a presigned URL, if the store supports it. */
  url(asset: ClientAsset): Promise<string | undefined> {
    const filename = asset.filePath?.split('/').at(-1) ?? asset.id;
    return this.#parts.library.url(asset.hash, { filename, mimeType: asset.contentType, isDownload: true });
  }

  /** Renews the lifetime of an asset that a job uses. @returns false if it was deleted in the meantime */
  async renew(asset: ClientAsset): Promise<boolean> {
    return (await this.#keepLonger(asset)) !== undefined;
  }

  /** Deletes an asset. Jobs that use it continue. */
  async remove(id: string): Promise<void> {
    const asset = await this.#parts.records.delete(id);
    if (!asset) return;
    this.#count(-asset.sizeBytes);
    await this.#parts.library.letGo(asset.hash, clientHolder(id));
  }

  /** Returns whether a record with this id exists. @throws the rejection of the records */
  async isKnown(id: string): Promise<boolean> {
    return (await this.#parts.records.get(id)) !== undefined;
  }

  /** Deletes expired assets. Never rejects. */
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
        // Its lifetime may have been renewed in the meantime.
        if (!asset || asset.expiresTime <= this.#clock.now()) await this.remove(id);
      }
      this.#hasFailed = false;
    } catch (error) {
      if (isQueueAway(error)) return;
      if (!this.#hasFailed) this.#logger.error('Assets could not be deleted', { error: messageOf(error) });
      this.#hasFailed = true;
    }
  }

  /** Like `#known`, without assets whose bytes somebody deleted from the store. */
  async #usable(owner: string | undefined, hash: string): Promise<ClientAsset[]> {
    const known = await this.#known(owner, hash);
    return known.length > 0 && (await this.#parts.library.stat(hash)) ? known : [];
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
      throw new AppError('QUEUE_FULL', 'The memory for assets is full.', {
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
      void this.#unmake(asset);
      // The asset that held them may have been deleted in the meantime.
      throw error instanceof AssetError ? noSuchBytes() : error;
    }
  }

  /** Deletes what is left of an asset that could not be created. Never rejects. */
  async #unmake({ id, hash }: ClientAsset): Promise<void> {
    const { library, records } = this.#parts;
    try {
      // The record may be stored although the call failed. It must not remain without the hold.
      await records.delete(id);
    } catch {
      // If it is stored, it expires. Otherwise an audit finds the hold.
      return;
    }
    await library.letGo(hash, clientHolder(id));
  }

  /** @returns undefined if the asset was deleted in the meantime */
  async #keepLonger(
    asset: ClientAsset,
    lifetimeMs = this.#limits.lifetimeMs,
  ): Promise<ClientAsset | undefined> {
    const expiresTime = Math.max(asset.expiresTime, this.#clock.now() + lifetimeMs);
    const kept = { ...asset, expiresTime };
    return (await this.#parts.records.renew(kept)) ? kept : undefined;
  }

  #count(bytes: number): void {
    if (Number.isFinite(this.#limits.maxBytes)) this.#bytes += bytes;
  }
}

function noSuchBytes(): AppError {
  return new AppError('BLOB_NOT_FOUND', 'Your key has not uploaded a file with this hash.');
}
