import { describe, expect, it } from 'vitest';
import { isDataUri, parseDataUri } from '../../src/services/assets/dataUri.js';

describe('an input as a data URI', () => {
  it.each([
    ['data:image/png;base64,YWJj', 'image/png', 'abc'],
    ['DATA:Image/PNG;charset=x;BASE64,YWJj', 'image/png', 'abc'],
    ['data:;base64,YWI=', 'text/plain', 'ab'],
    ['data:;base64,YWI', 'text/plain', 'ab'],
    ['data:;base64,YWI%3D', 'text/plain', 'ab'],
    ['data:;base64,YW\r\nJj', 'text/plain', 'abc'],
    ['data:;base64,-_-_', 'text/plain', '\xfb\xff\xbf'],
    ['data:,a%20b,c%FF', 'text/plain', 'a b,c\xff'],
    ['data:image/svg+xml;utf8,<svg>', 'image/svg+xml', '<svg>'],
    ['data:,', 'text/plain', ''],
    ['data:;base64,', 'text/plain', ''],
  ])('is read: %j', (text, mimeType, bytes) => {
    expect(parseDataUri(text, 20)).toEqual({ mimeType, bytes: Buffer.from(bytes, 'latin1') });
    expect(isDataUri(text)).toBe(true);
  });

  it.each([
    ['malformed', 'data:'],
    ['malformed', 'data:image/png;base64'],
    ['malformed', 'data:;base64,YWJjZ'],
    ['malformed', 'data:;base64,YW*j'],
    ['malformed', 'data:;base64,YQ==YQ=='],
    ['malformed', 'data:,%4'],
    ['malformed', 'data:,%zz'],
    ['malformed', 'data:image png,abc'],
    ['malformed', `data:${'a'.repeat(1000)},abc`],
    ['malformed', 'https://a.example/,abc'],
    ['too_large', `data:,${'a'.repeat(21)}`],
    ['too_large', `data:,${'%41'.repeat(21)}`],
    ['too_large', `data:;base64,${Buffer.alloc(21).toString('base64')}`],
    ['too_large', `data:;base64,${'*'.repeat(1000)}`],
  ])('is %s: %s', (problem, text) => expect(parseDataUri(text, 20)).toEqual({ problem }));

  it('may have exactly the size that is allowed', () => {
    const bytes = Buffer.alloc(20, 'a');
    for (const text of [`;base64,${bytes.toString('base64')}`, `,${bytes}`, `,${'%61'.repeat(20)}`]) {
      expect(parseDataUri(`data:${text}`, 20)).toMatchObject({ bytes });
    }
  });
});
