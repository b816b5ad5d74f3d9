import type { z } from 'zod';

/** Seeds are below this number unless their schema says less: JavaScript and every node can hold them. */
const SEED_LIMIT = 2 ** 32;

/** A whole number from 0 to below `limit`, each as likely as the others. */
export type RandomNumber = (limit: number) => number;

interface Seeded {
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Parameters that got the seed. */
  readonly names: readonly string[];
  /** In decimal digits; undefined where none was chosen. */
  readonly seed: string | undefined;
}

/**
 * Chooses a seed where the client sent none: one for all seeds that the workflow has. Parameters are seeds whose
 * schema has the metadata `kind: 'seed'`; its `maximum` bounds what is chosen.
 * @param given parameters as they came
 */
export function withRandomSeed(
  schema: z.ZodObject,
  given: Readonly<Record<string, unknown>>,
  random: RandomNumber,
): Seeded {
  const limits = new Map<string, number>();
  for (const [name, parameter] of Object.entries<z.ZodType>(schema.shape)) {
    const meta = parameter.meta();
    if (meta?.['kind'] !== 'seed' || given[name] !== undefined) continue;
    const { maximum } = meta;
    limits.set(name, typeof maximum === 'number' ? Math.min(SEED_LIMIT, maximum + 1) : SEED_LIMIT);
  }
  if (limits.size === 0) return { parameters: given, names: [], seed: undefined };
  const seed = String(random(Math.min(...limits.values())));
  const names = [...limits.keys()];
  const chosen = Object.fromEntries(names.map((name) => [name, seed]));
  return { parameters: { ...given, ...chosen }, names, seed };
}
