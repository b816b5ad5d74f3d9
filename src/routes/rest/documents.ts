import { createRequire } from 'node:module';
import path from 'node:path';
import compression from 'compression';
import { type IRouter, static as serveStatic } from 'express';
import { z } from 'zod';
import { pageHeaders } from '../../middleware/security.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

/** Texts of the pages: they are sent rarely, and browsers keep them. */
const compress = compression();

/** Where the build puts the page; the same from `src` and from `dist`. */
const DASHBOARD = path.resolve(import.meta.dirname, '../../../dist/dashboard');

// Its files, without loading it: its main module runs the whole page's script.
const SWAGGER_UI = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

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

/** Nothing from anywhere else; the page's script sets styles on its elements. */
const docsHeaders = pageHeaders([
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "form-action 'self'",
]);

const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ComfyUI Express Middleware: API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const DOCS_SCRIPT = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });
`;

/** The page at `/`, and the API's documents. */
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
    summary: 'The OpenAPI document.',
    access: 'open',
    responses: { 200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string() }) } },
    handler:
      ({ openApi }) =>
      async (_request, response) => {
        response.json(await openApi.rest());
      },
  },
  {
    id: 'docs',
    method: 'get',
    path: '/docs',
    tag: TAGS.documents,
    summary: 'A page to read and try the API.',
    access: 'open',
    responses: { 200: { description: 'The page.', types: ['text/html'] } },
    handler: () => [
      docsHeaders,
      (_request, response) => {
        response.type('html').send(DOCS_PAGE);
      },
    ],
  },
];

/** The files that the two pages load: parts of them, so no endpoints of their own. */
export function pageFiles(router: IRouter): void {
  // The names of these change with what is in them.
  const forever = { index: false as const, redirect: false, immutable: true, maxAge: '1y' };
  router.use('/assets', compress, serveStatic(path.join(DASHBOARD, 'assets'), forever));
  router.use(
    '/docs/assets',
    compress,
    serveStatic(SWAGGER_UI, { index: false, redirect: false, maxAge: '1d' }),
  );
  router.get('/docs/start.js', (_request, response) => {
    response.type('js').send(DOCS_SCRIPT);
  });
}
