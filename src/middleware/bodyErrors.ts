import type { Request, Response } from 'express';
import { AppError } from '../errors.js';
import { sizeText } from '../utils/sizeText.js';

/** Returns the error for a file that is too large. */
export function tooLarge(maxFileBytes: number): AppError {
  return new AppError('FILE_TOO_LARGE', `The file is larger than ${sizeText(maxFileBytes)}.`);
}

/** Returns the error for a body that is too large. */
export function bodyTooLarge(maxBytes: number): AppError {
  return new AppError('FILE_TOO_LARGE', `The body is larger than ${sizeText(maxBytes)}.`);
}

/** Returns the error for an upload that `watchUpload` reported. */
export function tooSlow(why: string): AppError {
  return new AppError('REQUEST_TIMEOUT', `The upload is too slow: ${why}.`);
}

/** Returns the error for a truncated or invalid body. */
export function malformed(what = 'The body', cause?: unknown): AppError {
  return new AppError('MALFORMED_UPLOAD', `${what} is malformed or truncated.`, { cause });
}

/** Stops reading an upload and discards the rest. @returns the error for the client */
export function cutOff<E>(request: Request, response: Response, why: E): E {
  request.unpipe();
  request.resume();
  response.set('Connection', 'close');
  return why;
}

/** Whether a request has a body that is not empty, or whose length is unknown. */
export function declaresBody(request: Request): boolean {
  return 'transfer-encoding' in request.headers || declaredBytes(request) > 0;
}

/** Returns the declared length of a request; 0 if it declares none. */
export function declaredBytes(request: Request): number {
  return Number(request.get('Content-Length') ?? 0);
}
