import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import { AppError } from '../errors.js';
import type { Check } from './checks.js';

/** No legitimate request has a longer one. */
const MAX_URL_LENGTH = 8192;

/** Headers that a page of another origin may read. */
const EXPOSED_HEADERS = [
  'X-Request-ID',
  'X-Job-ID',
  'X-Prompt-ID',
  'X-ComfyUI-Instance',
  'X-Processing-Time-Ms',
  'Content-Disposition',
  'Location',
  'Idempotency-Replayed',
  'Preference-Applied',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
];

/**
 * Headers for pages: what they may load, that nobody frames them, that windows of other origins have no access, and
 * that their address is not sent.
 * @param sources the page's own directives
 */
export function pageHeaders(sources: readonly string[]): Record<string, string> {
  return {
    'Content-Security-Policy': [...sources, "base-uri 'none'", "frame-ancestors 'none'"].join(';'),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
  };
}

/**
 * Security headers for API responses, which are data. Pages set their own policy. Each header costs every response a
 * little.
 */
export function securityHeaders(origins: '*' | readonly string[] | undefined): Check {
  const setHeaders = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        // A browser that shows an image on its own adds styles.
        styleSrc: ["'unsafe-inline'"],
        frameAncestors: ["'none'"],
      },
    },
    // In `pageHeaders`.
    crossOriginOpenerPolicy: false,
    referrerPolicy: false,
    // For servers that share their domain with others.
    originAgentCluster: false,
    // Obsolete, or for pages only.
    xFrameOptions: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    // Responses contain no links to other hosts.
    xDnsPrefetchControl: false,
    // Only the proxy that terminates TLS can decide this.
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: origins ? 'cross-origin' : 'same-origin' },
  });
  // They do not depend on the request, so helmet runs once.
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

/** Allows pages of these origins to use this server, and answers preflight requests. */
export function crossOrigin(origins: '*' | readonly string[]): RequestHandler {
  return cors({
    origin: origins === '*' ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600,
  });
}

/** Rejects URLs that are too long. */
export const limitUrl: Check = (request) => {
  if (request.originalUrl.length <= MAX_URL_LENGTH) return;
  throw new AppError('URI_TOO_LONG', `The URL is longer than ${MAX_URL_LENGTH} characters.`);
};
