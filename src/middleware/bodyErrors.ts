import type { Request, Response } from 'express';
import { AppError } from '../errors.js';

/** A file that has more bytes than a file may have. */
export function tooLarge(maxFileBytes: number): AppError {
  return new AppError('FILE_TOO_LARGE', `The file is larger than ${maxFileBytes} bytes.`);
}

/** A body that ends too early, or is no such body at all. */
export function malformed(what = 'The body', cause?: unknown): AppError {
  return new AppError('MALFORMED_UPLOAD', `${what} is broken or cut off.`, { cause });
}

/** Takes no more of an upload: the rest is thrown away. @returns what its client is told */
export function cutOff<E>(request: Request, response: Response, why: E): E {
  request.unpipe();
  request.resume();
  response.set('Connection', 'close');
  return why;
}

/** Bytes that a request says it has; 0 where it does not say. */
export function declaredBytes(request: Request): number {
  return Number(request.get('Content-Length') ?? 0);
}
