import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { AppError } from '../errors.js';
import type { StreamStore } from '../services/jobs/BlobStore.js';
import { kindOf } from '../services/submissions/parameterKinds.js';
import type { FileSource } from '../services/submissions/Submission.js';
import type { UploadBudget } from '../services/submissions/UploadBudget.js';
import { ownText } from '../utils/ownText.js';
import type { Workflow } from '../workflows/types.js';
import { clientOf } from './authentication.js';
import type { BodyReader, ReceivedBody } from './BodyReader.js';
import { cutOff, declaredBytes, malformed, tooLarge, tooSlow } from './bodyErrors.js';
import { refuseCompressed } from './contentCoding.js';
import { continueUpload } from './expectContinue.js';
import { FormReader, formOverhead } from './FormReader.js';
import { JsonReader } from './JsonReader.js';
import { type Pace, watchUpload } from './pace.js';
import { RAW_TYPES, RawReader } from './RawReader.js';
import { StoredUploads } from './StoredUploads.js';
import { UnreadBody } from './UnreadBody.js';

/** How long parsing may take after the whole body has arrived, ms. */
const AFTER_END_MS = 1000;

/** The content of a request before it is validated. */
export interface Upload {
  /** By the names of the workflow's file inputs. */
  readonly files: ReadonlyMap<string, FileSource>;
  /** Form fields or JSON values, and query parameters. A value in the body takes precedence over the query. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Releases the memory: the bytes are now counted elsewhere and held by their user, or no longer needed. */
  release(): void;
}

/** The recipient of an upload, such as a workflow. */
type Receiving = Pick<Workflow, 'files' | 'parameters'>;

export interface UploadOptions {
  /** Maximum size of a file, bytes. */
  readonly maxFileBytes: number;
  readonly pace: Pace;
  readonly budget: UploadBudget;
  /** Store to which files other than images are streamed; `undefined` for memory. */
  readonly stream: StreamStore | undefined;
}

/** Reads a submission to a workflow: a form, JSON, or a single raw file. Use `sentParameters` and `takeUpload` afterwards. */
export function receiveUpload(workflow: Receiving, options: UploadOptions): RequestHandler {
  const { maxFileBytes, budget, pace, stream } = options;
  return (request, response, next) => {
    refuseCompressed(request, response);
    const stored = stream && new StoredUploads(stream, (bytes) => memory.shrink(bytes));
    const reader = readerFor(request, workflow, maxFileBytes, stored);
    const declared = declaredBytes(request);
    if (declared > reader.maxBytes) throw tooLarge(maxFileBytes);
    const expected = Math.min(declared || reader.maxHeldBytes, reader.maxHeldBytes);
    const memory = budget.begin(clientOf(response), expected, (why) =>
      finish(cutOff(request, response, why)),
    );
    const release = () => {
      memory.release();
      stored?.release();
    };
    response.once('close', () => {
      memory.release();
      // The code that took the upload releases the stored files when it no longer needs them.
      if (!isOver || response.locals['upload'] !== undefined) stored?.release();
    });
    continueUpload(response);
    let isOver = false;
    let lastWait: NodeJS.Timeout | undefined;
    const finish = (error?: unknown, body?: ReceivedBody) => {
      if (isOver) return;
      isOver = true;
      stopWatching();
      clearTimeout(lastWait);
      if (error) {
        release();
        reader.discard();
      } else memory.complete();
      if (body) {
        const parameters = { ...queryOf(request), ...body.values };
        response.locals['upload'] = { files: body.files, parameters, release } satisfies Upload;
      }
      next(error);
    };
    const stopWatching = watchUpload(request, pace, (why) => finish(cutOff(request, response, tooSlow(why))));
    // The upload has ended if its client disconnected.
    response.once('close', stopWatching);
    // If a part follows the closing boundary, multer may wait for a file that never comes.
    const waitForLast = async () => {
      // Received files may still be on their way to the store, one after the other.
      await stored?.settled();
      if (isOver) return;
      lastWait = setTimeout(() => {
        if (stored?.isBusy) void waitForLast();
        else finish(malformed('The multipart body'));
      }, AFTER_END_MS);
    };
    request.once('end', waitForLast);
    // The rest of the body takes memory too.
    request.on('data', (part: Buffer) => memory.grow(part.length));
    reader.read(request, response).then(
      (body) => finish(undefined, body),
      (error: unknown) => finish(request.readableEnded ? error : cutOff(request, response, error)),
    );
  };
}

/** Returns the parameters of a request after `receiveUpload`. */
export function sentParameters(response: Response): Readonly<Record<string, unknown>> {
  return uploadOf(response).parameters;
}

/**
 * Returns the upload of a request after `receiveUpload`. The request does not keep it, however long its client waits
 * for the response.
 */
export function takeUpload(response: Response): Upload {
  const upload = uploadOf(response);
  delete response.locals['upload'];
  return upload;
}

function uploadOf(response: Response): Upload {
  return response.locals['upload'] as Upload;
}

/** Returns the minimum size of an upload before it arrives, bytes; 0 if unknown. */
export function leastBytes(request: Request): number {
  // Files that JSON refers to have no known size, and embedded files may be smaller than their text.
  return request.is('json') ? 0 : Math.max(0, declaredBytes(request) - formOverhead());
}

/** Returns the query parameters. An empty one counts as omitted. */
export function parametersOf(request: Request): Record<string, unknown> {
  return Object.fromEntries(Object.entries(queryOf(request)).filter(([, value]) => value !== ''));
}

/** Some are kept with a job, longer than the URL. */
function queryOf({ query }: Request): Record<string, unknown> {
  const entries = Object.entries(query);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? ownText(value) : value]),
  );
}

/** Returns a signal that aborts when the client disconnects before it gets the response. */
export function hangUpSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    // An error caused by this has no recipient and needs no log line.
    if (!response.writableFinished)
      controller.abort(new AppError('REQUEST_TIMEOUT', 'The client disconnected.'));
  });
  return controller.signal;
}

function readerFor(
  request: Request,
  workflow: Receiving,
  maxFileBytes: number,
  stored: StoredUploads | undefined,
): BodyReader {
  const inputs = workflow.files;
  if (request.is('multipart')) {
    const schemas: z.ZodType[] = Object.values(workflow.parameters.shape);
    const hasTexts = schemas.some((schema) => kindOf(schema) === 'text');
    return new FormReader({ inputs, parameters: schemas.length, hasTexts, maxFileBytes, stored });
  }
  if (request.is('application/json')) return new JsonReader(inputs, maxFileBytes);
  if (request.is(RAW_TYPES)) return new RawReader(inputs, maxFileBytes, stored);
  return new UnreadBody(inputs, formOverhead() + inputs.length * maxFileBytes);
}
