import type { Random } from './random.js';

/** JSON values that are unusual in many places: wrong types, too large, names with a meaning in JavaScript. */
export const ODD = [
  'null',
  'true',
  '-1',
  '1e999',
  '-0.0',
  '18446744073709551616',
  '""',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"{{x}}"',
  '"randomize"',
  '"\\ud800"',
  '[]',
  '{}',
  '["3",0]',
  '["3",-1]',
  '[3,0]',
  '["__proto__",0]',
  '[["3",0],1]',
  '{"a":{"b":[{"c":1}]}}',
  '{"class_type":"KSampler","inputs":{"positive":["3",0],"negative":["3",0]}}',
];

const BITS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  ' ',
  '\n',
  '0',
  '-',
  '&',
  '*',
  '#',
  '|',
  '\u0000',
  '🎨',
];

/** Replaces a value, a name or some characters of JSON or YAML. The result may be invalid. */
export function mutated(text: string, random: Random): string {
  if (random.chance(0.4))
    return replaced(text, /(?<=[:[,])("(?:[^"\\]|\\.)*"|-?\d[\d.e+]*|true|false|null)/g, random);
  if (random.chance(0.4)) return replaced(text, /"(?:[^"\\]|\\.)*"(?=:)/g, random);
  const at = random.int(0, text.length);
  const length = random.chance(0.3) ? random.int(0, 300) : random.int(0, 3);
  return text.slice(0, at) + (random.chance(0.7) ? random.pick(BITS) : '') + text.slice(at + length);
}

function replaced(text: string, pattern: RegExp, random: Random): string {
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return text;
  const match = random.pick(matches);
  const others = random.chance(0.5) ? ODD : matches.map(([other]) => other);
  return text.slice(0, match.index) + random.pick(others) + text.slice(match.index + match[0].length);
}
