import { type Request, type RequestHandler, Router } from 'express';
import { noSuchWorkflowText } from '../workflows/noSuchWorkflow.js';
import type { Workflow } from '../workflows/types.js';
import type { RouteContext } from './Endpoint.js';
import { mount } from './mount.js';
import { submissionEndpoints } from './rest/submissions.js';

const PATH = /^\/api\/(?:async\/)?([a-z0-9-]+)\/?$/i;

/**
 * Returns the routes of the workflows that exist at the time of a request. Routes are created on first use; a replaced
 * workflow still finishes its requests.
 * @throws Error about a workflow that exists at startup and cannot have routes
 */
export function workflowRoutes(context: RouteContext): RequestHandler {
  const { workflows } = context.services;
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
  for (const workflow of workflows.all()) routerOf(workflow);
  return (request, response, next) => {
    const type = typeIn(request);
    const workflow = type === undefined ? undefined : workflows.get(type);
    if (workflow) routerOf(workflow)(request, response, next);
    else next();
  };
}

/**
 * Returns a hint for a submission to a path that does not exist: most likely the name of its workflow is misspelt.
 * @param all returns the workflows that exist now
 */
export function workflowHint(all: () => readonly Workflow[]): (request: Request) => string | undefined {
  return (request) => {
    const type = request.method === 'POST' ? typeIn(request) : undefined;
    return type === undefined ? undefined : noSuchWorkflowText(type, all());
  };
}

function typeIn({ path }: Request): string | undefined {
  return PATH.exec(path)?.[1]?.toLowerCase();
}
