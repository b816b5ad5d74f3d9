interface Document {
  readonly components?: {
    readonly responses?: object | undefined;
    readonly parameters?: object | undefined;
    readonly examples?: object | undefined;
  };
}

/**
 * Replaces references to responses and parameters of an OpenAPI document by their content, so that each operation is complete.
 * Schemas stay references.
 */
export function resolveReferences<T extends Document>(document: T): T {
  const { responses, parameters, examples } = document.components ?? {};
  const named = new Map<string, unknown>(
    Object.entries({ responses, parameters, examples }).flatMap(([kind, values]) =>
      Object.entries(values ?? {}).map(([name, value]) => [`#/components/${kind}/${name}`, value] as const),
    ),
  );
  const resolve = (_key: string, value: unknown): unknown =>
    isReference(value) && named.has(value.$ref) ? named.get(value.$ref) : value;
  return JSON.parse(JSON.stringify(document, resolve));
}

function isReference(value: unknown): value is { readonly $ref: string } {
  return typeof value === 'object' && value !== null && '$ref' in value && typeof value.$ref === 'string';
}
