import { createRequire } from 'node:module';
import path from 'node:path';
import { static as serveStatic } from 'express';
import { pageHeaders } from '../middleware/security.js';
import { route } from './route.js';
// Its files, without loading it: its main module runs the whole page's script.
const ASSETS = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const PAGE = `<!doctype html>
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
/** Nothing from anywhere else; the page's script sets styles on its elements. */
const HEADERS = pageHeaders([
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "object-src 'none'",
    "form-action 'self'",
]);
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });
`;
/** The OpenAPI document, and a page that shows it; nothing of it comes from anywhere else. */
export function docsRoutes(router, services) {
    // Made, with all that it is made by, when somebody first asks: the start does not wait for it.
    let document;
    const openapi = async (_request, response) => {
        document ??= import('./openapi.js').then(({ createOpenApiDocument }) => createOpenApiDocument(services.workflows));
        response.json(await document);
    };
    const page = (_request, response) => {
        response.set(HEADERS).type('html').send(PAGE);
    };
    const start = (_request, response) => {
        response.type('js').send(START);
    };
    route(router, '/openapi.json', { get: openapi });
    route(router, '/docs', { get: page });
    route(router, '/docs/start.js', { get: start });
    router.use('/docs/assets', serveStatic(ASSETS, { index: false, redirect: false, maxAge: '1d' }));
}
//# sourceMappingURL=docs.js.map