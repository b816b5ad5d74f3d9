import { posix } from 'node:path';
import type { RequestHandler } from 'express';

/** How often a path is decoded to find out what a machine, or a proxy in front of it, may take it for. */
const MAX_DECODINGS = 5;

/**
 * Writes the path of each request in one way: single slashes, no `.` and `..`, and nothing encoded that need not be. Otherwise
 * `//queue` or `/%71ueue` would not be found here and passed on to a machine, which would find it.
 */
export const canonicalUrl: RequestHandler = (request, _response, next) => {
  const [, path = '', rest = ''] = /^(?:https?:\/\/[^/?#]*)?([^?#]*)(.*)$/is.exec(request.url) ?? [];
  request.url = canonicalPath(path) + rest;
  request.originalUrl = request.url;
  next();
};

function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    const name = decoded(segment) ?? segment;
    if (name === '..') segments.pop();
    else if (name !== '' && name !== '.') segments.push(encodeURIComponent(name));
  }
  return `/${segments.join('/')}${segments.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

/**
 * Whether a canonical URL contains an encoded separator, and a reader that decodes everything, as some proxies do, would find one of
 * these names at its beginning. Such a reader takes `/api%2Fqueue` for `/queue`.
 */
export function mayLeadTo(names: ReadonlySet<string>, url: string): boolean {
  let path = url.split(/[?#]/, 1)[0] ?? '';
  if (!/%(2f|5c|25)/i.test(path)) return false;
  for (let n = 0; n < MAX_DECODINGS; n += 1) path = decoded(path) ?? path;
  return names.has(firstName(posix.normalize(path.replaceAll('\\', '/'))));
}

/** The first name in a path, without `/api`. */
export function firstName(path: string): string {
  const [first = '', second = ''] = path
    .toLowerCase()
    .split('/')
    .filter((name) => name !== '');
  return first === 'api' ? second : first;
}

/** @param text in which bytes outside of ASCII may be unencoded: Node has one character for each */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replace(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16)}`));
  } catch {
    return undefined;
  }
}
