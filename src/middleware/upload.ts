import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { AppError } from '../errors.js';
import type { StreamStore } from '../services/jobs/BlobStore.js';
import { kindOf } from '../services/submissions/parameterKinds.js';
import type { FileSource } from '../services/submissions/Submission.js';
import type { UploadBudget } from '../services/submissions/UploadBudget.js';
import type { Workflow } from '../workflows/types.js';
import { clientOf } from './authentication.js';
import type { BodyReader, ReceivedBody } from './BodyReader.js';
import { cutOff, declaredBytes, malformed, tooLarge } from './bodyErrors.js';
import { continueUpload } from './expectContinue.js';
import { FormReader, formOverhead } from './FormReader.js';
import { JsonReader } from './JsonReader.js';
import { type Pace, watchUpload } from './pace.js';
import { RAW_TYPES, RawReader } from './RawReader.js';
import { StoredUploads } from './StoredUploads.js';
import { UnreadBody } from './UnreadBody.js';

/** How long a body that has come may take to be taken apart, ms. */
const AFTER_END_MS = 1000;

/** What a client sent, before anybody looked at it. */
export interface Upload {
  /** By the names of the workflow's file inputs. */
  readonly files: ReadonlyMap<string, FileSource>;
  /** Form fields or values of JSON, and query parameters: of the same name, those of the body win. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Tells that its bytes are accounted for elsewhere, and held by whoever wants them, or not needed any more. */
  release(): void;
}

/** What is sent to, such as a workflow. */
type Receiving = Pick<Workflow, 'files' | 'parameters'>;

export interface UploadOptions {
  /** Bytes of each file. */
  readonly maxFileBytes: number;
  readonly pace: Pace;
  readonly budget: UploadBudget;
  /** Where files that are no images go as they come; undefined where that is memory. */
  readonly stream: StreamStore | undefined;
}

/** Reads what is submitted to a workflow: a form, JSON, or one file as it is. Then ask `sentParameters` and `takeUpload`. */
export function receiveUpload(workflow: Receiving, options: UploadOptions): RequestHandler {
  const { maxFileBytes, budget, pace, stream } = options;
  return (request, response, next) => {
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
      // Whoever took the upload lets go of what is stored, when it is done with it.
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
        const parameters = { ...request.query, ...body.values };
        response.locals['upload'] = { files: body.files, parameters, release } satisfies Upload;
      }
      next(error);
    };
    const stopWatching = watchUpload(request, pace, (why) => finish(cutOff(request, response, tooSlow(why))));
    // Nobody waits for the end of an upload whose client is gone.
    response.once('close', stopWatching);
    // Where a part follows the closing boundary multer may wait for a file that never comes.
    const waitForLast = async () => {
      // What has come may take its time on its way to the store, one file after the other.
      await stored?.settled();
      if (isOver) return;
      lastWait = setTimeout(() => {
        if (stored?.isBusy) void waitForLast();
        else finish(malformed('The multipart body'));
      }, AFTER_END_MS);
    };
    request.once('end', waitForLast);
    // What is in the body beside the files takes memory, too.
    request.on('data', (part: Buffer) => memory.grow(part.length));
    reader.read(request, response).then(
      (body) => finish(undefined, body),
      (error: unknown) => finish(request.readableEnded ? error : cutOff(request, response, error)),
    );
  };
}

/** Everything but the files of a request that went through `receiveUpload`. */
export function sentParameters(response: Response): Readonly<Record<string, unknown>> {
  return uploadOf(response).parameters;
}

/**
 * What came with a request that went through `receiveUpload`. It is handed over: the request does not keep it, however
 * long its client waits for the answer.
 */
export function takeUpload(response: Response): Upload {
  const upload = uploadOf(response);
  delete response.locals['upload'];
  return upload;
}

function uploadOf(response: Response): Upload {
  return response.locals['upload'] as Upload;
}

/** Bytes that an upload has at least, before it has come; 0 where that cannot be told. */
export function leastBytes(request: Request): number {
  // What JSON only names has no length yet, and what is in it may be shorter than its text.
  return request.is('json') ? 0 : Math.max(0, declaredBytes(request) - formOverhead());
}

/** Query parameters. An empty one counts as left out. */
export function parametersOf({ query }: Request): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
}

/** The response whose client hung up before it had its answer: aborts the signal. */
export function hangUpSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    // Whoever fails because of it has nobody to tell, and nothing to log.
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

function tooSlow(why: string): AppError {
  return new AppError('REQUEST_TIMEOUT', `The upload is too slow: ${why}.`);
}
