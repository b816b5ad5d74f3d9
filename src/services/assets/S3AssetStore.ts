import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { messageOf } from '../../errors.js';
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
  StoreIdentity,
} from './AssetStore.js';
import { isAssetHash } from './assetHash.js';
import { resolveRange } from './assetRange.js';
import { contentDisposition } from './contentDisposition.js';
import { Intake } from './Intake.js';
import type { S3Bucket, S3BucketOptions } from './S3Bucket.js';
import { StoreOutage } from './StoreOutage.js';

export interface S3AssetStoreOptions extends S3BucketOptions {
  /** Prefix of all keys, such as `assets/`; other objects are never touched. */
  readonly prefix?: string | undefined;
  /** Lifetime of presigned URLs. 0: there are none. */
  readonly presignSeconds?: number | undefined;
}

/**
 * Assets as objects of a bucket, `<prefix><hash>`. A file that fits into one part is hashed first and stored in one
 * request. A longer stream has no name before its end, and must not wait in memory or on the disk: its parts go to
 * `<prefix>unfinished/<id>`, and the service then copies that object to its name, without transferring bytes through
 * this server.
 */
export class S3AssetStore implements AssetStore {
  readonly #options: S3AssetStoreOptions;
  readonly #prefix: string;
  readonly #intake = new Intake();
  readonly #outage: StoreOutage;
  #opened: S3Bucket | undefined;

  constructor(options: S3AssetStoreOptions, logger: Logger) {
    this.#options = options;
    this.#prefix = options.prefix ?? '';
    this.#outage = new StoreOutage(() => this.#bucket.head(`${this.#prefix}unfinished/none`), logger);
  }

  get isAvailable(): boolean {
    return !this.#outage.isOn;
  }

  async start(): Promise<void> {
    const { S3Bucket: Bucket } = await import('./S3Bucket.js');
    this.#opened ??= new Bucket(this.#options, (error) => this.#outage.begin(error));
    try {
      await this.#bucket.check();
    } catch (error) {
      throw new Error(`The bucket ${this.#options.bucket} cannot be used: ${reasonOf(error)}`);
    }
  }

  async stop(): Promise<void> {
    this.#outage.stop();
    this.#opened?.close();
    this.#opened = undefined;
  }

  /** The endpoint does not count: a service may have several addresses. */
  async identity(): Promise<StoreIdentity> {
    const place = `s3://${this.#options.bucket}/${this.#prefix}`;
    return { id: place, place };
  }

  async put(source: AssetSource, options: PutOptions = {}): Promise<StoredAsset> {
    const bucket = this.#bucket;
    const temporary = `${this.#prefix}unfinished/${randomUUID()}`;
    let whole: Buffer | undefined;
    let isUploaded = false;
    try {
      const { hash, sizeBytes } = await this.#intake.read(source, options, async (chunks) => {
        whole = await uploadUnlessSmall(bucket, temporary, chunks);
        isUploaded = !whole;
      });
      const key = this.#prefix + hash;
      // The existing object stays, but counts as new.
      const isNew = !(await bucket.head(key)) || !(await bucket.copy(key, key));
      if (isNew && whole) await bucket.put(key, whole);
      else if (isNew) await bucket.copy(temporary, key);
      return { hash, sizeBytes };
    } finally {
      // If it cannot be deleted now, it is found later as unfinished.
      if (isUploaded) await bucket.delete(temporary).catch(() => undefined);
    }
  }

  async open(hash: string, range?: ByteRange): Promise<Readable> {
    const { start, end } = resolveRange(range, Number.MAX_SAFE_INTEGER);
    const body = isAssetHash(hash)
      ? await this.#bucket.get(this.#prefix + hash, range && `bytes=${start}-${end}`)
      : undefined;
    if (!body) throw AssetError.notFound(hash);
    return body;
  }

  async stat(hash: string): Promise<AssetInfo | undefined> {
    if (!isAssetHash(hash)) return undefined;
    const found = await this.#bucket.head(this.#prefix + hash);
    return found && { hash, sizeBytes: found.sizeBytes, storedAt: found.modifiedAt };
  }

  async delete(hash: string): Promise<void> {
    if (isAssetHash(hash)) await this.#bucket.delete(this.#prefix + hash);
  }

  async url(hash: string, presentation: AssetPresentation): Promise<string | undefined> {
    const { presignSeconds = 0 } = this.#options;
    if (presignSeconds === 0 || !isAssetHash(hash)) return undefined;
    const headers = { type: presentation.mimeType, disposition: contentDisposition(presentation) };
    return this.#bucket.sign(this.#prefix + hash, headers, presignSeconds);
  }

  async *list(): AsyncGenerator<AssetInfo, void> {
    for await (const { key, sizeBytes, modifiedAt } of this.#bucket.list(this.#prefix)) {
      const hash = key.slice(this.#prefix.length);
      if (isAssetHash(hash)) yield { hash, sizeBytes, storedAt: modifiedAt };
    }
  }

  async removeUnfinished(olderThan: number): Promise<void> {
    const prefix = `${this.#prefix}unfinished/`;
    for await (const { key, modifiedAt } of this.#bucket.list(prefix)) {
      if (modifiedAt <= olderThan) await this.#bucket.delete(key);
    }
    await this.#bucket.abortUploads(prefix, olderThan);
  }

  get #bucket(): S3Bucket {
    if (!this.#opened) throw new Error('The asset store is not started.');
    return this.#opened;
  }
}

/**
 * Uploads a stream that is longer than a part to `key`.
 * @returns the bytes of a shorter one, which is not uploaded
 */
async function uploadUnlessSmall(
  bucket: S3Bucket,
  key: string,
  chunks: AsyncGenerator<Buffer, void>,
): Promise<Buffer | undefined> {
  const first: Buffer[] = [];
  let bytes = 0;
  while (bytes <= bucket.partBytes) {
    const { done, value } = await chunks.next();
    if (done) return Buffer.concat(first);
    first.push(value);
    bytes += value.length;
  }
  const body = Readable.from(joined(first, chunks), { objectMode: false });
  try {
    await bucket.upload(key, body);
  } finally {
    body.destroy();
  }
  return undefined;
}

async function* joined(first: Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  // Yielded one by one, so that they are not kept until the end.
  for (let chunk = first.shift(); chunk; chunk = first.shift()) yield chunk;
  yield* rest;
}

/** Errors without a body, such as those of a HEAD, have a name and a status but no message. */
function reasonOf(error: unknown): string {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  return status === undefined ? messageOf(error) : `it responds with ${status}`;
}
