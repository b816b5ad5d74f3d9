import { describe, expect, it } from 'vitest';
import { DeepJson, NumberText, plainJson, stringifyJson } from '../../src/utils/losslessJson.js';
import {
  parseDeepMachineJson,
  parseMachineJson,
  parseMachineJsonLosslessly,
} from '../../src/utils/machineJson.js';

const lossless = (text: string) => parseMachineJsonLosslessly(text, { maxDepth: 20 });

describe('the JSON of a machine', () => {
  it('may have what Python writes for floats that are no numbers', () => {
    const text = '{"a":[NaN,Infinity,-Infinity,1.50],"NaN":"NaN, -Infinity \\\\\\" NaN","b":NaN}';
    const plain = { a: [null, null, null, 1.5], NaN: 'NaN, -Infinity \\" NaN', b: null };
    expect(parseMachineJson(text)).toEqual(plain);
    expect(stringifyJson(lossless(text))).toBe(text);
    expect(plainJson(lossless(text))).toEqual(plain);
    expect(lossless('NaN')).toEqual(new NumberText('NaN'));
    expect(parseMachineJson(' -Infinity ')).toBeNull();
  });

  it.each([
    '1NaN',
    'NaN1',
    '-NaN',
    '--Infinity',
    '1-Infinity',
    'nan',
    'Infinit',
    '+Infinity',
    'NaN.5',
    '{NaN:1}',
    '[NaN',
    '["NaN]',
    '[NaN,]',
    'NaN NaN',
    '"a"NaN',
    '[NaN, soup]',
    '',
  ])('may not be %s', (text) => {
    expect(() => parseMachineJson(text)).toThrow(SyntaxError);
    expect(() => lossless(text)).toThrow(SyntaxError);
  });

  it('keeps the text of what is nested too deep, and reads what is next to it', () => {
    const deep = `${'[ '.repeat(30)}NaN${']'.repeat(30)}`;
    const read = (text: string, levels: number) => parseDeepMachineJson(text, { maxDepth: 20 }, levels);
    const text = `{"10":{"b":[1.0],"a":${deep}},"2":${deep}}`;
    expect(read(text, 0)).toEqual(new DeepJson(text));
    expect(read(text, 2)).toEqual(
      new Map<string, unknown>([
        [
          '10',
          new Map<string, unknown>([
            ['b', [new NumberText('1.0')]],
            ['a', new DeepJson(deep)],
          ]),
        ],
        ['2', new DeepJson(deep)],
      ]),
    );
    for (const levels of [0, 1, 2, 9]) expect(stringifyJson(read(text, levels))).toBe(text);
    const huge = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    expect(stringifyJson(read(huge, 3))).toBe(huge);
  });

  it('names the position of an error behind such a float', () => {
    expect(() => lossless('[Infinity,\n -Infinity, soup]')).toThrow('line 2, column 13');
  });
});
