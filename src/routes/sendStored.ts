import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { AppError } from '../errors.js';
import { exactly, type StoredFile } from '../utils/StoredFile.js';

/**
 * Streams bytes that are not in memory, as fast as the client reads. The status and headers of the response must be
 * set.
 * @param stored `start` and `end`: first and last byte to send; `gone` returns the error if the bytes no longer exist
 * @throws AppError of `gone`
 */
export async function sendStored(
  request: Request,
  response: Response,
  { bytes, start, end, gone }: { bytes: StoredFile; start: number; end: number; gone: () => AppError },
): Promise<void> {
  if (request.fresh) {
    response.removeHeader('Content-Type');
    response.status(304).end();
    return;
  }
  const length = end + 1 - start;
  const isPart = length < bytes.sizeBytes;
  const isWanted = request.method !== 'HEAD';
  const source = isWanted ? await bytes.open(isPart ? { start, end } : undefined) : undefined;
  if (isWanted && !source) {
    for (const name of ['Accept-Ranges', 'Content-Range']) response.removeHeader(name);
    throw gone();
  }
  response.set('Content-Length', String(length));
  if (!source) {
    response.end();
    return;
  }
  try {
    await pipeline(source, (chunks: AsyncIterable<Buffer>) => exactly(chunks, length), response);
  } catch {
    // The client disconnected, or the bytes ended early: closing the connection shows that the response is incomplete.
    response.destroy();
  }
}
