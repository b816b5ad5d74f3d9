import { describe, expect, it } from 'vitest';
import { type Json, NumberText, parseJson, plainJson, stringifyJson } from '../../src/utils/losslessJson.js';

const LIMITS = { maxDepth: 20 };
const parse = (text: string): Json => parseJson(text, LIMITS);

describe('lossless JSON', () => {
  it.each([
    ['keys that look like integers keep their places', '{"10":1,"2":{"b":1,"1":2},"a":3,"1":4}'],
    ['the largest seed', '{"seed":18446744073709551615}'],
    ['a negative seed', '{"seed":-1}'],
    ['an integer just beyond 2^53', '[9007199254740991,9007199254740992,9007199254740993,9007199254740994]'],
    ['a float that is whole', '[1.0,-0,-0.0,1e5,1E+2,100000000000000000000000]'],
    ['float noise', '[0.8000000000000002,0.1,1.25e-7,1e999]'],
    ['unicode', '"Größe 画像 🎨 \u2028 \\u0000 \\ud800"'],
    ['escapes', '"\\"\\\\\\b\\f\\n\\r\\t"'],
    ['empty things', '[{},[],"",null,true,false]'],
    ['a key with an odd name', '{"":1,"a b":2,"🎨.x":3}'],
  ])('keeps %s', (_what, text) => {
    expect(stringifyJson(parse(text))).toBe(text);
  });

  it('gives plain numbers where they say the same, and their text where they do not', () => {
    expect(parse('[1,-1,0.8000000000000002,9007199254740991]')).toEqual([
      1, -1, 0.8000000000000002, 9007199254740991,
    ]);
    expect(parse('[1.0,9007199254740992]')).toEqual([
      new NumberText('1.0'),
      new NumberText('9007199254740992'),
    ]);
  });

  it('reads what JSON.parse reads, with spaces and escapes', () => {
    const text = ' {\n\t"a" : [ 1 , "\\u00e9\\/" ] ,\r\n "b":{ "c" : null } } ';
    expect(plainJson(parse(text))).toEqual(JSON.parse(text));
  });

  it('gives a schema plain values, with a bigint where a number would lose digits', () => {
    expect(plainJson(parse('{"a":[1.0,1e2,18446744073709551615,-9007199254740993]}'))).toEqual({
      a: [1, 100, 18446744073709551615n, -9007199254740993n],
    });
    expect(JSON.stringify({ seed: parse('18446744073709551615') })).toBe('{"seed":"18446744073709551615"}');
  });

  it('takes the last of keys that an object has twice', () => {
    expect(stringifyJson(parse('{"a":1,"b":2,"a":{"x":3}}'))).toBe('{"a":{"x":3},"b":2}');
  });

  it('gives no key a meaning', () => {
    const value = parse('{"__proto__":{"polluted":true},"constructor":1,"toString":2}');
    expect(stringifyJson(value)).toBe('{"__proto__":{"polluted":true},"constructor":1,"toString":2}');
    const plain = plainJson(value) as Record<string, unknown>;
    expect(plain['polluted']).toBeUndefined();
    expect(Object.keys(plain)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['{"a":%SEED%}', 1, 6],
    ['{"a":1,\n "b":2,}', 2, 8],
    ['[1] 2', 1, 5],
    ['{"a" 1}', 1, 6],
    ["{'a':1}", 1, 2],
    ['[01]', 1, 3],
    ['[1,,2]', 1, 4],
    ['// no\n[]', 1, 1],
    ['[NaN]', 1, 2],
    ['"a\nb"', 1, 1],
    ['{"a":1', 1, 7],
    ['', 1, 1],
    ['{"a":1\u00a0}', 1, 7],
  ])('refuses %j and says where', (text, line, column) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(() => parse(text)).toThrow(SyntaxError);
    expect(() => parse(text)).toThrow(`at line ${line}, column ${column}`);
  });

  it('refuses what lies too deep, however deep it is', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(() => parse(nested(20))).not.toThrow();
    expect(() => parse(nested(21))).toThrow('More than 20 levels at line 1, column 21');
    expect(() => parse(nested(1_000_000))).toThrow('More than 20 levels');
    expect(() => parse('{"a":'.repeat(1_000_000))).toThrow('More than 20 levels');
  });

  it('refuses more values than are allowed, wherever they are', () => {
    const limits = { maxDepth: 20, maxValues: 4 };
    for (const text of ['[1,2,3]', '[[[[]]]]', '{"a":1,"b":[2]}', '{"a":1,"a":2,"a":3}']) {
      expect(() => parseJson(text, limits)).not.toThrow();
      expect(() => parseJson(`[${text}]`, limits)).toThrow('More than 4 values at line 1, column');
    }
  });
});
