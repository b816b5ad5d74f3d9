import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import { AppError } from '../errors.js';
import type { Check } from './checks.js';

/** Longer ones are no client's of this API. */
const MAX_URL_LENGTH = 8192;

/** Headers of ours that a page of another origin may read. */
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
 * What only means something with a page: what it may load, that nobody frames it, that no window of another origin
 * keeps a hold of it, and that none learns its address.
 * @param sources the directives of its policy that are its own
 */
export function pageHeaders(sources: readonly string[]): Record<string, string> {
  return {
    'Content-Security-Policy': [...sources, "base-uri 'none'", "frame-ancestors 'none'"].join(';'),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
  };
}

/**
 * Headers that keep browsers from doing more with an answer than it is for. Answers are data: those that are pages say
 * themselves what they may load. Each header costs every answer a little.
 */
export function securityHeaders(origins: '*' | readonly string[] | undefined): Check {
  const setHeaders = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        // A browser that shows an image by itself styles it.
        styleSrc: ["'unsafe-inline'"],
        frameAncestors: ["'none'"],
      },
    },
    // In `pageHeaders`.
    crossOriginOpenerPolicy: false,
    referrerPolicy: false,
    // For servers whose neighbours share their domain.
    originAgentCluster: false,
    // Of use to browsers that are gone, or guess what a page means.
    xFrameOptions: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    // Nothing that is answered here links anywhere else.
    xDnsPrefetchControl: false,
    // Whether a host is only ever reached by TLS is for the proxy to say that does the TLS.
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: origins ? 'cross-origin' : 'same-origin' },
  });
  // None of them depends on the request, so helmet is asked once.
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

/** Lets pages of these origins ask this server; also answers what browsers ask beforehand. */
export function crossOrigin(origins: '*' | readonly string[]): RequestHandler {
  return cors({
    origin: origins === '*' ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600,
  });
}

/** Refuses what is too long to be meant. */
export const limitUrl: Check = (request) => {
  if (request.originalUrl.length <= MAX_URL_LENGTH) return;
  throw new AppError('URI_TOO_LONG', `The URL is longer than ${MAX_URL_LENGTH} characters.`);
};
