import type { Request } from 'express';
import { AppError } from '../errors.js';
import { hostNameOf, isLoopbackName } from '../utils/hostNames.js';
import type { Check } from './checks.js';

/** Methods that change nothing. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

interface OwnAddresses {
  /** Origins whose pages may ask for anything (`CORS_ORIGINS`). */
  readonly allowedOrigins: '*' | readonly string[] | undefined;
  /** Under which clients reach the server (`PUBLIC_URL`). */
  readonly publicUrl: string | undefined;
}

/**
 * Refuses what a page of another origin has a browser send, unless it only reads: a browser sends simple forms
 * anywhere, without asking. Programs send neither `Origin` nor `Sec-Fetch-Site` and are let through. Reads are safe as
 * they are: the page does not get to see the answer.
 */
export function refuseForeignPages({ allowedOrigins, publicUrl }: OwnAddresses): Check {
  if (allowedOrigins === '*') return () => undefined;
  const known = new Set(allowedOrigins);
  if (publicUrl !== undefined) known.add(new URL(publicUrl).origin);
  return (request) => {
    if (SAFE_METHODS.has(request.method) || isFromHere(request, known)) return;
    throw new AppError('FORBIDDEN', 'This was sent by a page of another origin.', {
      details:
        'Name its origin in CORS_ORIGINS, or the address under which clients reach the server in PUBLIC_URL.',
    });
  };
}

/**
 * Refuses WebSockets that a page of another origin opens. Browsers let any page do so, and hand over what comes on it: unlike
 * with other reads, the page would see it.
 */
export function refuseForeignSockets({ allowedOrigins, publicUrl }: OwnAddresses): Check {
  if (allowedOrigins === '*') return () => undefined;
  const known = new Set(allowedOrigins);
  if (publicUrl !== undefined) known.add(new URL(publicUrl).origin);
  return (request) => {
    if (request.headers.upgrade === undefined || isFromHere(request, known)) return;
    throw new AppError('FORBIDDEN', 'This socket was opened by a page of another origin.', {
      details:
        'Name its origin in CORS_ORIGINS, or the address under which clients reach the server in PUBLIC_URL.',
    });
  };
}

function isFromHere(request: Request, known: ReadonlySet<string>): boolean {
  const { origin } = request.headers;
  if (origin !== undefined && known.has(origin)) return true;
  const site = request.headers['sec-fetch-site'];
  // No page can set this header itself. `none`: the user typed the address.
  if (site === 'same-origin' || site === 'none') return true;
  if (site === 'cross-site') return false;
  return origin === undefined || isOriginOf(origin, request.host) || isOriginOf(origin, request.headers.host);
}

/** Whether a page of this origin was loaded from this host. The scheme may differ: a proxy in front may do the TLS. */
function isOriginOf(origin: string, host: string | undefined): boolean {
  if (host === undefined || !/^https?:\/\//.test(origin) || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  const server = `${page.protocol}//${host}`;
  return hostNameOf(host) !== undefined && URL.canParse(server) && new URL(server).host === page.host;
}

/** Refuses a request without a `Host` header, which HTTP/1.1 demands. */
export const requireHost: Check = (request) => {
  if (request.headers.host !== undefined || request.httpVersion === '1.0') return;
  throw new AppError('INVALID_PARAMETER', 'The request has no Host header.');
};

/**
 * For a server that only listens to this machine and knows no keys: refuses names that could lead here from elsewhere.
 * A page can have its own name point to 127.0.0.1 after it was loaded, and would read everything as if it were ours.
 * @param allowedHosts further names, with or without a port
 */
export function requireLocalHost(allowedHosts: readonly string[]): Check {
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
  // Clients of one kind send the same one with each request.
  let lastAccepted: string | undefined;
  return (request) => {
    const { host } = request.headers;
    // Browsers always send one; an old health check with HTTP/1.0 may not.
    if (host === undefined || host === lastAccepted) return;
    if (!isLocal(host, allowed)) {
      throw new AppError('FORBIDDEN', 'The server is not known by this host name.', {
        details: 'Without API keys a server on loopback answers to localhost only: see ALLOWED_HOSTS.',
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
