import type { Request } from 'express';

const PROBES = /^\/(status|health|livez|readyz|metrics)\b/;
/** What the page and other clients ask again and again: states, figures, events and lists. */
const POLLED =
  /^\/api\/(jobs\/[^/]+\/(status|events)|jobs\/(list|stats|processor\/stats)|metrics\b.*|events|workflows|circuit-breakers)\/?$/;

/** Whether a request is one of very many that say little: of probes, of scrapes, and of clients that poll. */
export function isRoutine({ method, originalUrl }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const path = originalUrl.split('?', 1)[0] ?? '';
  return PROBES.test(path) || POLLED.test(path);
}
