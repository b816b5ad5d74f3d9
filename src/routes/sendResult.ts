import { once } from 'node:events';
import type { Request, Response } from 'express';
import { AppError } from '../errors.js';
import type { AssetPresentation } from '../services/assets/AssetStore.js';
import { contentDisposition } from '../services/assets/contentDisposition.js';
import type { StoredBytes } from '../services/jobs/BlobStore.js';
import {
  type CompletedJob,
  type JobOutput,
  type OutputKind,
  processingDuration,
} from '../services/jobs/Job.js';
import type { Turns } from '../utils/turns.js';
import { FORMATS, IMAGE_PLACE } from '../views/JobViews.js';
import type { OutputFormat } from '../workflows/parameters.js';
import { sendStored } from './sendStored.js';

/** Base64 is written in slices of this many bytes, a multiple of three. */
const SLICE_BYTES = 3 * 64 * 1024;
/** Responses up to this size fit into the socket buffer and are not counted. */
const SMALL_BYTES = 64 * 1024;
/** Kinds that a browser may show. A browser might treat other files as a page of this server. */
const SHOWN: ReadonlySet<OutputKind> = new Set(['image', 'video', 'audio', 'text']);

/** Media types of a result that a client can request. If it accepts several equally, the first one is used. */
export const RESULT_TYPES: readonly string[] = Object.keys(FORMATS);

/**
 * The format that `Accept` requests; undefined if it prefers JSON. A browser that opens a page lists images after
 * HTML and does not request one.
 * @throws AppError `NOT_ACCEPTABLE` if it names only unsupported image types
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
 * Whether the client requested the bytes of the result instead of JSON.
 * @throws AppError `NOT_ACCEPTABLE`
 */
export function wantsBytes(request: Request, { kind, mimeType }: JobOutput): boolean {
  const accepted = request.accepts(['application/json', mimeType]);
  if (accepted !== false) return accepted === mimeType;
  if (kind !== 'image') return false;
  // `Accept: image/png` for a job with the format JPEG returns the JPEG.
  return acceptedFormat(request) !== undefined;
}

function namesImages(request: Request): boolean {
  return /\bimage\//.test(request.get('Accept') ?? '');
}

/**
 * Sends results. Bytes that are being sent stay in memory even after the result expired, so their sum is bounded: the
 * oldest responses are aborted to make room. (`SlowReaders` decides how slow a client may be.)
 */
export class ResultSender {
  readonly #maxBytes: number;
  readonly #turns: Turns;
  /** Bytes by response, oldest first. */
  readonly #underWay = new Map<Response, number>();
  #bytes = 0;

  /** @param maxBytes of results that are being sent at the same time */
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
    else await sendStored(request, response, { jobId: job.id, bytes, start: 0, end: bytes.sizeBytes - 1 });
  }

  /**
   * Sends the bytes of one output, or the requested range; or redirects to its presigned URL, if it has one.
   * @param index of the output, from 0
   * @throws AppError `RANGE_NOT_SATISFIABLE` or `RESULT_EXPIRED`
   */
  async output(
    request: Request,
    response: Response,
    { job, output, bytes }: { job: CompletedJob; output: JobOutput; bytes: Buffer | StoredBytes },
    { index, isDownload }: { index: number; isDownload: boolean },
  ): Promise<void> {
    const etag = `"${job.id}-${index}"`;
    const stored = Buffer.isBuffer(bytes) ? undefined : bytes;
    // A URL is signed for one method only.
    const url = request.method === 'GET' ? await stored?.url(presentationOf(output, isDownload)) : undefined;
    if (url !== undefined) {
      response.set('Cache-Control', 'private, no-store').redirect(url);
      return;
    }
    const size = Buffer.isBuffer(bytes) ? bytes.length : bytes.sizeBytes;
    const range = rangeOf(request, etag, size);
    if (range === 'none of it') {
      response.set('Content-Range', `bytes */${size}`);
      throw new AppError('RANGE_NOT_SATISFIABLE', `The output has ${size} bytes.`);
    }
    response.set({ ...headersOf(job, output, isDownload), ETag: etag, 'Accept-Ranges': 'bytes' });
    if (range) response.status(206).set('Content-Range', `bytes ${range.start}-${range.end}/${size}`);
    const { start, end } = range ?? { start: 0, end: size - 1 };
    if (Buffer.isBuffer(bytes)) await this.#send(response, bytes.subarray(start, end + 1));
    else await sendStored(request, response, { jobId: job.id, bytes, start, end });
  }

  async #send(response: Response, bytes: Buffer): Promise<void> {
    this.#count(response, bytes.length);
    await this.#turns.take(bytes.length);
    if (!response.destroyed) response.send(bytes);
  }

  /**
   * Sends `body` as JSON. The image is inserted as base64 at the first `IMAGE_PLACE`; what follows may come from a
   * client.
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

/** Resolves when the client has read what was written, or has disconnected. */
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

/** The headers of a response with an output's bytes. */
function headersOf(job: CompletedJob, output: JobOutput, isDownload = false): Record<string, string> {
  return {
    'Content-Type': output.mimeType,
    'Content-Disposition': contentDisposition(presentationOf(output, isDownload)),
    'Cache-Control': 'private, no-cache',
    'X-Job-ID': job.id,
    'X-Prompt-ID': job.result.promptId,
    'X-ComfyUI-Instance': job.assignment.instance,
    'X-Processing-Time-Ms': String(Math.round(processingDuration(job) ?? 0)),
  };
}

function presentationOf({ filename, mimeType, kind }: JobOutput, isDownload: boolean): AssetPresentation {
  return { filename, mimeType, isDownload: isDownload || !SHOWN.has(kind) };
}

/** The requested range of bytes; undefined for the whole output, and for several or invalid ranges. */
function rangeOf(
  request: Request,
  etag: string,
  size: number,
): { readonly start: number; readonly end: number } | 'none of it' | undefined {
  const known = request.get('If-Range');
  if (request.method !== 'GET' || (known !== undefined && known !== etag)) return undefined;
  const ranges = request.range(size, { combine: true });
  if (ranges === -1) return 'none of it';
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes') return undefined;
  return ranges.length === 1 ? ranges[0] : undefined;
}
