import type { z } from 'zod';

/** The kind that a manifest gave a parameter, such as `seed` or `text`; undefined for those of other workflows. */
export function kindOf(parameter: z.ZodType | undefined): unknown {
  return parameter?.meta()?.['x-kind'];
}

/**
 * Parameters as they count: an empty one is one that was left out, as forms send it. An empty text is a text.
 * @param given as they came
 */
export function withoutEmpty(
  given: Readonly<Record<string, unknown>>,
  schema: z.ZodObject,
): Record<string, unknown> {
  // A client may call a parameter `__proto__` or `constructor`, which every object has something of.
  const parameters = new Map<string, z.ZodType>(Object.entries(schema.shape));
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== '' || kindOf(parameters.get(name)) === 'text'),
  );
}
