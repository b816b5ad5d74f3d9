import type { Request, RequestHandler } from 'express';
import { AppError } from '../../errors.js';
import { type Caller, callerOf, isAdmin } from '../../middleware/authentication.js';
import { readingsOf } from './canonicalUrl.js';
import type { NativeContext } from './NativeEndpoint.js';

/** Beginnings of the first name in paths of a machine that show or change what belongs to its operator or to other clients. */
const PRIVATE = [
  // ComfyUI: logs and files of the machine, workflows and other files of its users, and all files that it knows. Its settings are
  // not among them: its page does not open without them.
  'internal',
  'logs',
  'userdata',
  'users',
  'assets',
  'tags',
  // ComfyUI-Manager: it installs nodes and models, switches versions and restarts the machine, some of it by GET.
  'manager',
  'comfyui_manager',
  'customnode',
  'externalmodel',
  'alternatives',
  'snapshot',
  // VideoHelperSuite: it reads and lists files by their names.
  'vhs',
  'viewvideo',
  'viewaudio',
  'queryvideo',
  'getpath',
];

/** What may precede the first name. */
const PREFIX = /^(api|v\d+)$/;

/**
 * The list of users, without what is below it. Pages of older versions ask for it first, and take a refusal for a server with several
 * users: they would ask who the user is.
 */
const USER_LIST = /^\/(api\/)?users$/;

/** Files of ComfyUI's page are in `/assets` as well. Unlike ids of assets, their names have an extension. */
const PAGE_FILE = /\.[a-z0-9]{1,8}$/;

/** Rejects requests that the caller's key may not have forwarded to a machine: see `forwardingRefusal`. */
export function requireForwarding(context: NativeContext): RequestHandler {
  return (request, response, next) => {
    const refusal = forwardingRefusal(context, callerOf(response), request);
    if (refusal) throw refusal;
    next();
  };
}

/**
 * Returns why a request of the caller may not be forwarded to a machine; `undefined` if it may. The caller must be allowed to send
 * graphs, and without the scope admin, only to read what belongs to no one, and to open WebSockets. Without keys, everything is
 * forwarded.
 */
export function forwardingRefusal(
  { services }: NativeContext,
  caller: Caller,
  request: Request,
): AppError | undefined {
  if (!caller.areKeysNeeded) return undefined;
  const details = services.graphSubmissions.refusalFor(isAdmin(caller));
  if (details !== undefined) {
    return new AppError('FORBIDDEN', 'Only keys that may send graphs may use this path of a machine.', {
      details,
    });
  }
  if (isAdmin(caller)) return undefined;
  // A request for a WebSocket is a GET, too.
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && !readingsOf(request.originalUrl).some(isPrivate)) return undefined;
  return new AppError('FORBIDDEN', 'This request to a machine needs an API key with the scope admin.');
}

function isPrivate(path: string): boolean {
  const lower = path.toLowerCase();
  if (USER_LIST.test(lower)) return false;
  const names = lower.split('/').filter((name) => name !== '');
  const start = names.findIndex((name) => !PREFIX.test(name));
  const first = names[start] ?? '';
  if (start === 0 && first === 'assets' && PAGE_FILE.test(names.at(-1) ?? '')) return false;
  return PRIVATE.some((beginning) => first.startsWith(beginning));
}
