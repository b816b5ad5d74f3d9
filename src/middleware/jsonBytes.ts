import express, { type RequestHandler } from 'express';
import { AppError } from '../errors.js';
import { sizeText } from '../utils/sizeText.js';

/**
 * Reads a JSON body and puts its bytes into `request.body`: see `parseJsonBody`.
 * @param maxBytes of the body
 */
export function jsonBytes(maxBytes: number): RequestHandler {
  const read = express.raw({ type: ['application/json', 'application/*+json'], limit: maxBytes });
  return (request, response, next) => {
    read(request, response, (error?: unknown) => {
      const isTooLarge = (error as { status?: unknown } | undefined)?.status === 413;
      next(
        isTooLarge ? new AppError('FILE_TOO_LARGE', `The body is larger than ${sizeText(maxBytes)}.`) : error,
      );
    });
  };
}
