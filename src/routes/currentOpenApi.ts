import type { Workflow } from '../workflows/types.js';
import type { Endpoint } from './Endpoint.js';

/**
 * Returns the OpenAPI document of the current workflows. It is created on the first request, so that the start does not
 * wait for it, and again after workflows changed.
 * @param isOffered whether the server has an endpoint
 */
export function currentOpenApi(
  workflows: () => readonly Workflow[],
  isOffered: (endpoint: Endpoint) => boolean,
): () => Promise<object> {
  let made: { readonly of: readonly Workflow[]; readonly document: Promise<object> } | undefined;
  return () => {
    const now = [...workflows()];
    if (!made || !areSame(made.of, now)) {
      const document = import('./openapi.js').then((module) => module.createOpenApiDocument(now, isOffered));
      made = { of: now, document };
    }
    return made.document;
  };
}

/** Whether two lists contain the same workflows in the same order. */
function areSame(a: readonly Workflow[], b: readonly Workflow[]): boolean {
  return a.length === b.length && a.every((workflow, index) => workflow === b[index]);
}
