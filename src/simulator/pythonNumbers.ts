import { NumberText } from '../utils/losslessJson.js';

/** Python refuses to parse integers with more digits. */
const MAX_DIGITS = 4300;

/** A plain value as text; numbers as they were written. */
export function plainText(value: unknown): string {
  return value instanceof NumberText ? value.text : String(value);
}

/** Like Python's `int()`: drops the fraction. Undefined if Python would raise an exception. */
export function toInt(value: unknown): bigint | undefined {
  const text = plainText(value);
  if (typeof value === 'boolean') return BigInt(value);
  if (typeof value === 'string' || (value instanceof NumberText && /^-?\d+$/.test(text))) {
    return /^\s*[+-]?\d+\s*$/.test(text) && text.length <= MAX_DIGITS ? BigInt(text) : undefined;
  }
  const number = toFloat(value);
  return number !== undefined && Number.isFinite(number) ? BigInt(Math.trunc(number)) : undefined;
}

/** Like Python's `float()`, without the words for NaN and infinity in strings. Undefined if Python would raise an exception. */
export function toFloat(value: unknown): number | undefined {
  if (typeof value === 'boolean' || typeof value === 'number') return Number(value);
  if (value instanceof NumberText) return Number(value.text);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const number = Number(text);
  return text === '' || Number.isNaN(number) ? undefined : number;
}
