import type { z } from 'zod';
import { kindOf } from './parameterKinds.js';

/** Seeds that are chosen here are below this number: JavaScript and every node can hold them. */
const SEED_LIMIT = 2 ** 32;

/** A whole number from 0 to below `limit`, each as likely as the others. */
export type RandomNumber = (limit: number) => number;

interface Seeded {
  readonly parameters: Readonly<Record<string, unknown>>;
  /** In decimal digits; undefined where none was chosen. */
  readonly seed: string | undefined;
}

/**
 * Chooses a seed for those that were left out, one for all of them.
 * @param parameters as the schema read them
 */
export function withRandomSeed(
  schema: z.ZodObject,
  parameters: Readonly<Record<string, unknown>>,
  random: RandomNumber,
): Seeded {
  const seeds = Object.entries<z.ZodType>(schema.shape).filter(
    ([name, parameter]) => kindOf(parameter) === 'seed' && parameters[name] === undefined,
  );
  if (seeds.length === 0) return { parameters, seed: undefined };
  const bounds = seeds.map(([, parameter]) => parameter.meta() ?? {});
  const lowest = Math.max(0, ...bounds.map(({ minimum }) => (typeof minimum === 'number' ? minimum : 0)));
  const above = Math.min(
    lowest + SEED_LIMIT,
    ...bounds.map(({ maximum }) => (typeof maximum === 'number' ? maximum + 1 : Number.POSITIVE_INFINITY)),
  );
  const seed = lowest + random(Math.max(1, above - lowest));
  const chosen = Object.fromEntries(seeds.map(([name]) => [name, seed]));
  return { parameters: { ...parameters, ...chosen }, seed: String(seed) };
}
