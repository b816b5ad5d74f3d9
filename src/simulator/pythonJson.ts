import { NumberText } from './losslessJson.js';

/**
 * JSON as Python's `json.dumps` writes it: a blank behind `,` and `:`, and nothing but ASCII. Maps are objects, numbers
 * keep the text that they came with.
 */
export function pythonJson(value: unknown): string {
  if (value instanceof NumberText) return value.text;
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const all = value instanceof Map ? [...value] : Object.entries(value);
    const entries = all.filter(([, one]) => one !== undefined);
    return `{${entries.map(([key, one]) => `${pythonJson(key)}: ${pythonJson(one)}`).join(', ')}}`;
  }
  const text = JSON.stringify(value) ?? 'null';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is outside of ASCII is what this is about
  return text.replace(/[^\x00-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
