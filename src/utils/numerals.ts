/** Numbers that are written as text. */

const WITH_EXPONENT = /^(-?)(\d+)(?:\.(\d+))?e([+-]?\d{1,3})$/i;

/** A number as forms and Python's `float` take it, but without `_`, `nan` and `inf`. */
const NUMERAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

/** Longest text that is looked at, and longest result. */
const MAX_DIGITS = 100;

/**
 * Returns the digits of a whole number that JSON writes with an exponent: `10` for `1e1`. None gets lost or is rounded.
 * @returns undefined for anything else, and for very long numbers
 */
export function wholeDigits(text: string): string | undefined {
  if (text.length > MAX_DIGITS) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = ''] = WITH_EXPONENT.exec(text) ?? [];
  if (exponent === '') return undefined;
  const digits = (whole + fraction).replace(/^0+(?=\d)/, '');
  if (digits === '0') return '0';
  // Digits to append, or to leave out if they are zeros.
  const zeros = Number(exponent) - fraction.length;
  if (digits.length + zeros > MAX_DIGITS) return undefined;
  if (zeros >= 0) return `${sign}${digits}${'0'.repeat(zeros)}`;
  return /^0*$/.test(digits.slice(zeros)) ? `${sign}${digits.slice(0, zeros)}` : undefined;
}

/** Returns the number that a text is, rounded to a JavaScript number; undefined if it is none, or beyond all numbers. */
export function numberInText(text: string): number | undefined {
  // The expression takes quadratic time.
  const number = NUMERAL.test(text.slice(0, MAX_DIGITS)) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}
