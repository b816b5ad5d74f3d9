import path from 'node:path';
import { type IRouter, type RequestHandler, static as serveStatic } from 'express';
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
export function dashboardRoutes(router: IRouter): void {
  const page: RequestHandler = (_request, response) => {
    response.set({ ...HEADERS, 'Cache-Control': 'no-cache' });
    // Without a callback: Express would call it for a file that was sent, too, and for a client that is gone.
    response.sendFile('index.html', { root: FOLDER, cacheControl: false });
  };
  route(router, '/', { get: page });
  // Their names change with what is in them.
  router.use(
    '/assets',
    serveStatic(path.join(FOLDER, 'assets'), {
      index: false,
      redirect: false,
      immutable: true,
      maxAge: '1y',
    }),
  );
}
