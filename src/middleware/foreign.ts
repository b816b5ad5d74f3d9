import type { Request } from 'express';
import { AppError } from '../errors.js';
import { hostNameOf, isLoopbackName } from '../utils/hostNames.js';
import type { Check } from './checks.js';

/** Methods that change nothing. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

interface OwnAddresses {
  /** Origins whose pages may send any request (`CORS_ORIGINS`). */
  readonly allowedOrigins: '*' | readonly string[] | undefined;
  /** The public URL of the server (`PUBLIC_URL`). */
  readonly publicUrl: string | undefined;
}

/**
 * Rejects changes that a page of another origin requests: browsers send simple forms anywhere, without a preflight.
 * Programs send neither `Origin` nor `Sec-Fetch-Site` and are accepted. Reads are safe, because the page cannot see
 * the response.
 */
export function refuseForeignPages({ allowedOrigins, publicUrl }: OwnAddresses): Check {
  if (allowedOrigins === '*') return () => undefined;
  const known = new Set(allowedOrigins);
  if (publicUrl !== undefined) known.add(new URL(publicUrl).origin);
  return (request) => {
    if (SAFE_METHODS.has(request.method) || isFromHere(request, known)) return;
    throw new AppError('FORBIDDEN', 'This request was sent by a page of another origin.', {
      details:
        'Add its origin to CORS_ORIGINS, or set PUBLIC_URL to the address under which clients reach the server.',
    });
  };
}

/**
 * Rejects WebSockets that a page of another origin opens. Browsers allow any page to do so, and unlike with other reads
 * the page sees the data.
 */
export function refuseForeignSockets({ allowedOrigins, publicUrl }: OwnAddresses): Check {
  if (allowedOrigins === '*') return () => undefined;
  const known = new Set(allowedOrigins);
  if (publicUrl !== undefined) known.add(new URL(publicUrl).origin);
  return (request) => {
    if (request.headers.upgrade === undefined || isFromHere(request, known)) return;
    throw new AppError('FORBIDDEN', 'This socket was opened by a page of another origin.', {
      details:
        'Add its origin to CORS_ORIGINS, or set PUBLIC_URL to the address under which clients reach the server.',
    });
  };
}

function isFromHere(request: Request, known: ReadonlySet<string>): boolean {
  const { origin } = request.headers;
  if (origin !== undefined && known.has(origin)) return true;
  const site = request.headers['sec-fetch-site'];
  // A page cannot set this header itself. `none`: the user typed the address.
  if (site === 'same-origin' || site === 'none') return true;
  if (site === 'cross-site') return false;
  return origin === undefined || isOriginOf(origin, request.host) || isOriginOf(origin, request.headers.host);
}

/**
 * Whether a page of this origin was loaded from this host. The scheme may differ, because a proxy may terminate TLS.
 */
function isOriginOf(origin: string, host: string | undefined): boolean {
  if (host === undefined || !/^https?:\/\//.test(origin) || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  const server = `${page.protocol}//${host}`;
  return hostNameOf(host) !== undefined && URL.canParse(server) && new URL(server).host === page.host;
}

/** Rejects a request without a `Host` header, which HTTP/1.1 requires. */
export const requireHost: Check = (request) => {
  if (request.headers.host !== undefined || request.httpVersion === '1.0') return;
  throw new AppError('INVALID_PARAMETER', 'The request has no Host header.');
};

/**
 * For a server that listens on loopback only and has no keys: rejects unknown host names. A page could point its own
 * host name to 127.0.0.1 after it was loaded (DNS rebinding), and read every response.
 * @param allowedHosts additional names, with or without a port
 */
export function requireLocalHost(allowedHosts: readonly string[]): Check {
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
  // A client usually sends the same name with each request.
  let lastAccepted: string | undefined;
  return (request) => {
    const { host } = request.headers;
    // Browsers always send one; an old health check with HTTP/1.0 may not.
    if (host === undefined || host === lastAccepted) return;
    if (!isLocal(host, allowed)) {
      throw new AppError('FORBIDDEN', 'This host name is not allowed.', {
        details: 'Without API keys, a server on loopback accepts localhost only: see ALLOWED_HOSTS.',
      });
    }
    lastAccepted = host;
  };
}

function isLocal(host: string, allowed: ReadonlySet<string>): boolean {
  const name = hostNameOf(host);
  if (name === undefined) return false;
  return isLoopbackName(name) || allowed.has(name) || allowed.has(host.toLowerCase());
}
