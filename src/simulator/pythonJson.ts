import { NumberText } from '../utils/losslessJson.js';

/**
 * JSON as Python's `json.dumps` writes it: a space after `,` and `:`, and only ASCII. Maps become objects, numbers keep their
 * original text. `NaN` and `Infinity` are written as such.
 */
export function pythonJson(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (value instanceof NumberText) return value.text;
  let text = '';
  if (Array.isArray(value)) {
    for (const one of value) text += `${text && ', '}${pythonJson(one)}`;
    return `[${text}]`;
  }
  for (const [key, one] of value instanceof Map ? value : Object.entries(value)) {
    if (one !== undefined) text += `${text && ', '}${quoted(key)}: ${pythonJson(one)}`;
  }
  return `{${text}}`;
}

function quoted(value: string): string {
  const text = JSON.stringify(value);
  // An image can be megabytes of text: this check takes a tenth of the time of the regular expression.
  if (Buffer.byteLength(text) === text.length) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression matches everything outside of ASCII
  return text.replace(/[^\x00-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
