import type { Workflow } from '../workflows/types.js';

/**
 * The OpenAPI document of the workflows that there are when it is asked for. It is made when somebody first asks, so
 * that the start does not wait for it, and again when the workflows have changed.
 */
export function currentOpenApi(workflows: () => readonly Workflow[]): () => Promise<object> {
  let made: { readonly of: readonly Workflow[]; readonly document: Promise<object> } | undefined;
  return () => {
    const now = [...workflows()];
    if (!made || !areSame(made.of, now)) {
      const document = import('./openapi.js').then((module) => module.createOpenApiDocument(now));
      made = { of: now, document };
    }
    return made.document;
  };
}

/** Whether two lists have the same workflows, in the same order. */
function areSame(a: readonly Workflow[], b: readonly Workflow[]): boolean {
  return a.length === b.length && a.every((workflow, index) => workflow === b[index]);
}
