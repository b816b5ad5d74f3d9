import type { IRouter, RequestHandler } from 'express';
import { AppError } from '../errors.js';
import { requireAdmin, requireKey } from '../middleware/authentication.js';
import { requireWholeBody } from '../middleware/requireWholeBody.js';
import type { Endpoint } from './Endpoint.js';

const GUARDS: Readonly<Record<Endpoint['access'], readonly RequestHandler[]>> = {
  open: [],
  key: [requireKey],
  admin: [requireKey, requireAdmin],
};

/** The parts of a declaration that define a route. */
export interface MountedEndpoint<Context> extends Pick<Endpoint, 'method' | 'path' | 'access' | 'request'> {
  /** Creates the request handler, once for each server. */
  readonly handler: (context: Context) => RequestHandler | readonly RequestHandler[];
}

/** Adds routes for endpoints, in their order. Other methods of a path get a 405 that lists the allowed ones. */
export function mount<Context>(
  router: IRouter,
  endpoints: readonly MountedEndpoint<Context>[],
  context: Context,
): void {
  for (const path of new Set(endpoints.map((endpoint) => endpoint.path))) {
    const ofPath = endpoints.filter((endpoint) => endpoint.path === path);
    const entry = router.route(path.replace(/\{(\w+)\}/g, ':$1'));
    for (const { method, access, request, handler } of ofPath) {
      const readers = request?.body ? [requireWholeBody] : [];
      entry[method](...GUARDS[access], ...readers, ...[handler(context)].flat());
    }
    if (!ofPath.some(({ access }) => access === 'open')) entry.all(requireKey);
    entry.all(methodNotAllowed(ofPath.map(({ method }) => method.toUpperCase())));
  }
}

function methodNotAllowed(methods: readonly string[]): RequestHandler {
  const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
  return (request, response) => {
    response.set('Allow', allowed);
    throw new AppError('METHOD_NOT_ALLOWED', `${request.method} is not allowed here, only ${allowed}.`);
  };
}
