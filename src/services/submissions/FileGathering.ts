import { AppError, messageOf } from '../../errors.js';
import type { FileInput } from '../../workflows/types.js';
import { harmlessName } from './harmlessName.js';
import type { InputFetcher } from './InputFetcher.js';
import type { FileSource, ReceivedFile } from './Submission.js';
import type { UploadBudget } from './UploadBudget.js';
import type { UploadReservation } from './UploadReservation.js';

/** Gets files that clients left with the server before. */
export interface AssetFiles {
  /** undefined where there is none of this id that `owner` may use. */
  read(assetId: string, owner: string | undefined): Promise<ReceivedFile | undefined>;
}

export interface GatheringParts {
  readonly fetcher: InputFetcher;
  /** undefined where the server keeps no files for clients. */
  readonly assets: AssetFiles | undefined;
  /** Memory for what comes from clients. */
  readonly budget: UploadBudget;
}

interface Gatherer {
  readonly client: string;
  readonly owner: string | undefined;
  /** Aborted when nobody waits for the files any more. */
  readonly signal: AbortSignal;
}

/** The files of one submission: those that came with it, and those that it only names. */
export class FileGathering {
  readonly #parts: GatheringParts;
  readonly #maxFileBytes: number;
  readonly #gatherer: Gatherer;
  readonly #reservations: UploadReservation[] = [];

  constructor(parts: GatheringParts, maxFileBytes: number, gatherer: Gatherer) {
    this.#parts = parts;
    this.#maxFileBytes = maxFileBytes;
    this.#gatherer = gatherer;
  }

  /**
   * The file of an input. What is fetched counts as memory of its client until `release`.
   * @throws AppError `INPUT_UNREACHABLE`, `FILE_TOO_LARGE`, `QUEUE_FULL`, or what the fetcher says of an address
   */
  async get({ name, kind }: FileInput, source: FileSource): Promise<ReceivedFile> {
    if ('bytes' in source) return source;
    const file =
      'url' in source ? await this.#fetch(name, source.url) : await this.#asset(name, source.assetId);
    if (file.bytes.length > this.#maxFileBytes) throw this.#tooLarge(name);
    if (file.bytes.length === 0) throw unreachable(name, 'it is empty');
    return { bytes: file.bytes, filename: harmlessName(file.filename ?? '', kind) };
  }

  /** Gives the memory back: the bytes are accounted for elsewhere, or not needed any more. */
  release(): void {
    for (const reservation of this.#reservations) reservation.release();
  }

  async #fetch(name: string, url: string): Promise<{ bytes: Buffer; filename?: string }> {
    const { fetcher, budget } = this.#parts;
    const { client, signal: nobodyWaits } = this.#gatherer;
    const maxBytes = this.#maxFileBytes;
    const noRoom = new AbortController();
    const reservation = budget.begin(client, maxBytes, (why) => noRoom.abort(why));
    this.#reservations.push(reservation);
    const signal = AbortSignal.any([nobodyWaits, noRoom.signal]);
    try {
      const file = await fetcher.fetch(url, { maxBytes, signal });
      reservation.grow(file.bytes.length);
      signal.throwIfAborted();
      reservation.complete();
      return file;
    } catch (error) {
      if (noRoom.signal.aborted) throw noRoom.signal.reason;
      if (error instanceof AppError && error.code === 'FILE_TOO_LARGE') throw this.#tooLarge(name);
      throw unreachable(name, messageOf(error), error);
    }
  }

  async #asset(name: string, assetId: string): Promise<ReceivedFile> {
    const { assets } = this.#parts;
    if (!assets) throw unreachable(name, 'this server keeps no assets');
    const file = await assets.read(assetId, this.#gatherer.owner);
    if (file) return file;
    throw unreachable(name, `there is no asset ${JSON.stringify(assetId.slice(0, 64))}`);
  }

  #tooLarge(name: string): AppError {
    return new AppError(
      'FILE_TOO_LARGE',
      `The file for the input "${name}" is larger than ${this.#maxFileBytes} bytes.`,
      { details: { input: name } },
    );
  }
}

function unreachable(name: string, reason: string, cause?: unknown): AppError {
  return new AppError('INPUT_UNREACHABLE', `The file for the input "${name}" cannot be had: ${reason}.`, {
    details: { input: name, reason },
    cause,
  });
}
