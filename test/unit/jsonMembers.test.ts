import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonMembers } from '../../src/utils/jsonMembers.js';

/** Any JSON value, written without spaces, as Python does, or over several lines. */
const written = fc
  .tuple(fc.jsonValue(), fc.constantFrom(0, 1, '\t'))
  .map(([value, space]) => JSON.stringify(value, null, space));

const object = fc.dictionary(fc.string(), written, { maxKeys: 8 });

const spaces = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

describe('the members of a JSON object', () => {
  it('are what JSON.parse finds, each with its own text', () => {
    fc.assert(
      fc.property(object, spaces, (members, space) => {
        const texts = Object.entries(members).map(
          ([key, text]) => `${space}${JSON.stringify(key)}${space}:${space}${text}${space}`,
        );
        const text = `${space}{${texts.join(',')}}${space}`;
        expect(new Map(jsonMembers(text))).toEqual(new Map(Object.entries(members)));
      }),
      { numRuns: 500 },
    );
  });

  it('keep every digit, and the place and the last value of a repeated key', () => {
    const text = '{"10": 18446744073709551615, "2": 1.0, "a": -0.5e+7, "10": [1e999]}';
    expect([...jsonMembers(text)]).toEqual([
      ['10', '[1e999]'],
      ['2', '1.0'],
      ['a', '-0.5e+7'],
    ]);
  });

  it('are found behind strings that contain quotation marks, brackets and backslashes', () => {
    const odd = { 'a"}': '\\', b: ['"]', '\\"', '\\\\'], 'c\\': { d: '{[,' } };
    const members = jsonMembers(JSON.stringify(odd));
    expect([...members].map(([key, text]) => [key, JSON.parse(text)])).toEqual(Object.entries(odd));
  });

  it.each([
    '',
    ' ',
    'null',
    '[]',
    '"a"',
    '{',
    '{"a"',
    '{"a":',
    '{"a":}',
    '{"a":1',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{"a":"b}',
    '{"a":"b\\"}',
    '{"a":[1}',
    '{"a":{"b":1}',
    '{a:1}',
    '{"a":1}}',
    '{"a":1} x',
    '{"\\x":1}',
  ])('are not to be had of %j', (text) => {
    expect(() => jsonMembers(text)).toThrow(SyntaxError);
  });

  it('are not to be had of the beginning of an object', () => {
    const text = JSON.stringify({ a: 1, b: { c: ['d"', {}] }, 'e\\': 'f' });
    for (let length = 0; length < text.length; length += 1) {
      expect(() => jsonMembers(text.slice(0, length))).toThrow(SyntaxError);
    }
  });
});
