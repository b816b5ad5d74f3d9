import type { IRouter, RequestHandler } from 'express';
import { AppError } from '../errors.js';
import { requireAdmin, requireKey } from '../middleware/authentication.js';
import type { Endpoint, RouteContext } from './Endpoint.js';

const GUARDS: Readonly<Record<Endpoint['access'], readonly RequestHandler[]>> = {
  open: [],
  key: [requireKey],
  admin: [requireKey, requireAdmin],
};

/** Adds routes for endpoints, in their order. A method that a path does not have is a 405 that names those it has. */
export function mount(router: IRouter, endpoints: readonly Endpoint[], context: RouteContext): void {
  for (const path of new Set(endpoints.map((endpoint) => endpoint.path))) {
    const ofPath = endpoints.filter((endpoint) => endpoint.path === path);
    const entry = router.route(path.replace(/\{(\w+)\}/g, ':$1'));
    for (const { method, access, handler } of ofPath) {
      entry[method](...GUARDS[access], ...[handler(context)].flat());
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
