import path from 'node:path';
import compression from 'compression';
import { type IRouter, static as serveStatic } from 'express';
import { pageHeaders } from '../../middleware/security.js';
import { DASHBOARD_DIRECTORY } from '../../paths.js';
import { openApiDocument } from '../../schemas/common.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

/** For the text files of the pages: they are sent rarely, and browsers cache them. */
const compress = compression();

/** Allows no other origins, and only code and styles from the page's own files. */
const dashboardHeaders = pageHeaders([
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  // Outputs of jobs, fetched with the key.
  'media-src blob:',
  "connect-src 'self'",
  "form-action 'none'",
]);

/** The dashboard at `/`, and the OpenAPI document. */
export const documentEndpoints: readonly Endpoint[] = [
  {
    id: 'dashboard',
    method: 'get',
    path: '/',
    tag: TAGS.documents,
    summary: 'The page for running workflows and watching the server and its machines.',
    // The page contains no data: reading data needs a key, if keys are configured.
    access: 'open',
    responses: { 200: { description: 'The page.', types: ['text/html'] } },
    handler: () => [
      compress,
      dashboardHeaders,
      (_request, response) => {
        response.set('Cache-Control', 'no-cache');
        // No callback: Express would also call it for a file that was sent, and for a client that disconnected.
        response.sendFile('index.html', { root: DASHBOARD_DIRECTORY, cacheControl: false });
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

/** Serves the files that the two pages load. They are parts of the pages, not endpoints. */
export function pageFiles(router: IRouter): void {
  // These file names change with the content.
  const forever = { index: false as const, redirect: false, immutable: true, maxAge: '1y' };
  router.use('/assets', compress, serveStatic(path.join(DASHBOARD_DIRECTORY, 'assets'), forever));
}
