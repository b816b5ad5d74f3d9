/** A file that a client left with the server, under an id of its own. */
export interface ClientAsset {
  readonly id: string;
  /** BLAKE3 of its bytes, as the store names them. */
  readonly hash: string;
  readonly sizeBytes: number;
  readonly contentType: string;
  /** What the client calls it. */
  readonly filePath: string | undefined;
  /** Name of the API key that it came with, where there are keys. */
  readonly owner: string | undefined;
  /** Epoch ms. */
  readonly createdTime: number;
  readonly expiresTime: number;
}

/**
 * What is known of the files that clients left. Servers may share one.
 *
 * What an implementation guarantees:
 * - Each call is one step, and once it resolved, every server sees what it did.
 * - A call that is made twice does no harm.
 */
export interface AssetRecords {
  /** Keeps a record, in place of one of the same id. */
  put(asset: ClientAsset): Promise<void>;
  get(id: string): Promise<ClientAsset | undefined>;
  /** @returns the record; of several who delete it, one gets it */
  delete(id: string): Promise<ClientAsset | undefined>;
  /** A few records of these bytes that this owner has; the newest ones first. */
  ofHash(owner: string | undefined, hash: string): Promise<ClientAsset[]>;
  /** Ids of those that expired at `time` (epoch ms) or before, some at a time. */
  expired(time: number): Promise<string[]>;
}

/** Records that `ofHash` and `expired` give at most. */
export const MAX_LISTED = 100;
