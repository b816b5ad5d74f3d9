import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { AppError } from '../errors.js';
import type { StoredBytes } from '../services/jobs/BlobStore.js';
import { exactly } from '../utils/StoredFile.js';

/**
 * Sends what is not in memory as fast as the client takes it. The response has its status and headers already.
 * @param stored `start` and `end`: first and last byte to send; `gone` says why there are none any more
 * @throws AppError that `gone` gives
 */
export async function sendStored(
  request: Request,
  response: Response,
  { bytes, start, end, gone }: { bytes: StoredBytes; start: number; end: number; gone: () => AppError },
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
    // The client left, or the bytes ended early: cut off, the answer tells it by itself.
    response.destroy();
  }
}
