import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import cors from 'cors';
import type { Request, RequestHandler } from 'express';
import helmet from 'helmet';
import { AppError } from '../errors.js';
import { hostNameOf, isLoopbackName } from '../utils/hostNames.js';
import type { Check } from './checks.js';

/** No client of this API needs longer URLs. */
const MAX_URL_LENGTH = 8192;

/** Response headers that a page of another origin may read. */
const EXPOSED_HEADERS = [
  'X-Request-ID',
  'X-Job-ID',
  'X-Prompt-ID',
  'X-ComfyUI-Instance',
  'X-Processing-Time-Ms',
  'X-Seed',
  'Content-Disposition',
  'Location',
  'Idempotency-Replayed',
  'Preference-Applied',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
];

/**
 * Sets headers that matter only for pages: which content a page may load, and that it cannot be framed, keeps no
 * reference from windows of other origins, and sends no referrer.
 * @param sources the page's own directives of the policy
 */
export function pageHeaders(sources: readonly string[]): RequestHandler {
  const headers = {
    'Content-Security-Policy': [...sources, "base-uri 'none'", "frame-ancestors 'none'"].join(';'),
    'Referrer-Policy': 'no-referrer',
  };
  return (request, response, next) => {
    response.set(headers);
    // Browsers ignore it on other pages and log a warning.
    if (isTrustworthy(request)) response.set('Cross-Origin-Opener-Policy', 'same-origin');
    next();
  };
}

/** Whether browsers consider the page's origin trustworthy: it uses TLS, or is on the same computer. */
function isTrustworthy(request: Request): boolean {
  // The header of an untrusted proxy is sufficient here, because the result does no harm.
  if (request.secure || request.headers['x-forwarded-proto'] === 'https') return true;
  const name = hostNameOf(request.headers.host ?? '');
  return name !== undefined && isLoopbackName(name);
}

/**
 * Sets headers that limit what browsers do with a response. Responses are data; pages declare themselves what they may
 * load. Each header costs every response a little.
 */
export function securityHeaders(origins: '*' | readonly string[] | undefined): Check {
  const setHeaders = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        // Needed by browsers that show an image directly.
        styleSrc: ["'unsafe-inline'"],
        frameAncestors: ["'none'"],
      },
    },
    // Set by `pageHeaders`.
    crossOriginOpenerPolicy: false,
    referrerPolicy: false,
    // Only useful for servers that share their domain with others.
    originAgentCluster: false,
    // Only useful for obsolete browsers, or browsers that guess content types.
    xFrameOptions: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    // No response links to another host.
    xDnsPrefetchControl: false,
    // Only a proxy that terminates TLS knows whether the host is always reached over TLS.
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: origins ? 'cross-origin' : 'same-origin' },
  });
  // The headers do not depend on the request, so helmet runs only once.
  const headers: Array<[name: string, value: string]> = [];
  const sample = new ServerResponse(new IncomingMessage(new Socket()));
  sample.setHeader = (name, value) => {
    headers.push([name, String(value)]);
    return sample;
  };
  setHeaders(sample.req, sample, () => undefined);
  return (_request, response) => {
    for (const [name, value] of headers) response.setHeader(name, value);
  };
}

/** Allows pages of these origins to send requests; also responds to preflight requests. */
export function crossOrigin(origins: '*' | readonly string[]): RequestHandler {
  return cors({
    origin: origins === '*' ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600,
  });
}

/** Rejects URLs that are too long. */
export const limitUrl: Check = (request) => {
  if (request.originalUrl.length <= MAX_URL_LENGTH) return;
  throw new AppError('URI_TOO_LONG', `The URL is longer than ${MAX_URL_LENGTH} characters.`);
};
