import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { AppError } from '../errors.js';
import type { StoredBytes } from '../services/jobs/BlobStore.js';
import { exactly } from '../utils/StoredFile.js';
import { jobUrls } from '../views/JobViews.js';

/**
 * Sends what is not in memory as fast as the client takes it. The response has its status and headers already.
 * @param stored `start` and `end`: first and last byte to send
 * @throws AppError `RESULT_EXPIRED`
 */
export async function sendStored(
  request: Request,
  response: Response,
  { jobId, bytes, start, end }: { jobId: string; bytes: StoredBytes; start: number; end: number },
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
    throw new AppError('RESULT_EXPIRED', 'The result is gone.', {
      fields: { job_id: jobId, status_url: jobUrls(jobId).status_url },
    });
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
