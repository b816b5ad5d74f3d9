import type { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import type { AppError } from '../errors.js';
import type { UploadBudget } from '../services/submissions/UploadBudget.js';
import { clientOf } from './authentication.js';
import { bodyTooLarge, cutOff, declaredBytes, tooSlow } from './bodyErrors.js';
import { decoderOf } from './contentCoding.js';
import { continueUpload } from './expectContinue.js';
import { type Pace, watchUpload } from './pace.js';

export interface BodyLimits {
  /** Bytes of the whole body, after it was decompressed. */
  readonly maxBytes: number;
  readonly pace: Pace;
  readonly budget: UploadBudget;
}

/** A received body. Its memory is released by `release`, at the latest when the response is closed. */
export interface Received<T> {
  readonly value: T;
  release(): void;
}

/**
 * Reads a body within the limits of uploads: the minimum speed, and the client's share of memory.
 * @param read reads the body to its end, which is the request itself or comes from a decompressor
 * @throws AppError `FILE_TOO_LARGE`, `UNSUPPORTED_ENCODING`, `QUEUE_FULL`, `REQUEST_TIMEOUT`, or the errors of `read`
 */
export async function receiveBody<T>(
  request: Request,
  response: Response,
  { maxBytes, pace, budget }: BodyLimits,
  read: (body: Readable) => Promise<T>,
): Promise<Received<T>> {
  const declared = declaredBytes(request);
  if (declared > maxBytes) throw bodyTooLarge(maxBytes);
  const decode = decoderOf(request, response);
  let giveUp: (why: AppError) => void = () => undefined;
  const givenUp = new Promise<never>((_resolve, reject) => {
    giveUp = (why) => reject(cutOff(request, response, why));
  });
  const memory = budget.begin(clientOf(response), Math.min(declared || maxBytes, maxBytes), giveUp);
  response.once('close', () => memory.release());
  const body = decode();
  let bytes = 0;
  body.on('data', (part: Buffer) => {
    bytes += part.length;
    memory.grow(part.length);
    if (bytes > maxBytes) giveUp(bodyTooLarge(maxBytes));
  });
  const stopWatching = watchUpload(request, pace, (why) => giveUp(tooSlow(why)));
  response.once('close', stopWatching);
  continueUpload(response);
  try {
    const value = await Promise.race([read(body), givenUp]);
    memory.complete();
    return { value, release: () => memory.release() };
  } catch (error) {
    memory.release();
    throw request.readableEnded ? error : cutOff(request, response, error);
  } finally {
    stopWatching();
    if (body !== request) body.destroy();
  }
}
