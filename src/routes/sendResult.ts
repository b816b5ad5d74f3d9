import { once } from 'node:events';
import type { Request, Response } from 'express';
import { AppError } from '../errors.js';
import { leaveUncompressed } from '../middleware/compressResponses.js';
import type { AssetPresentation } from '../services/assets/AssetStore.js';
import { contentDisposition } from '../services/assets/contentDisposition.js';
import type { StoredBytes } from '../services/jobs/BlobStore.js';
import {
  type CompletedJob,
  type Job,
  type JobOutput,
  type OutputKind,
  processingDuration,
} from '../services/jobs/Job.js';
import { type Content, sizeOf } from '../utils/StoredFile.js';
import type { Turns } from '../utils/turns.js';
import { FORMATS, IMAGE_PLACE, jobUrls } from '../views/JobViews.js';
import type { OutputFormat } from '../workflows/parameters.js';
import { requestedRange } from './requestedRange.js';
import { sendStored } from './sendStored.js';

/** Base64 is encoded in slices of this many bytes, a multiple of three, as fast as the client reads. */
const SLICE_BYTES = 3 * 64 * 1024;
/** Responses up to this size go to the kernel at once, so they are not counted. */
const SMALL_BYTES = 64 * 1024;
/** Kinds that a browser may show. Other files are downloads: a browser might show them as pages of this server. */
const SHOWN: ReadonlySet<OutputKind> = new Set(['image', 'video', 'audio', 'text']);

/** Media types of a result that can be requested. If a client accepts several equally, the first one is used. */
export const RESULT_TYPES: readonly string[] = Object.keys(FORMATS);
/** For documents: media types of the bytes of a result of any workflow. Results that are not images are sent as they are. */
export const ANY_RESULT_TYPES: readonly string[] = [...RESULT_TYPES, '*/*'];

/**
 * Returns the format that `Accept` requests; `undefined` if it prefers JSON. A browser that opens a page lists images
 * after HTML, which does not request an image.
 * @throws AppError `NOT_ACCEPTABLE` when it lists image types, but none that a result can have
 */
export function acceptedFormat(request: Request): OutputFormat | undefined {
  const accepted = request.accepts(['application/json', 'text/html', ...RESULT_TYPES]);
  if (accepted !== false) return FORMATS[accepted];
  if (!namesImages(request)) return undefined;
  throw new AppError('NOT_ACCEPTABLE', 'Accept names only unsupported image types.', {
    details: `Supported are ${RESULT_TYPES.join(', ')}, and application/json with the image in it.`,
  });
}

/**
 * Returns whether the client requested the bytes of the result instead of JSON.
 * @throws AppError `NOT_ACCEPTABLE`
 */
export function wantsBytes(request: Request, { kind, mimeType }: JobOutput): boolean {
  const accepted = request.accepts(['application/json', mimeType]);
  if (accepted !== false) return accepted === mimeType;
  if (kind !== 'image') return false;
  // `Accept: image/png` for a job whose result is a JPEG: send the JPEG.
  return acceptedFormat(request) !== undefined;
}

function namesImages(request: Request): boolean {
  return /\bimage\//.test(request.get('Accept') ?? '');
}

/** A file to send, and its headers. */
interface SentFile {
  readonly bytes: Content;
  readonly etag: string;
  /** For `Last-Modified`, epoch ms. */
  readonly modifiedAt?: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Returns the signed URL to which the client is redirected, if any. */
  readonly url?: (() => Promise<string | undefined>) | undefined;
  /** Returns the error if the bytes no longer exist. */
  readonly gone: () => AppError;
}

/**
 * Sends results. Bytes that are being sent stay in memory even if their result has expired, so their total is limited:
 * the oldest responses are aborted to make room. (`SlowReaders` limits how slowly a client may read any response.)
 */
export class ResultSender {
  readonly #maxBytes: number;
  readonly #turns: Turns;
  /** Bytes by response, in the order in which they started. */
  readonly #underWay = new Map<Response, number>();
  #bytes = 0;

  /** @param maxBytes of all results that are being sent */
  constructor(maxBytes: number, turns: Turns) {
    this.#maxBytes = maxBytes;
    this.#turns = turns;
  }

  /** Sends the bytes of a job's primary output. A result never changes, so the job id is its ETag. */
  async primary(
    request: Request,
    response: Response,
    job: CompletedJob,
    bytes: Buffer | StoredBytes,
  ): Promise<void> {
    const [output] = job.result.outputs;
    response.set({ ...headersOf(job, output), ETag: `"${job.id}"`, Vary: 'Accept' });
    if (Buffer.isBuffer(bytes)) await this.#send(response, bytes);
    else {
      const gone = () => resultGone(job.id);
      await sendStored(request, response, { bytes, start: 0, end: bytes.sizeBytes - 1, gone });
    }
  }

  /**
   * Sends the bytes of one output of a job, or the range that the client requests; or redirects the client to their
   * signed URL.
   * @param name unique among the outputs of the job, for the ETag
   * @throws AppError `RANGE_NOT_SATISFIABLE` or `RESULT_EXPIRED`
   */
  async output(
    request: Request,
    response: Response,
    { job, output, bytes }: { job: Job; output: JobOutput; bytes: Buffer | StoredBytes },
    { name, isDownload }: { name: string; isDownload: boolean },
  ): Promise<void> {
    const presentation = presentationOf(output, isDownload);
    await this.file(request, response, {
      bytes,
      etag: `"${job.id}-${name}"`,
      headers: { ...fileHeaders(presentation), ...jobHeaders(job) },
      url: Buffer.isBuffer(bytes) ? undefined : () => bytes.url(presentation),
      gone: () => resultGone(job.id),
    });
  }

  /**
   * Sends the bytes of any file, like `output`.
   * @throws AppError `RANGE_NOT_SATISFIABLE`, or the error of `gone`
   */
  async file(request: Request, response: Response, file: SentFile): Promise<void> {
    const { bytes, etag, modifiedAt, headers, gone } = file;
    // A URL is signed for one method only.
    const url = request.method === 'GET' ? await file.url?.() : undefined;
    if (url !== undefined) {
      response.set('Cache-Control', 'private, no-store').redirect(url);
      return;
    }
    const size = sizeOf(bytes);
    response.set('ETag', etag);
    if (modifiedAt !== undefined) response.set('Last-Modified', new Date(modifiedAt).toUTCString());
    const range = requestedRange(request, response, size);
    if (range === 'none of it') {
      response.set('Content-Range', `bytes */${size}`);
      throw new AppError('RANGE_NOT_SATISFIABLE', `The output has ${size} bytes.`);
    }
    response.set({ ...headers, 'Accept-Ranges': 'bytes' });
    if (range) response.status(206).set('Content-Range', `bytes ${range.start}-${range.end}/${size}`);
    const { start, end } = range ?? { start: 0, end: size - 1 };
    if (Buffer.isBuffer(bytes)) await this.#send(response, bytes.subarray(start, end + 1));
    else await sendStored(request, response, { bytes, start, end, gone });
  }

  async #send(response: Response, bytes: Buffer): Promise<void> {
    this.#count(response, bytes.length);
    await this.#turns.take(bytes.length);
    if (!response.destroyed) response.send(bytes);
  }

  /**
   * Sends `body` as JSON. The bytes of an image replace the first `IMAGE_PLACE` as base64; the text after it may come
   * from a client.
   */
  async json(response: Response, body: object, { result }: CompletedJob, image: Buffer): Promise<void> {
    const text = JSON.stringify(body);
    const place = result.outputs[0].kind === 'image' ? text.indexOf(IMAGE_PLACE) : -1;
    if (place < 0) {
      response.vary('Accept').type('json').send(text);
      return;
    }
    const head = text.slice(0, place);
    const tail = text.slice(place + IMAGE_PLACE.length);
    const length = Buffer.byteLength(head) + 4 * Math.ceil(image.length / 3) + Buffer.byteLength(tail);
    leaveUncompressed(response);
    response.set('Content-Length', String(length)).vary('Accept').type('json');
    this.#count(response, image.length);
    response.write(head);
    for (let at = 0; at < image.length; at += SLICE_BYTES) {
      await this.#turns.take(Math.min(SLICE_BYTES, image.length - at));
      const wasTaken = response.write(image.toString('base64', at, at + SLICE_BYTES), 'latin1');
      if (!wasTaken) await roomIn(response);
      if (response.destroyed) return;
    }
    response.end(tail);
  }

  #count(response: Response, bytes: number): void {
    if (bytes <= SMALL_BYTES) return;
    this.#underWay.set(response, bytes);
    this.#bytes += bytes;
    response.once('close', () => {
      this.#underWay.delete(response);
      this.#bytes -= bytes;
    });
    this.#makeRoomFor(response);
  }

  #makeRoomFor(newest: Response): void {
    let excess = this.#bytes - this.#maxBytes;
    for (const [response, bytes] of this.#underWay) {
      if (excess <= 0 || response === newest) return;
      response.destroy();
      excess -= bytes;
    }
  }
}

/** Resolves when the client has read the written bytes, or disconnected. */
async function roomIn(response: Response): Promise<void> {
  if (response.destroyed) return;
  const over = new AbortController();
  const { signal } = over;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    over.abort();
  }
}

/** Returns the headers of every response with the bytes of an output. */
function headersOf(job: CompletedJob, output: JobOutput): Record<string, string> {
  return { ...fileHeaders(presentationOf(output, false)), ...jobHeaders(job) };
}

/** Returns the headers of a file that clients may keep, but must ask about before they use it again. */
export function fileHeaders(presentation: AssetPresentation): Record<string, string> {
  return {
    'Content-Type': presentation.mimeType,
    'Content-Disposition': contentDisposition(presentation),
    'Cache-Control': 'private, no-cache',
  };
}

function jobHeaders(job: Job): Record<string, string> {
  if (job.status !== 'completed') return { 'X-Job-ID': job.id };
  const { randomSeed, randomSeeds } = job.request;
  // Several seeds do not fit into one header: they are in the job's status.
  const isOneSeed = randomSeed !== undefined && randomSeeds === undefined;
  return {
    'X-Job-ID': job.id,
    'X-Prompt-ID': job.result.promptId,
    'X-ComfyUI-Instance': job.assignment.instance,
    'X-Processing-Time-Ms': String(Math.round(processingDuration(job) ?? 0)),
    ...(isOneSeed ? { 'X-Seed': randomSeed } : {}),
  };
}

function resultGone(jobId: string): AppError {
  return new AppError('RESULT_EXPIRED', 'The result no longer exists.', {
    fields: { job_id: jobId, status_url: jobUrls(jobId).status_url },
  });
}

function presentationOf({ filename, mimeType, kind }: JobOutput, isDownload: boolean): AssetPresentation {
  return { filename, mimeType, isDownload: isDownload || !SHOWN.has(kind) };
}
