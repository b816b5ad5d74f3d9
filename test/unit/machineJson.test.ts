import { describe, expect, it } from 'vitest';
import { NumberText, plainJson, stringifyJson } from '../../src/utils/losslessJson.js';
import { parseMachineJson, parseMachineJsonLosslessly } from '../../src/utils/machineJson.js';

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

  it('names the position of an error behind such a float', () => {
    expect(() => lossless('[Infinity,\n -Infinity, soup]')).toThrow('line 2, column 13');
  });
});
