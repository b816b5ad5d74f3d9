import type { z } from 'zod';
import { exact, wholeRange } from '../../workflows/files/readParameter.js';
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
  readonly lowest: bigint;
  readonly highest: bigint;
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
    lowest: ranges.map(([, { lowest }]) => lowest).reduce((a, b) => (a > b ? a : b)),
    highest: ranges.map(([, { highest }]) => highest).reduce((a, b) => (a < b ? a : b)),
  };
  const one = common.lowest <= common.highest ? chosenFrom(common, random) : undefined;
  const chosen = ranges.map(([name, range]) => [name, one ?? chosenFrom(range, random)] as const);
  const all = { ...parameters, ...Object.fromEntries(chosen.map(([name, seed]) => [name, exact(seed)])) };
  if (one !== undefined) return { parameters: all, seed: String(one) };
  const seeds = chosen.map(([name, seed]) => [name, String(seed)] as const);
  return { parameters: all, seed: seeds[0]?.[1], seeds: Object.fromEntries(seeds) };
}

/** The documents have limits beyond 2^53 as exact texts. */
function rangeOf(parameter: z.ZodType): Range {
  const { minimum, maximum, 'x-minimum': exactMinimum, 'x-maximum': exactMaximum } = parameter.meta() ?? {};
  return wholeRange(limitOf(minimum, exactMinimum) ?? 0, limitOf(maximum, exactMaximum));
}

function limitOf(limit: unknown, digits: unknown): number | bigint | undefined {
  if (typeof digits === 'string') return BigInt(digits);
  return typeof limit === 'number' ? limit : undefined;
}

/** Returns a seed in the range that is not negative, if possible: -1 requests a random one. */
function chosenFrom({ lowest, highest }: Range, random: RandomNumber): bigint {
  const first = highest < 0n || lowest > 0n ? lowest : 0n;
  const count = highest - first + 1n;
  return first + BigInt(random(count < SEED_LIMIT ? Number(count) : SEED_LIMIT));
}
