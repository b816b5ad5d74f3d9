import type { IncomingMessage } from 'node:http';
import { isLoopbackName } from '../utils/hostNames.js';

/**
 * Whether ComfyUI refuses a request because a page of another origin sent it. On a loopback address it compares the host of `Origin`
 * with `Host`. Source: `origin_only_middleware` in ComfyUI's `server.py`.
 */
export function isForeign({ headers: { host, origin } }: IncomingMessage): boolean {
  if (host === undefined || origin === undefined || !URL.canParse(origin)) return false;
  const own = new URL(`http://${host}`);
  return isLoopbackName(own.hostname) && new URL(origin).host !== own.host;
}
