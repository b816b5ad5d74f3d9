/**
 * JSON as Python reads and writes it: with `NaN`, `Infinity` and `-Infinity`, which are no JSON. Machines send them in what their
 * nodes report and declare. Correct JSON is parsed without a detour.
 */
import { endOfString, jsonMembers } from './jsonMembers.js';
import { DeepJson, type Json, type JsonLimits, parseJson } from './losslessJson.js';

/** Parses the JSON of a machine as `JSON.parse` does; what is no number is null. @throws SyntaxError for anything else */
export function parseMachineJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return JSON.parse(withoutWords(text, error, () => 'null'));
  }
}

/**
 * Parses the JSON of a machine as `parseJson` does; what is no number is a `NumberText`, so that it is written again as it came.
 * @throws SyntaxError as `parseJson` does
 */
export function parseMachineJsonLosslessly(text: string, limits: JsonLimits): Json {
  try {
    return parseJson(text, limits);
  } catch (error) {
    const words = new Map<number, string>();
    // As long as the word, so that the positions in errors stay right.
    const numbers = withoutWords(text, error, (word, at) => {
      words.set(at, word);
      return '0'.padEnd(word.length);
    });
    return parseJson(numbers, limits, words);
  }
}

/** Python 3.11 writes no deeper JSON; later versions do. */
export const PYTHON_LIMITS = { maxDepth: 1000 };

/**
 * The same for JSON that may be nested deeper than the limit: what is too deep stays text, and what is next to it is parsed.
 * @param text correct JSON
 * @param levels of objects whose members are parsed one by one if the whole is too deep
 */
export function parseDeepMachineJson(text: string, limits: JsonLimits, levels: number): Json {
  try {
    return parseMachineJsonLosslessly(text, limits);
  } catch {
    if (levels === 0 || !text.startsWith('{')) return new DeepJson(text);
    const members = [...jsonMembers(text)];
    return new Map(members.map(([key, one]) => [key, parseDeepMachineJson(one, limits, levels - 1)]));
  }
}

/** A string begins, or a word for something that is no number. */
const QUOTE_OR_WORD = /"|(?<![\w.+-])(?:NaN|-?Infinity)(?![\w.])/g;

/** @throws the error about the text if it has no such word outside of strings */
function withoutWords(text: string, error: unknown, replace: (word: string, at: number) => string): string {
  const expression = new RegExp(QUOTE_OR_WORD);
  const parts: string[] = [];
  let from = 0;
  for (let found = expression.exec(text); found !== null; found = expression.exec(text)) {
    const [word] = found;
    if (word === '"') {
      expression.lastIndex = endOfString(text, found.index);
      continue;
    }
    parts.push(text.slice(from, found.index), replace(word, found.index));
    from = expression.lastIndex;
  }
  if (parts.length === 0) throw error;
  return parts.join('') + text.slice(from);
}
