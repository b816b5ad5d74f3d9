import type { Request } from 'express';

const PROBES = /^\/(status|health|livez|readyz|metrics)\b/;
/** Requests that the dashboard and other clients poll: states, metrics, events and lists. */
const POLLED =
  /^\/api\/(jobs\/[^/]+\/(status|events)|jobs\/(list|stats|processor\/stats)|metrics\b.*|events|workflows|circuit-breakers)\/?$/;

/** Whether a request is one of many of little interest: probes, scrapes, and polling clients. */
export function isRoutine({ method, originalUrl }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const path = originalUrl.split('?', 1)[0] ?? '';
  return PROBES.test(path) || POLLED.test(path);
}
