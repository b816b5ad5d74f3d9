import type { Readable } from 'node:stream';
import type { ByteRange } from '../../utils/StoredFile.js';

/** Where bytes come from: all at once, or as they arrive. A stream that fails to be stored is left to its owner. */
export type AssetSource = Readable | Buffer;

export interface PutOptions {
  /** More bytes than this are refused while they arrive. */
  readonly maxBytes?: number | undefined;
  /** Gives up, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What the bytes must hash to. */
  readonly expectedHash?: string | undefined;
  /** Called with the hash when all bytes are there, before anybody can see them; they wait until it resolves. */
  readonly onHash?: ((hash: string) => Promise<void>) | undefined;
}

export interface StoredAsset {
  /** BLAKE3 of the bytes: 64 lower-case hexadecimal digits. */
  readonly hash: string;
  readonly sizeBytes: number;
  /** False when the same bytes were there before. Of several puts at the same time each may say true. */
  readonly isNew: boolean;
}

export interface AssetInfo {
  readonly hash: string;
  readonly sizeBytes: number;
  /** When the bytes were put, for the last time; epoch ms. */
  readonly storedAt: number;
}

/** What a signed address answers with. */
export interface AssetPresentation {
  readonly filename: string;
  readonly mimeType: string;
  /** Whether a browser saves the file rather than shows it. */
  readonly isDownload?: boolean | undefined;
}

/**
 * Bytes by their BLAKE3 hash. The same bytes are stored once, however often they are put, and are there whole or not
 * at all. A name that is no hash is the name of nothing.
 */
export interface AssetStore {
  /** Makes ready what is needed. @throws Error that says what is wrong with the folder or the bucket */
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Reads a source to its end, hashes it on the way and stores it. Of one that fails nothing is left.
   * @throws AssetError `too_large` or `hash_mismatch`, the signal's reason, or what the source failed with
   */
  put(source: AssetSource, options?: PutOptions): Promise<StoredAsset>;
  /**
   * Begins to read. What is read already goes on to its end when the asset is deleted.
   * @throws AssetError `not_found`, or `invalid_range` for one that begins behind the last byte
   */
  open(hash: string, range?: ByteRange): Promise<Readable>;
  stat(hash: string): Promise<AssetInfo | undefined>;
  /** Does nothing when it is not there. */
  delete(hash: string): Promise<void>;
  /** An address that gives the bytes for some time to whoever has it; undefined where there is no such thing. */
  url(hash: string, presentation: AssetPresentation): Promise<string | undefined>;
  /** All that is stored, in no order. What is put or deleted meanwhile may be in it or not. */
  list(): AsyncIterable<AssetInfo>;
  /**
   * Deletes what a process that died has left half written.
   * @param olderThan epoch ms; what was written to later may still be in work, also by another server
   */
  removeUnfinished(olderThan: number): Promise<void>;
}
