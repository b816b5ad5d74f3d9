import compression from 'compression';
import type { RequestHandler, Response } from 'express';

/** Smaller responses fit into one packet anyway. */
const THRESHOLD_BYTES = 1024;
/** JSON, the Prometheus text format, and the files of pages. Server-sent events are not compressed. */
const COMPRESSED = /^(application\/json|text\/(plain|html|css|javascript)|image\/svg\+xml)\b/;

const compress = compression({
  threshold: THRESHOLD_BYTES,
  filter: (_request, response) => mayBeCompressed(response as Response),
});

/** Compresses responses for clients that accept it, except results: images do not get smaller. */
export const compressResponses: RequestHandler = (request, response, next) => {
  // The library wraps every response that it gets, which would also cost time for responses that are never compressed.
  if (request.headers['accept-encoding'] === undefined) next();
  else compress(request, response, next);
};

/** Disables compression for a JSON response that contains an image. */
export function leaveUncompressed(response: Response): void {
  response.locals['isUncompressed'] = true;
}

function mayBeCompressed(response: Response): boolean {
  if (response.locals['isUncompressed'] === true || response.statusCode === 206) return false;
  // A strong ETag identifies the uncompressed bytes, and ranges count them.
  const etag = response.get('ETag');
  if (etag !== undefined && !etag.startsWith('W/')) return false;
  return COMPRESSED.test(response.get('Content-Type') ?? '');
}
