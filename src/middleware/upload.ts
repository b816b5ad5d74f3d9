import type { Request, RequestHandler, Response } from 'express';
import multer, { MulterError } from 'multer';
import { AppError } from '../errors.js';
import type { ReceivedFile } from '../services/submissions/Submission.js';
import type { UploadBudget } from '../services/submissions/UploadBudget.js';
import { clientOf } from './authentication.js';
import { continueUpload } from './expectContinue.js';
import { type Pace, watchUpload } from './pace.js';
import { discardFile, oneBufferStorage } from './uploadStorage.js';

/** Form field that carries the image. */
const IMAGE_FIELD = 'imageFile';

const MAX_FIELDS = 32;
const MAX_FIELD_BYTES = 16 * 1024;
/** What a multipart body may be longer than its file. */
const MULTIPART_OVERHEAD = 64 * 1024 + MAX_FIELDS * MAX_FIELD_BYTES;
/** How long a body that has come may take to be taken apart, ms. */
const AFTER_END_MS = 1000;

/** An upload as it came, before anybody looked at its bytes. */
export interface Upload {
  /** By the names of the workflow's file inputs. */
  readonly files: ReadonlyMap<string, ReceivedFile>;
  /** Tells that its bytes are accounted for elsewhere, or not needed any more. */
  release(): void;
}

export interface UploadOptions {
  readonly maxFileBytes: number;
  readonly pace: Pace;
  readonly budget: UploadBudget;
}

/** Reads one image and the form's fields into memory. Ask `uploadOf` for the image. */
export function imageUpload(options: UploadOptions): RequestHandler {
  const { maxFileBytes, budget, pace } = options;
  const parse = multer({
    storage: oneBufferStorage((request) => Math.min(declaredBytes(request), maxFileBytes)),
    limits: {
      fileSize: maxFileBytes,
      files: 1,
      fields: MAX_FIELDS,
      parts: MAX_FIELDS + 2,
      fieldSize: MAX_FIELD_BYTES,
      fieldNameSize: 100,
      fieldNestingDepth: 1,
      headerPairs: 50,
    },
    defParamCharset: 'utf8',
  }).single(IMAGE_FIELD);
  return (request, response, next) => {
    if (declaredBytes(request) > maxFileBytes + MULTIPART_OVERHEAD) throw tooLarge(maxFileBytes);
    const expected = Math.min(declaredBytes(request) || maxFileBytes, maxFileBytes);
    const memory = budget.begin(clientOf(response), expected, (why) =>
      finish(cutOff(request, response, why)),
    );
    const release = () => memory.release();
    response.once('close', release);
    response.locals['releaseUpload'] = release;
    continueUpload(response);
    let isOver = false;
    let lastWait: NodeJS.Timeout | undefined;
    const finish = (error?: AppError) => {
      if (isOver) return;
      isOver = true;
      stopWatching();
      clearTimeout(lastWait);
      if (error) {
        release();
        discardFile(request);
      } else memory.complete();
      next(error);
    };
    const stopWatching = watchUpload(request, pace, (why) => finish(cutOff(request, response, tooSlow(why))));
    // Nobody waits for the end of an upload whose client is gone.
    response.once('close', stopWatching);
    // Where a part follows the closing boundary multer may wait for a file that never comes.
    request.once('end', () => {
      if (!isOver) lastWait = setTimeout(() => finish(malformed()), AFTER_END_MS);
    });
    // What is in the form beside the file takes memory, too.
    request.on('data', (part: Buffer) => memory.grow(part.length));
    parse(request, response, (error: unknown) => {
      finish(error === undefined || error === null ? undefined : uploadError(error, maxFileBytes));
    });
  };
}

/**
 * The image of a request that went through `imageUpload`. It is handed over: the request does not keep it, however
 * long its client waits for the answer.
 * @throws AppError `NO_IMAGE`
 */
export function takeUpload(request: Request, response: Response): Upload {
  const { file } = request;
  delete request.file;
  const isThere = file !== undefined && file.buffer.length > 0;
  return {
    files: new Map(
      isThere ? [['image', { bytes: file.buffer, filename: harmlessName(file.originalname) }]] : [],
    ),
    release: response.locals['releaseUpload'] as () => void,
  };
}

/** Bytes that an upload has at least, before it has come; 0 where that cannot be told. */
export function leastBytes(request: Request): number {
  return Math.max(0, declaredBytes(request) - MULTIPART_OVERHEAD);
}

/** Form fields and query parameters, of which the form's win. An empty one counts as left out. */
export function parametersOf(request: Request): Record<string, unknown> {
  const given = { ...request.query, ...(request.body as Record<string, unknown> | undefined) };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
}

function declaredBytes(request: Request): number {
  return Number(request.get('Content-Length') ?? 0);
}

/** Takes no more of an upload: the rest is thrown away. @returns what its client is told */
function cutOff(request: Request, response: Response, why: AppError): AppError {
  request.unpipe();
  request.resume();
  response.set('Connection', 'close');
  return why;
}

function tooSlow(why: string): AppError {
  return new AppError('REQUEST_TIMEOUT', `The upload is too slow: ${why}.`);
}

/**
 * The path of a name is nobody's business, and it ends up in logs and JSON: no control characters, none that turn
 * the direction of writing, no halves of a surrogate pair.
 */
function harmlessName(name: string): string {
  const base = name.split(/[/\\]/).at(-1) ?? '';
  // Cutting may leave half a surrogate pair, which becomes a replacement character.
  const clean = base.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').slice(0, 200);
  return Buffer.from(clean).toString().trim() || 'image';
}

function noImage(details?: string): AppError {
  return new AppError('NO_IMAGE', 'No image file provided.', {
    details: details ?? `Send multipart/form-data with the image in the field "${IMAGE_FIELD}".`,
  });
}

function tooLarge(maxFileBytes: number): AppError {
  return new AppError('FILE_TOO_LARGE', `The file is larger than ${maxFileBytes} bytes.`);
}

function malformed(cause?: unknown): AppError {
  return new AppError('MALFORMED_UPLOAD', 'The multipart body is broken or cut off.', { cause });
}

function uploadError(error: unknown, maxFileBytes: number): AppError {
  if (!(error instanceof MulterError)) return malformed(error);
  switch (error.code) {
    case 'LIMIT_FILE_SIZE':
      return tooLarge(maxFileBytes);
    case 'LIMIT_FILE_COUNT':
      return tooManyFiles();
    case 'LIMIT_UNEXPECTED_FILE':
      return error.field === IMAGE_FIELD ? tooManyFiles() : wrongField(error.field);
    default:
      return new AppError('MALFORMED_UPLOAD', `The form cannot be read: ${error.message}.`);
  }
}

function tooManyFiles(): AppError {
  return new AppError('TOO_MANY_FILES', 'Send one image at a time.');
}

function wrongField(field: string | undefined): AppError {
  return noImage(`The file is in the field ${JSON.stringify(field ?? '')}; it belongs in "${IMAGE_FIELD}".`);
}

/** The response whose client hung up before it had its answer: aborts the signal. */
export function hangUpSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
