import type { z } from 'zod';

/** Returns the kind of a parameter in its manifest, such as `seed` or `text`; undefined for parameters of other workflows. */
export function kindOf(parameter: z.ZodType | undefined): unknown {
  return parameter?.meta()?.['x-kind'];
}

/**
 * Removes parameters that count as omitted: forms send them as empty strings. An empty text is kept.
 * @param given as received
 */
export function withoutEmpty(
  given: Readonly<Record<string, unknown>>,
  schema: z.ZodObject,
): Record<string, unknown> {
  // A client may call a parameter `__proto__` or `constructor`, which every object has.
  const parameters = new Map<string, z.ZodType>(Object.entries(schema.shape));
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== '' || kindOf(parameters.get(name)) === 'text'),
  );
}
