import type { Readable } from 'node:stream';
import type { ByteRange } from '../../utils/StoredFile.js';

/** A source of bytes: all at once, or a stream. After a failure, the stream belongs to its owner. */
export type AssetSource = Readable | Buffer;

export interface PutOptions {
  /** More bytes are rejected while they arrive. */
  readonly maxBytes?: number | undefined;
  /** Aborts with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The required hash of the bytes. */
  readonly expectedHash?: string | undefined;
  /** Called with the hash when all bytes are there, before they become visible; awaited. */
  readonly onHash?: ((hash: string) => Promise<void>) | undefined;
}

export interface StoredAsset {
  /** BLAKE3 of the bytes: 64 lower-case hexadecimal digits. */
  readonly hash: string;
  readonly sizeBytes: number;
}

export interface AssetInfo {
  readonly hash: string;
  readonly sizeBytes: number;
  /** When the bytes were last put; epoch ms. */
  readonly storedAt: number;
}

/** Where a store is. */
export interface StoreIdentity {
  /** Equal for all servers that use the same store, and for no others. */
  readonly id: string;
  /** For people. */
  readonly place: string;
}

/** Headers of the response to a presigned URL. */
export interface AssetPresentation {
  readonly filename: string;
  readonly mimeType: string;
  /** Whether a browser saves the file instead of showing it. */
  readonly isDownload?: boolean | undefined;
}

/**
 * Bytes by their BLAKE3 hash. Equal bytes are stored once, however often they are put, and are complete or absent. A
 * name that is not a hash never exists.
 */
export interface AssetStore {
  /** False from a call that the store could not carry out until it works again; such calls reject with StoreUnavailable. */
  readonly isAvailable: boolean;
  /** Prepares the store. @throws Error with the problem of the folder or the bucket */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Returns where the store is. Call it after the start. @throws StoreUnavailable */
  identity(): Promise<StoreIdentity>;
  /**
   * Reads a source to its end, hashes and stores it. After a failure nothing is left.
   * @throws AssetError `too_large` or `hash_mismatch`, StoreUnavailable, the signal's reason, or the error of the source
   */
  put(source: AssetSource, options?: PutOptions): Promise<StoredAsset>;
  /**
   * Opens the asset. Reads in progress continue when the asset is deleted.
   * @throws AssetError `not_found`, or `invalid_range` for a range that starts after the last byte; StoreUnavailable
   */
  open(hash: string, range?: ByteRange): Promise<Readable>;
  stat(hash: string): Promise<AssetInfo | undefined>;
  /** Does nothing if it does not exist. */
  delete(hash: string): Promise<void>;
  /** Returns a temporary URL that gives the bytes to anyone; undefined if the store has none. */
  url(hash: string, presentation: AssetPresentation): Promise<string | undefined>;
  /** Returns all stored assets, in no order. Assets that are put or deleted in the meantime may be included or not. */
  list(): AsyncIterable<AssetInfo>;
  /**
   * Deletes partial files of a process that died.
   * @param olderThan epoch ms; later ones may still be in use, also by another server
   */
  removeUnfinished(olderThan: number): Promise<void>;
}
