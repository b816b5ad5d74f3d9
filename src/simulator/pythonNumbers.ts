import { NumberText } from './losslessJson.js';

/** Python reads no whole number of more digits out of a text. */
const MAX_DIGITS = 4300;

/** A plain value as text; a number as it was written. */
export function plainText(value: unknown): string {
  return value instanceof NumberText ? value.text : String(value);
}

/** As Python's `int()`: cuts off what is behind the point. Undefined where that raises an exception. */
export function toInt(value: unknown): bigint | undefined {
  const text = plainText(value);
  if (typeof value === 'boolean') return BigInt(value);
  if (typeof value === 'string' || (value instanceof NumberText && /^-?\d+$/.test(text))) {
    return /^\s*[+-]?\d+\s*$/.test(text) && text.length <= MAX_DIGITS ? BigInt(text) : undefined;
  }
  const number = toFloat(value);
  return number !== undefined && Number.isFinite(number) ? BigInt(Math.trunc(number)) : undefined;
}

/** As Python's `float()`, without its words for what is no number. Undefined where that raises an exception. */
export function toFloat(value: unknown): number | undefined {
  if (typeof value === 'boolean' || typeof value === 'number') return Number(value);
  if (typeof value !== 'string' && !(value instanceof NumberText)) return undefined;
  const text = plainText(value).trim();
  const number = Number(text);
  return text === '' || Number.isNaN(number) ? undefined : number;
}
