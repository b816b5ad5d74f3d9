import type { z } from 'zod';
import { kindOf } from './parameterKinds.js';

/** At most so many seeds are chosen from: JavaScript and every node can hold them. */
const SEED_LIMIT = 2 ** 32;

/** A whole number from 0 to below `limit`, each as likely as the others. */
export type RandomNumber = (limit: number) => number;

interface Seeded {
  readonly parameters: Readonly<Record<string, unknown>>;
  /** In decimal digits; undefined where none was chosen. */
  readonly seed: string | undefined;
  /** By input, where no seed fits all of them: `seed` is the first one. */
  readonly seeds?: Readonly<Record<string, string>>;
}

/** Whole numbers, both ends among them. */
interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/**
 * Chooses a seed for those that were left out: one for all of them, or one for each where no number lies in all their
 * ranges.
 * @param parameters as the schema read them
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

/** A seed of the range that is not negative, unless all of them are: -1 asks for a random one. */
function chosenFrom({ lowest, highest }: Range, random: RandomNumber): number {
  const first = highest < 0 ? lowest : Math.max(0, lowest);
  return first + random(Math.min(SEED_LIMIT, Math.max(1, highest - first + 1)));
}
