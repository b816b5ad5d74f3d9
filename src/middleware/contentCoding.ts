import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request, Response } from 'express';
import { AppError } from '../errors.js';
import { declaresBody } from './bodyErrors.js';

const DECODERS = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** Other values, such as a charset, change nothing in the body, so they are ignored. */
const COMPRESSIONS = /\b(gzip|deflate|br|zstd|compress)\b/;

/**
 * Rejects a compressed body, for readers that do not decompress: they would report damaged content instead.
 * @throws AppError `UNSUPPORTED_ENCODING`
 */
export function refuseCompressed(request: Request, response: Response): void {
  const coding = codingOf(request);
  if (COMPRESSIONS.test(coding) && declaresBody(request)) throw unsupported(coding, ['identity'], response);
}

/**
 * Returns a function that returns the body of a request without its compression: the request itself if it has none.
 * @throws AppError `UNSUPPORTED_ENCODING`
 */
export function decoderOf(request: Request, response: Response): () => Readable {
  const coding = codingOf(request);
  const createDecoder = DECODERS.get(coding);
  if (!createDecoder && COMPRESSIONS.test(coding)) throw unsupported(coding, [...DECODERS.keys()], response);
  return () => {
    if (!createDecoder) return request;
    const decoder = createDecoder();
    // A pipeline would also close the connection if the decoder fails, and the client would get no response.
    request.pipe(decoder);
    request.once('error', (error) => decoder.destroy(error));
    request.once('close', () => {
      if (!request.complete) decoder.destroy(new Error('The client disconnected.'));
    });
    // It may fail when no one reads it any more.
    decoder.on('error', () => undefined);
    return decoder;
  };
}

function codingOf(request: Request): string {
  return (request.get('Content-Encoding') ?? '').trim().toLowerCase();
}

/** The header tells the client what it can send instead, as RFC 9110 recommends. */
function unsupported(coding: string, accepted: readonly string[], response: Response): AppError {
  response.set('Accept-Encoding', accepted.join(', '));
  return new AppError(
    'UNSUPPORTED_ENCODING',
    `The content encoding ${coding.slice(0, 40)} is not supported here.`,
    {
      details: `Supported: ${accepted.join(', ')}.`,
    },
  );
}
