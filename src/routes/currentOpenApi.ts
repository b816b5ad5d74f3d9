import type { Workflow } from '../workflows/types.js';

/**
 * Returns the OpenAPI document of the current workflows. It is created on first use, to keep the startup short, and
 * again after workflows have changed.
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

/** Whether two lists contain the same workflows in the same order. */
function areSame(a: readonly Workflow[], b: readonly Workflow[]): boolean {
  return a.length === b.length && a.every((workflow, index) => workflow === b[index]);
}
