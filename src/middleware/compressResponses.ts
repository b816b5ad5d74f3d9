import compression from 'compression';
import type { RequestHandler, Response } from 'express';

/** Smaller responses fit into one packet as they are. */
const THRESHOLD_BYTES = 1024;
/** JSON, Prometheus' text format, and what the pages are made of. Events are sent one by one and stay as they are. */
const COMPRESSED = /^(application\/json|text\/(plain|html|css|javascript)|image\/svg\+xml)\b/;

const compress = compression({
  threshold: THRESHOLD_BYTES,
  filter: (_request, response) => mayBeCompressed(response as Response),
});

/** Compresses responses for clients that accept it, but for results: pictures do not become smaller. */
export const compressResponses: RequestHandler = (request, response, next) => {
  // The library changes every response that it sees, which costs those that are never compressed.
  if (request.headers['accept-encoding'] === undefined) next();
  else compress(request, response, next);
};

/** Sends this response as it is, although it is JSON: it has a picture in it. */
export function leaveUncompressed(response: Response): void {
  response.locals['isUncompressed'] = true;
}

function mayBeCompressed(response: Response): boolean {
  if (response.locals['isUncompressed'] === true || response.statusCode === 206) return false;
  // A strong tag stands for these bytes, and ranges count them.
  const etag = response.get('ETag');
  if (etag !== undefined && !etag.startsWith('W/')) return false;
  return COMPRESSED.test(response.get('Content-Type') ?? '');
}
