import type { Request, Response } from 'express';

/**
 * Returns the requested range of a file's bytes, both ends inclusive. The response must have its `ETag` and `Last-Modified`.
 * @returns `undefined` for the whole file, for several or invalid ranges, and if the client has the file
 */
export function requestedRange(
  request: Request,
  response: Response,
  size: number,
): { readonly start: number; readonly end: number } | 'none of it' | undefined {
  if (request.method !== 'GET' || request.fresh) return undefined;
  const known = request.get('If-Range');
  const validators = [response.get('ETag'), response.get('Last-Modified')];
  if (known !== undefined && !validators.includes(known)) return undefined;
  // Of a shorter file, the last N bytes are the whole file (RFC 9110, 14.1.2); `range-parser` finds none.
  const suffix = /^bytes=-(\d+)$/.exec(request.get('Range')?.trim() ?? '')?.[1];
  if (suffix !== undefined && size > 0 && Number(suffix) > size) return { start: 0, end: size - 1 };
  const ranges = request.range(size, { combine: true });
  if (ranges === -1) return 'none of it';
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes') return undefined;
  return ranges.length === 1 ? ranges[0] : undefined;
}
