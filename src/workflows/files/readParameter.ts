import { type Json, NumberText, numberIn } from '../../utils/losslessJson.js';
import { numberInText, wholeDigits } from '../../utils/numerals.js';
import { MAX_SEED } from './inputKinds.js';
import type { ManifestInput, Scalar } from './manifest.js';

/** Maximum characters of a text if the manifest does not say. */
export const MAX_TEXT_LENGTH = 20_000;
/** Longest text that is parsed as an integer. */
const MAX_DIGITS = 30;
/** Choices that a message lists. */
const MAX_LISTED = 20;

/** A value for the graph, undefined if omitted; or the problem with it. */
export type Reading = { readonly value: Json | undefined } | { readonly problem: string };

/** The parts of a declaration that are needed to read a value. */
export type ValueRules = Pick<
  ManifestInput,
  'kind' | 'required' | 'default' | 'minimum' | 'maximum' | 'maxLength' | 'choices'
>;

/**
 * Reads a client's value, from a form (text) or from JSON. Integers stay exact. An empty form field counts as
 * omitted, except for a text. So does a seed of -1, `random` or `randomize`.
 */
export function readParameter(value: unknown, rules: ValueRules): Reading {
  if (!isLeftOut(value, rules)) return readValue(value, rules);
  if (rules.required === true) return { problem: 'is required' };
  return rules.default === undefined ? { value: undefined } : readValue(rules.default, rules);
}

/** The range of a number, both ends inclusive. By default a seed has the range of ComfyUI's own nodes. */
export function rangeOf({ kind, minimum, maximum }: ValueRules): Pick<ValueRules, 'minimum' | 'maximum'> {
  if (kind !== 'seed') return { minimum, maximum };
  return { minimum: minimum ?? 0, maximum: maximum ?? MAX_SEED };
}

/** Whether a range has no value: for an integer or a seed, it also needs a whole number within ±(2^64 - 1). */
export function isEmptyRange(rules: ValueRules): boolean {
  const { minimum, maximum } = rangeOf(rules);
  if (rules.kind === 'number') return minimum !== undefined && maximum !== undefined && minimum > maximum;
  const { lowest, highest } = wholeRange(minimum, maximum);
  return lowest > highest;
}

/** The whole numbers in a range within ±(2^64 - 1), both ends inclusive. */
export function wholeRange(
  minimum: number | bigint = -MAX_SEED,
  maximum: number | bigint = MAX_SEED,
): { lowest: bigint; highest: bigint } {
  const whole = (limit: number | bigint, round: (limit: number) => number): bigint => {
    if (limit > MAX_SEED) return MAX_SEED + 1n;
    if (limit < -MAX_SEED) return -MAX_SEED - 1n;
    return typeof limit === 'bigint' ? limit : BigInt(round(limit));
  };
  const [lowest, highest] = [whole(minimum, Math.ceil), whole(maximum, Math.floor)];
  return {
    lowest: lowest < -MAX_SEED ? -MAX_SEED : lowest,
    highest: highest > MAX_SEED ? MAX_SEED : highest,
  };
}

/** Reads a value that is present. */
export function readValue(value: unknown, rules: ValueRules): Reading {
  const plain = plainOf(value);
  switch (rules.kind) {
    case 'text':
      return readText(value, rules.maxLength ?? MAX_TEXT_LENGTH);
    case 'boolean':
      return readBoolean(plain);
    case 'choice':
      return readChoice(plain, rules.choices);
    case 'number':
      return readNumber(plain, rules);
    default:
      return readInteger(plain, rules);
  }
}

/** Whether a seed requests a random one. */
export function isRandomSeed(value: unknown): boolean {
  const plain = plainOf(value);
  const isWord = typeof plain === 'string' && /^\s*(random|randomize)\s*$/i.test(plain);
  return isWord || integerOf(plain) === -1n;
}

/** Numbers of a graph that JavaScript does not write like this, as text. */
function plainOf(value: unknown): unknown {
  return value instanceof NumberText ? (wholeDigits(value.text) ?? value.text) : value;
}

function isLeftOut(value: unknown, { kind }: ValueRules): boolean {
  if (value === undefined || value === null) return true;
  if (kind === 'text') return false;
  return (typeof value === 'string' && value.trim() === '') || (kind === 'seed' && isRandomSeed(value));
}

function readText(value: unknown, maxLength: number): Reading {
  return typeof value === 'string' && value.length <= maxLength
    ? { value }
    : { problem: `must be a text of at most ${maxLength} characters` };
}

function readBoolean(value: unknown): Reading {
  if (typeof value === 'boolean') return { value };
  const word = typeof value === 'string' ? value.trim().toLowerCase() : '';
  return word === 'true' || word === 'false'
    ? { value: word === 'true' }
    : { problem: 'must be true or false' };
}

function readChoice(value: unknown, choices: readonly Scalar[] | undefined): Reading {
  if (choices === undefined) return readText(value, MAX_TEXT_LENGTH);
  const isScalar = ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
  const number = numberOf(value);
  const isChosen = (one: Scalar) => typeof one === 'number' && one === number;
  const choice = isScalar
    ? (choices.find((one) => String(one) === String(value)) ?? choices.find(isChosen))
    : undefined;
  return choice === undefined ? { problem: `must be ${listed(choices)}` } : { value: exact(choice) };
}

/** `a, b or c`; the first few of many. */
function listed(choices: readonly Scalar[]): string {
  const shown = choices.slice(0, MAX_LISTED).map(String);
  const more = choices.length - shown.length;
  if (more > 0) return `one of ${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join() : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

function readNumber(value: unknown, { minimum, maximum }: ValueRules): Reading {
  const number = numberOf(value);
  return number !== undefined && isWithin(number, minimum, maximum)
    ? { value: number }
    : { problem: `must be a number${rangeWords(minimum, maximum)}` };
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'string') return numberInText(value);
  return numberIn(typeof value === 'bigint' ? Number(value) : value);
}

function readInteger(value: unknown, rules: ValueRules): Reading {
  const { minimum, maximum } = rangeOf(rules);
  const integer = integerOf(value);
  const isKept = integer !== undefined && isWithin(integer, minimum ?? -MAX_SEED, maximum ?? MAX_SEED);
  return isKept
    ? { value: exact(integer) }
    : { problem: `must be a whole number${rangeWords(minimum, maximum)}` };
}

function integerOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== 'string' || value.length > MAX_DIGITS) return undefined;
  const digits = /^\s*\+?(-?\d+)(\.0*)?\s*$/.exec(value)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}

/** Numbers and bigints compare with each other. */
function isWithin(
  value: number | bigint,
  low: number | bigint = value,
  high: number | bigint = value,
): boolean {
  return value >= low && value <= high;
}

function rangeWords(minimum: number | bigint | undefined, maximum: number | bigint | undefined): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  return maximum === undefined ? '' : ` of at most ${maximum}`;
}

/** The value for a graph: an integer that JavaScript cannot represent keeps its digits. */
export function exact(value: Scalar): Json {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : new NumberText(String(value));
}
