import path from 'node:path';
import compression from 'compression';
import { type IRouter, static as serveStatic } from 'express';
import { pageHeaders } from '../../middleware/security.js';
import { openApiDocument } from '../../schemas/common.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

/** Texts of the pages: they are sent rarely, and browsers keep them. */
const compress = compression();

/** Where the build puts the page; the same from `src` and from `dist`. */
const DASHBOARD = path.resolve(import.meta.dirname, '../../../dist/dashboard');

/** Nothing from anywhere else, and no code or style that is not in the page's own files. */
const dashboardHeaders = pageHeaders([
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  // What a job made, fetched with the key.
  'media-src blob:',
  "connect-src 'self'",
  "form-action 'none'",
]);

/** The page at `/`, and the OpenAPI document. */
export const documentEndpoints: readonly Endpoint[] = [
  {
    id: 'dashboard',
    method: 'get',
    path: '/',
    tag: TAGS.documents,
    summary: 'The page for running workflows and watching the server and its machines.',
    // It holds no data: whoever opens it needs a key for those, where there are keys.
    access: 'open',
    responses: { 200: { description: 'The page.', types: ['text/html'] } },
    handler: () => [
      compress,
      dashboardHeaders,
      (_request, response) => {
        response.set('Cache-Control', 'no-cache');
        // Without a callback: Express would call it for a file that was sent, too, and for a client that is gone.
        response.sendFile('index.html', { root: DASHBOARD, cacheControl: false });
      },
    ],
  },
  {
    id: 'openapi',
    method: 'get',
    path: '/openapi.json',
    tag: TAGS.documents,
    summary: 'The OpenAPI document of the REST API.',
    access: 'open',
    responses: { 200: { description: 'OpenAPI 3.1.', schema: openApiDocument } },
    handler:
      ({ openApi }) =>
      async (_request, response) => {
        response.json(await openApi.rest());
      },
  },
];

/** The files that the page loads: parts of it, so no endpoints of their own. */
export function pageFiles(router: IRouter): void {
  // The names of these change with what is in them.
  const forever = { index: false as const, redirect: false, immutable: true, maxAge: '1y' };
  router.use('/assets', compress, serveStatic(path.join(DASHBOARD, 'assets'), forever));
}
