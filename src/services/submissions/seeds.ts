import type { z } from 'zod';
import { kindOf } from './parameterKinds.js';

/** Upper limit of random seeds, which JavaScript and every node can represent. */
const SEED_LIMIT = 2 ** 32;

/** Returns an integer from 0 to below `limit`, uniformly distributed. */
export type RandomNumber = (limit: number) => number;

interface Seeded {
  readonly parameters: Readonly<Record<string, unknown>>;
  /** In decimal digits; undefined if none was chosen. */
  readonly seed: string | undefined;
  /** By input, if no seed fits all of them: `seed` is the first one. */
  readonly seeds?: Readonly<Record<string, string>>;
}

/** Integers, both ends inclusive. */
interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/**
 * Chooses omitted seeds: one for all of them, or one for each if their ranges do not overlap.
 * @param parameters as parsed by the schema
 */
export function withRandomSeed(
  schema: z.ZodObject,
  parameters: Readonly<Record<string, unknown>>,
  random: RandomNumber,
): Seeded {
  const ranges = Object.entries<z.ZodType>(schema.shape)
    .filter(([name, parameter]) => kindOf(parameter) === 'seed' && parameters[name] === undefined)
    .map(([name, parameter]) => [name, rangeOf(parameter)] as const);
  if (ranges.length === 0) return { parameters, seed: undefined };
  const common = {
    lowest: Math.max(...ranges.map(([, { lowest }]) => lowest)),
    highest: Math.min(...ranges.map(([, { highest }]) => highest)),
  };
  const one = common.lowest <= common.highest ? chosenFrom(common, random) : undefined;
  const chosen = ranges.map(([name, range]) => [name, one ?? chosenFrom(range, random)] as const);
  const all = { ...parameters, ...Object.fromEntries(chosen) };
  if (one !== undefined) return { parameters: all, seed: String(one) };
  const seeds = chosen.map(([name, seed]) => [name, String(seed)] as const);
  return { parameters: all, seed: seeds[0]?.[1], seeds: Object.fromEntries(seeds) };
}

function rangeOf(parameter: z.ZodType): Range {
  const { minimum, maximum } = parameter.meta() ?? {};
  return {
    lowest: typeof minimum === 'number' ? Math.ceil(minimum) : 0,
    highest: typeof maximum === 'number' ? Math.floor(maximum) : Number.POSITIVE_INFINITY,
  };
}

/** Returns a seed in the range that is not negative, if possible: -1 requests a random one. */
function chosenFrom({ lowest, highest }: Range, random: RandomNumber): number {
  const first = highest < 0 ? lowest : Math.max(0, lowest);
  return first + random(Math.min(SEED_LIMIT, Math.max(1, highest - first + 1)));
}
