import { posix } from 'node:path';
import type { RequestHandler } from 'express';

/** How often a path is decoded to find out what a machine, or a proxy in front of it, may take it for. */
const MAX_DECODINGS = 5;
const ENCODED = /%[0-9a-f]{2}/i;

/**
 * Writes the path of each request in one way: single slashes, no `.` and `..`, nothing encoded that need not be, and no fragment.
 * Otherwise `//queue` or `/%71ueue` would not be found here and passed on to a machine, which would find it.
 */
export const canonicalUrl: RequestHandler = (request, _response, next) => {
  const [, path = '', rest = ''] = /^(?:https?:\/\/[^/?#]*)?([^?#]*)([^#]*)/is.exec(request.url) ?? [];
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
 * The paths that a machine may take a canonical URL for: the path itself, and what remains of it if a proxy in front of the machine
 * decodes it, once or several times. With such a proxy, `/api%2Fqueue` and `/%2571ueue` lead to `/queue`.
 */
export function readingsOf(url: string): readonly string[] {
  let path = url.split(/[?#]/, 1)[0] ?? '';
  const readings = [path];
  for (let n = 0; n < MAX_DECODINGS && ENCODED.test(path); n += 1) {
    // Byte by byte: a byte that is not UTF-8 must not hide the others.
    path = path.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    readings.push(posix.normalize(path.replaceAll('\\', '/')));
  }
  return readings;
}

/** Whether a canonical URL contains something encoded, and may be taken for a path that begins with one of these names. */
export function mayLeadTo(names: ReadonlySet<string>, url: string): boolean {
  const [, ...others] = readingsOf(url);
  return others.some((path) => names.has(firstName(path)));
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
