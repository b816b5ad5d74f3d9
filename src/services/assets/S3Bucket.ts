import { PassThrough, type Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { AssetError } from './AssetError.js';
import { StoreUnavailable } from './StoreUnavailable.js';

export interface S3BucketOptions {
  readonly bucket: string;
  readonly region: string;
  /** Of a service other than AWS; by default AWS's own for the region. */
  readonly endpoint?: string | undefined;
  /** Whether the bucket's name is in the path instead of the host name. */
  readonly forcePathStyle?: boolean | undefined;
}

interface S3ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Epoch ms. */
  readonly modifiedAt: number;
}

/** Bytes of one part; the minimum of S3. */
const PART_BYTES = 5 * 1024 * 1024;
/** Parts that are sent at the same time; each is completely in memory. */
const PARTS_AT_A_TIME = 2;
const CONNECT_TIMEOUT_MS = 5000;
/** Until the head of a response, which for a part is after its upload. */
const RESPONSE_TIMEOUT_MS = 60_000;
/** A reader occupies a connection as long as its client needs. */
const MAX_SOCKETS = 1000;
/** Status of an operation that the service does not have. */
const NOT_IMPLEMENTED = 501;

/**
 * One bucket, through the AWS SDK. Loaded only if a bucket is configured. All methods except `check` throw
 * StoreUnavailable if the service does not respond.
 */
export class S3Bucket {
  /** Longer objects are sent in parts. */
  readonly partBytes = PART_BYTES;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #onOutage: (error: StoreUnavailable) => void;

  /** @param onOutage called with each error about a missing response */
  constructor(
    { bucket, region, endpoint, forcePathStyle = false }: S3BucketOptions,
    onOutage: (error: StoreUnavailable) => void,
  ) {
    this.#bucket = bucket;
    this.#onOutage = onOutage;
    const sockets = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.#client = new S3Client({
      region,
      forcePathStyle,
      ...(endpoint ? { endpoint } : {}),
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: RESPONSE_TIMEOUT_MS,
        throwOnRequestTimeout: true,
        httpAgent: sockets,
        httpsAgent: sockets,
      },
      // The bytes have a hash of their own, and many services do not support the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  /** @throws Error if the bucket does not exist, or the credentials give no access */
  async check(): Promise<void> {
    await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }));
  }

  async put(key: string, bytes: Buffer): Promise<void> {
    await this.#answered(this.#client.send(new PutObjectCommand({ ...this.#at(key), Body: bytes })));
  }

  /** Sends a stream in parts. After a failure, the parts are deleted before this rejects. */
  async upload(key: string, body: Readable): Promise<void> {
    const params = { ...this.#at(key), Body: body };
    const options = { client: this.#client, params, partSize: this.partBytes, queueSize: PARTS_AT_A_TIME };
    try {
      await new Upload(options).done();
    } catch (error) {
      // The service is not to blame for a source that fails. After a failure of the service, the source is aborted.
      if (body.errored && body.errored.name !== 'AbortError') throw body.errored;
      throw this.#namedError(error);
    }
  }

  /**
   * Copies within the bucket, without transferring the bytes; an object onto itself to renew it.
   * @returns false if there is nothing at `from`
   */
  async copy(from: string, to: string): Promise<boolean> {
    const source = `${this.#bucket}/${from}`.split('/').map(encodeURIComponent).join('/');
    // An object can only be copied onto itself with a change.
    const command = new CopyObjectCommand({
      ...this.#at(to),
      CopySource: source,
      MetadataDirective: 'REPLACE',
    });
    return (await unlessMissing(this.#answered(this.#client.send(command)))) !== undefined;
  }

  /**
   * @param range as in the header, such as `bytes=0-99`
   * @returns undefined if there is no such object
   * @throws AssetError `invalid_range`
   */
  async get(key: string, range: string | undefined): Promise<Readable | undefined> {
    const command = new GetObjectCommand({ ...this.#at(key), ...(range ? { Range: range } : {}) });
    try {
      const response = await unlessMissing(this.#answered(this.#client.send(command)));
      // Node's HTTP handler always returns this type of body.
      return response && this.#watched(response.Body as Readable);
    } catch (error) {
      if (statusOf(error) === 416) throw new AssetError('invalid_range', `There are no bytes ${range}.`);
      throw error;
    }
  }

  async head(key: string): Promise<S3ObjectInfo | undefined> {
    const sent = this.#client.send(new HeadObjectCommand(this.#at(key)));
    const response = await unlessMissing(this.#answered(sent));
    return response && infoOf(key, response.ContentLength, response.LastModified);
  }

  async delete(key: string): Promise<void> {
    await this.#answered(this.#client.send(new DeleteObjectCommand(this.#at(key))));
  }

  async *list(prefix: string): AsyncGenerator<S3ObjectInfo, void> {
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: prefix });
    for (;;) {
      const { done, value } = await this.#answered(pages.next());
      if (done) return;
      for (const { Key: key, Size, LastModified } of value.Contents ?? []) {
        if (key !== undefined) yield infoOf(key, Size, LastModified);
      }
    }
  }

  /**
   * Aborts uploads in parts that started before a time. Does nothing if the service cannot list them: use a lifecycle
   * rule of the bucket.
   * @param time epoch ms
   */
  async abortUploads(prefix: string, time: number): Promise<void> {
    for (const { Key: key, UploadId, Initiated } of await this.#uploads(prefix)) {
      if (key === undefined || Initiated === undefined || Initiated.getTime() > time) continue;
      const command = new AbortMultipartUploadCommand({ ...this.#at(key), UploadId });
      await this.#answered(this.#client.send(command));
    }
  }

  /** Returns a presigned URL for the object, valid for `seconds`, with these headers. */
  sign(key: string, headers: { type: string; disposition: string }, seconds: number): Promise<string> {
    const command = new GetObjectCommand({
      ...this.#at(key),
      ResponseContentType: headers.type,
      ResponseContentDisposition: headers.disposition,
    });
    return getSignedUrl(this.#client, command, { expiresIn: seconds });
  }

  close(): void {
    this.#client.destroy();
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: key };
  }

  /** @throws StoreUnavailable if there was no response */
  async #answered<T>(response: Promise<T>): Promise<T> {
    try {
      return await response;
    } catch (error) {
      throw this.#namedError(error);
    }
  }

  #namedError(error: unknown): unknown {
    return isOutage(error) ? this.#outage(error) : error;
  }

  #outage(error: unknown): StoreUnavailable {
    const outage = new StoreUnavailable(error);
    this.#onOutage(outage);
    return outage;
  }

  /** A body whose failures are known to be those of the service, whoever reads it. */
  #watched(body: Readable): Readable {
    const watched = new PassThrough();
    body.on('error', (error) => watched.destroy(this.#outage(error)));
    watched.on('close', () => body.destroy());
    return body.pipe(watched);
  }

  async #uploads(prefix: string) {
    try {
      // More than a thousand are left to the next time.
      const command = new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: prefix });
      return (await this.#answered(this.#client.send(command))).Uploads ?? [];
    } catch (error) {
      if (statusOf(error) === NOT_IMPLEMENTED) return [];
      throw error;
    }
  }
}

async function unlessMissing<T>(response: Promise<T>): Promise<T | undefined> {
  try {
    return await response;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Whether the service did not respond, or only that it cannot now. */
function isOutage(error: unknown): boolean {
  // Errors without a known code have no class, but a status.
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status === undefined) return true;
  return status === 408 || status === 429 || (status >= 500 && status !== NOT_IMPLEMENTED);
}

/** Returns the status of the service's response, if the error is about a response. */
function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function infoOf(key: string, size: number | undefined, modified: Date | undefined): S3ObjectInfo {
  return { key, sizeBytes: size ?? 0, modifiedAt: modified?.getTime() ?? 0 };
}
