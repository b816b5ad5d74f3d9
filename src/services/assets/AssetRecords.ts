/** A file that a client uploaded, with its own id. */
export interface ClientAsset {
  readonly id: string;
  /** BLAKE3 of its bytes, which is also its name in the store. */
  readonly hash: string;
  readonly sizeBytes: number;
  readonly contentType: string;
  /** The client's name for it. */
  readonly filePath: string | undefined;
  /** Name of the API key; `undefined` without keys. */
  readonly owner: string | undefined;
  /** Epoch ms. */
  readonly createdTime: number;
  readonly expiresTime: number;
}

/**
 * Records of the files that clients uploaded. Servers may share them.
 *
 * An implementation guarantees:
 * - Each call is atomic. After it has resolved, every server sees its effect.
 * - Calls are idempotent.
 */
export interface AssetRecords {
  /** Stores a new record. Replaces a record with the same id. */
  put(asset: ClientAsset): Promise<void>;
  /**
   * Replaces a record with one that expires later. Changes nothing if the record expires even later, or was deleted.
   * @returns whether the record exists
   */
  renew(asset: ClientAsset): Promise<boolean>;
  get(id: string): Promise<ClientAsset | undefined>;
  /** @returns the record; of several concurrent callers, only one gets it */
  delete(id: string): Promise<ClientAsset | undefined>;
  /** Returns a few of this owner's records of these bytes, newest first. */
  ofHash(owner: string | undefined, hash: string): Promise<ClientAsset[]>;
  /** Returns ids of records that expired at `time` (epoch ms) or before, some at a time. */
  expired(time: number): Promise<string[]>;
}

/** Maximum number of records that `ofHash` and `expired` return. */
export const MAX_LISTED = 100;
