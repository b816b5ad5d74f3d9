import { type RequestHandler, Router } from 'express';
import type { Workflow } from '../workflows/types.js';
import type { RouteContext } from './Endpoint.js';
import { mount } from './mount.js';
import { submissionEndpoints } from './rest/submissions.js';

const PATH = /^\/api\/(?:async\/)?([a-z0-9-]+)\/?$/i;

/**
 * The routes of whatever workflows there are when a request comes. A workflow's routes are made when it is first asked
 * for; one that was replaced goes on serving the requests that it has.
 * @param find the workflow of a type, in lower case
 */
export function workflowRoutes(
  find: (type: string) => Workflow | undefined,
  context: RouteContext,
): RequestHandler {
  const routers = new WeakMap<Workflow, Router>();
  const routerOf = (workflow: Workflow) => {
    let router = routers.get(workflow);
    if (!router) {
      router = Router();
      mount(router, submissionEndpoints(workflow), context);
      routers.set(workflow, router);
    }
    return router;
  };
  return (request, response, next) => {
    const type = PATH.exec(request.path)?.[1]?.toLowerCase();
    const workflow = type === undefined ? undefined : find(type);
    if (workflow) routerOf(workflow)(request, response, next);
    else next();
  };
}
