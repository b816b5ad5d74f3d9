import path from 'node:path';
import { static as serveStatic } from 'express';
import { pageHeaders } from '../middleware/security.js';
import { route } from './route.js';
/** Where the build puts the page; the same from `src` and from `dist`. */
const FOLDER = path.resolve(import.meta.dirname, '../../dist/dashboard');
/** Nothing from anywhere else, and no code or style that is not in the page's own files. */
const HEADERS = pageHeaders([
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "form-action 'none'",
]);
/** The page at `/`. It holds no data: whoever opens it needs a key for those, where there are keys. */
export function dashboardRoutes(router) {
    const page = (_request, response, next) => {
        response.set({ ...HEADERS, 'Cache-Control': 'no-cache' });
        response.sendFile('index.html', { root: FOLDER, cacheControl: false }, next);
    };
    route(router, '/', { get: page });
    // Their names change with what is in them.
    router.use('/assets', serveStatic(path.join(FOLDER, 'assets'), {
        index: false,
        redirect: false,
        immutable: true,
        maxAge: '1y',
    }));
}
//# sourceMappingURL=dashboard.js.map