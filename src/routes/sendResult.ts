import { once } from 'node:events';
import type { Request, Response } from 'express';
import { AppError } from '../errors.js';
import { extensionOf } from '../services/images/finish.js';
import { type CompletedJob, processingDuration } from '../services/jobs/Job.js';
import type { Turns } from '../utils/turns.js';
import { IMAGE_PLACE } from '../views/JobViews.js';
import type { OutputFormat } from '../workflows/parameters.js';

/** Base64 is made in slices of this many bytes, a multiple of three, as the client takes them. */
const SLICE_BYTES = 3 * 64 * 1024;
/** Answers up to this size are in the kernel's hands at once: nobody needs to count them. */
const SMALL_BYTES = 64 * 1024;
/** Formats by type; of those that a client takes alike, the first one. */
const FORMATS: Readonly<Record<string, OutputFormat>> = {
  'image/png': 'PNG',
  'image/jpeg': 'JPEG',
  'image/webp': 'WEBP',
};

/** Media types that a result may have. */
export const RESULT_TYPES: readonly string[] = Object.keys(FORMATS);

/**
 * The format that `Accept` asks for; undefined where it prefers JSON. A browser that opens a page lists images after
 * HTML: it does not ask for one.
 * @throws AppError `NOT_ACCEPTABLE` when it names image types, and none that a result can have
 */
export function acceptedFormat(request: Request): OutputFormat | undefined {
  const accepted = request.accepts(['application/json', 'text/html', ...RESULT_TYPES]);
  if (accepted !== false) return FORMATS[accepted];
  if (!namesImages(request)) return undefined;
  throw new AppError('NOT_ACCEPTABLE', 'No result has an image type that Accept names.', {
    details: `Results are ${RESULT_TYPES.join(', ')}, or application/json with the image in it.`,
  });
}

/**
 * Whether the client asked for the image itself in place of JSON with the image in it.
 * @throws AppError `NOT_ACCEPTABLE`
 */
export function wantsImage(request: Request, mimeType: string): boolean {
  const accepted = request.accepts(['application/json', mimeType]);
  if (accepted !== false) return accepted === mimeType;
  // `Accept: image/png` for a job that was asked to give a JPEG: the image it is.
  return acceptedFormat(request) !== undefined;
}

function namesImages(request: Request): boolean {
  return /\bimage\//.test(request.get('Accept') ?? '');
}

/**
 * Answers with results. Bytes that are being sent stay in memory although their result may have expired, so
 * all of them together are bounded in bytes: the ones that have been at it longest are cut off to make room. (How
 * slowly a client may take an answer is decided for all answers alike, in `SlowReaders`.)
 */
export class ResultSender {
  readonly #maxBytes: number;
  readonly #turns: Turns;
  /** Bytes by answer, in the order in which they were begun. */
  readonly #underWay = new Map<Response, number>();
  #bytes = 0;

  /** @param maxBytes of results that are being sent at the same time */
  constructor(maxBytes: number, turns: Turns) {
    this.#maxBytes = maxBytes;
    this.#turns = turns;
  }

  /** Answers with a result's bytes. A result never changes, so its job's id is its entity tag. */
  async image(response: Response, job: CompletedJob, image: Buffer): Promise<void> {
    response.set({
      'Content-Type': job.result.mimeType,
      'Content-Disposition': `inline; filename="${resultFilename(job)}"`,
      ETag: `"${job.id}"`,
      'Cache-Control': 'private, no-cache',
      Vary: 'Accept',
      'X-Job-ID': job.id,
      'X-Prompt-ID': job.result.promptId,
      'X-ComfyUI-Instance': job.assignment.instance,
      'X-Processing-Time-Ms': String(Math.round(processingDuration(job) ?? 0)),
    });
    this.#count(response, image.length);
    await this.#turns.take(image.length);
    if (!response.destroyed) response.send(image);
  }

  /** Answers with `body` in JSON, the image as base64 in the place of `IMAGE_PLACE`. */
  async json(response: Response, body: object, image: Buffer): Promise<void> {
    const [head = '', tail = ''] = JSON.stringify(body).split(IMAGE_PLACE);
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

/** Resolves when the client took what was written, or is gone. */
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

/** A file name for a result. */
function resultFilename(job: CompletedJob): string {
  return `${job.request.type}-${job.id}.${extensionOf(job.result.format)}`;
}
