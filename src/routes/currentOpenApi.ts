import type { Workflow } from '../workflows/types.js';
import type { OpenApiDocuments } from './Endpoint.js';

/**
 * Returns the OpenAPI document of the current workflows. It is created on the first request, so that the start does not
 * wait for it, and again after workflows changed.
 */
export function currentOpenApi(workflows: () => readonly Workflow[]): OpenApiDocuments {
  let rest: { readonly of: readonly Workflow[]; readonly document: Promise<object> } | undefined;
  let comfy: Promise<object> | undefined;
  return {
    rest: () => {
      const now = [...workflows()];
      if (!rest || !areSame(rest.of, now)) {
        const document = import('./openapi.js').then((module) => module.createOpenApiDocument(now));
        rest = { of: now, document };
      }
      return rest.document;
    },
    comfy: () => {
      comfy ??= import('./openapi.js').then((module) => module.createComfyOpenApiDocument());
      return comfy;
    },
  };
}

/** Whether two lists contain the same workflows in the same order. */
function areSame(a: readonly Workflow[], b: readonly Workflow[]): boolean {
  return a.length === b.length && a.every((workflow, index) => workflow === b[index]);
}
