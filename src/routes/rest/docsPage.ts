import { createRequire } from 'node:module';
import path from 'node:path';
import { type IRouter, static as serveStatic } from 'express';
import { z } from 'zod';
import { pageHeaders } from '../../middleware/security.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

// Its files, without loading it: its main module runs the whole page's script.
const SWAGGER_UI = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** Nothing from anywhere else; the page's script sets styles on its elements. */
const docsHeaders = pageHeaders([
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "form-action 'self'",
]);

/** An API that the page can show. */
interface Shown {
  readonly title: string;
  readonly link: string;
  /** Where its OpenAPI document is. */
  readonly document: string;
}

const REST: Shown = { title: 'REST API', link: '/docs/', document: '/openapi.json' };

const COMFY: Shown = {
  title: 'Comfy API v2',
  link: '/docs/?api=comfy',
  document: '/api/v2/openapi.json',
};

function renderDocsPage(shown: Shown, all: readonly Shown[]): string {
  const links = all.map((api) => {
    const current = api === shown ? ' aria-current="page"' : '';
    return `<a href="${api.link}"${current}>${api.title}</a>`;
  });
  // The last one, so that the APIs come first for the keyboard.
  links.push('<a href="/">Studio and Fleet</a>');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ComfyUI Express Middleware: ${shown.title}</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<style>
body { margin: 0; }
nav { display: flex; flex-wrap: wrap; justify-content: center; gap: 8px; padding: 8px; background: #1b1b1b; font: 16px sans-serif; }
nav a { padding: 10px 16px; border-radius: 4px; color: #fff; }
nav a:focus-visible { outline: 3px solid #8ab4f8; outline-offset: 2px; }
nav a[aria-current] { background: #fff; color: #1b1b1b; font-weight: bold; text-decoration: none; }
</style>
</head>
<body>
<nav aria-label="API">
${links.join('\n')}
</nav>
<main id="swagger-ui" data-document="${shown.document}"></main>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
}

/** The script that starts the page. */
const DOCS_SCRIPT = `const main = document.getElementById('swagger-ui');
SwaggerUIBundle({ url: main.dataset.document, domNode: main, deepLinking: true, validatorUrl: null });
`;

const query = z.object({
  api: z.enum(['comfy']).optional().meta({ description: 'Which API to show. Default: the REST API.' }),
});

/** The page that shows the OpenAPI documents. */
export const docsEndpoint: Endpoint = {
  id: 'docs',
  method: 'get',
  path: '/docs',
  tag: TAGS.documents,
  summary: 'A page to read and try the API.',
  access: 'open',
  request: { query },
  responses: { 200: { description: 'The page.', types: ['text/html'] } },
  handler: ({ config }) => {
    const all = config.api.hasComfyApi ? [REST, COMFY] : [REST];
    return [
      docsHeaders,
      ({ query: { api } }, response) => {
        const shown = api === 'comfy' && all.includes(COMFY) ? COMFY : REST;
        response.type('html').send(renderDocsPage(shown, all));
      },
    ];
  },
};

/** The files that the page loads: parts of it, so no endpoints of their own. */
export function docsFiles(router: IRouter): void {
  router.use('/docs/assets', serveStatic(SWAGGER_UI, { index: false, redirect: false, maxAge: '1d' }));
  router.get('/docs/start.js', (_request, response) => {
    response.type('js').send(DOCS_SCRIPT);
  });
}
