import { Readable } from 'node:stream';
import { type AppError, PromptError } from '../../errors.js';
import { invalidParameter } from '../../schemas/parse.js';
import { type Content, sizeOf } from '../../utils/StoredFile.js';
import type { FileInput } from '../../workflows/types.js';
import { isDataUri, parseDataUri } from '../assets/dataUri.js';
import type { FetchedInput, InputFetcher } from '../assets/InputFetcher.js';
import { InputUnreachable } from '../assets/InputUnreachable.js';
import type { StreamStore } from '../jobs/BlobStore.js';
import { harmlessName } from './harmlessName.js';
import { fileTooLarge, unreachable } from './inputErrors.js';
import { isPicture } from './inspectFile.js';
import type { FileSource, MachineFile, ReceivedFile } from './Submission.js';
import type { UploadBudget } from './UploadBudget.js';
import type { UploadReservation } from './UploadReservation.js';

/** The file of an asset. */
export interface AssetFile extends ReceivedFile {
  /** Renews the lifetime of the asset, as soon as its bytes are held. Returns false if it was deleted in the meantime. */
  readonly renew?: () => Promise<boolean>;
}

/** Finds files that clients uploaded before. */
export interface AssetFiles {
  /** Returns `undefined` if no asset with this id exists that `owner` may use. */
  read(assetId: string, owner: string | undefined): Promise<AssetFile | undefined>;
}

export interface GatheringParts {
  readonly fetcher: Pick<InputFetcher, 'fetch'>;
  /** undefined if the server keeps no files for clients. */
  readonly assets: AssetFiles | undefined;
  /** Where files other than images are streamed; undefined for memory. */
  readonly stream: StreamStore | undefined;
  /** Store of the files that clients keep on the server. */
  readonly kept: Pick<StreamStore, 'hold'>;
  /** Memory for uploads. */
  readonly budget: UploadBudget;
}

interface Gatherer {
  readonly client: string;
  readonly owner: string | undefined;
  /** Aborted when the request has ended and the files are no longer needed. */
  readonly signal: AbortSignal;
}

/** A file, and its name at the source. */
interface NamedFile {
  readonly bytes: Content;
  readonly filename: string | undefined;
}

/** Reads a file as a stream, within limits. @returns the result of `use` */
type Fetch = <T>(
  limits: { readonly maxBytes: number; readonly signal: AbortSignal },
  use: (input: FetchedInput) => Promise<T>,
) => Promise<T>;

/** Gathers the files of one submission: those in the request, those by reference, and those on machines. */
export class FileGathering {
  readonly #parts: GatheringParts;
  readonly #maxFileBytes: number;
  readonly #gatherer: Gatherer;
  readonly #reservations: UploadReservation[] = [];
  /** Stored files that are held until the job exists. */
  readonly #stored: { release(): void }[] = [];

  constructor(parts: GatheringParts, maxFileBytes: number, gatherer: Gatherer) {
    this.#parts = parts;
    this.#maxFileBytes = maxFileBytes;
    this.#gatherer = gatherer;
  }

  /**
   * Returns the file of an input. Fetched bytes count as memory of the client until `release`.
   * @throws AppError `INPUT_UNREACHABLE`, `FILE_TOO_LARGE`, `INVALID_PARAMETER` or `QUEUE_FULL`
   */
  async get(input: FileInput, source: FileSource): Promise<ReceivedFile> {
    if ('bytes' in source) {
      if (await this.#hold(source)) return source;
      throw unreachable(input, 'is not available: the file no longer exists');
    }
    const { bytes, filename } = await this.#reach(input, source);
    if (sizeOf(bytes) > this.#maxFileBytes) throw fileTooLarge(input, this.#maxFileBytes);
    if (sizeOf(bytes) === 0) throw unreachable(input, 'is empty');
    return { bytes, filename: harmlessName(filename ?? '', input.kind) };
  }

  /** Releases memory and stored files: the bytes are now accounted for elsewhere, or no longer needed. */
  release(): void {
    for (const reservation of this.#reservations) reservation.release();
    for (const file of this.#stored.splice(0)) file.release();
  }

  async #reach(input: FileInput, source: Exclude<FileSource, ReceivedFile>): Promise<NamedFile> {
    const { client } = this.#gatherer;
    if ('assetId' in source) return this.#asset(input, source.assetId);
    if ('url' in source && isDataUri(source.url)) return this.#decode(input, source.url);
    const fetch: Fetch =
      'url' in source
        ? (limits, use) => this.#parts.fetcher.fetch(source.url, { ...limits, client }, use)
        : this.#fromMachine(input, source);
    try {
      const { stream } = this.#parts;
      // Images are inspected as a whole, in memory.
      return await (stream && !isPicture(input) ? this.#store(fetch, stream) : this.#load(fetch));
    } catch (error) {
      if (error instanceof PromptError) throw unreachable(input, 'could not be read from its machine', error);
      throw error instanceof InputUnreachable ? unreachable(input, error.message, error) : error;
    }
  }

  #fromMachine(input: FileInput, { filename, read }: MachineFile): Fetch {
    return ({ maxBytes, signal }, use) =>
      read((body) => {
        const chunks = within(body, maxBytes, signal, () => fileTooLarge(input, this.#maxFileBytes));
        return use({ body: Readable.from(chunks, { objectMode: false }), filename });
      });
  }

  #decode(input: FileInput, url: string): NamedFile {
    const data = parseDataUri(url, this.#maxFileBytes);
    if ('bytes' in data) return { bytes: data.bytes, filename: undefined };
    if (data.problem === 'too_large') throw fileTooLarge(input, this.#maxFileBytes);
    throw invalidParameter(input.name, 'must be a valid data URI (RFC 2397)');
  }

  /** Streams a file to the store. */
  async #store(fetch: Fetch, stream: StreamStore): Promise<NamedFile> {
    const { signal } = this.#gatherer;
    const limits = { maxBytes: this.#maxFileBytes, signal };
    return fetch(limits, async ({ body, filename }) => {
      const bytes = await stream.putStream(body, { signal });
      this.#stored.push(bytes);
      return { bytes, filename };
    });
  }

  /** Reads a file into memory. */
  async #load(fetch: Fetch): Promise<NamedFile> {
    const { budget } = this.#parts;
    const { client, signal: nobodyWaits } = this.#gatherer;
    const maxBytes = this.#maxFileBytes;
    const noRoom = new AbortController();
    const reservation = budget.begin(client, maxBytes, (why) => noRoom.abort(why));
    this.#reservations.push(reservation);
    const signal = AbortSignal.any([nobodyWaits, noRoom.signal]);
    return fetch({ maxBytes, signal }, async ({ body, filename }) => {
      const parts: Buffer[] = [];
      for await (const part of body as AsyncIterable<Buffer>) {
        reservation.grow(part.length);
        signal.throwIfAborted();
        parts.push(part);
      }
      reservation.complete();
      return { bytes: Buffer.concat(parts), filename };
    });
  }

  async #asset(input: FileInput, assetId: string): Promise<ReceivedFile> {
    const { assets } = this.#parts;
    if (!assets) throw unreachable(input, 'is not available: this server keeps no assets');
    const file = await assets.read(assetId, this.#gatherer.owner);
    // Renewed only now: an asset without its bytes must expire.
    if (file && (await this.#hold(file)) && ((await file.renew?.()) ?? true)) return file;
    throw unreachable(input, `is not available: there is no asset ${JSON.stringify(assetId.slice(0, 64))}`);
  }

  /** Keeps the bytes of a file until the job holds them. @returns false if they no longer exist */
  async #hold({ bytes, isBorrowed }: ReceivedFile): Promise<boolean> {
    if (!isBorrowed || Buffer.isBuffer(bytes)) return true;
    const held = await this.#parts.kept.hold(bytes);
    if (held) this.#stored.push(held);
    return held !== undefined;
  }
}

/** The chunks of a file, as long as they are within the limit and somebody waits for them. */
async function* within(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
  signal: AbortSignal,
  tooLarge: () => AppError,
): AsyncGenerator<Buffer, void> {
  let bytes = 0;
  for await (const chunk of body) {
    signal.throwIfAborted();
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    yield chunk;
  }
}
