import { describe, expect, it } from 'vitest';
import { RecentAssets } from '../../src/services/assets/RecentAssets.js';

const KB = 1024;

async function read(recent: RecentAssets, hash: string, range?: { start: number; end?: number }) {
  const stream = recent.open(hash, range);
  if (!stream) return undefined;
  return Buffer.concat((await stream.toArray()) as Buffer[]);
}

describe('copies of the assets that were stored last', () => {
  it('are read whole and by range', async () => {
    const recent = new RecentAssets();
    recent.add('a', Buffer.from('0123456789'));
    expect(String(await read(recent, 'a'))).toBe('0123456789');
    expect(String(await read(recent, 'a', { start: 3, end: 5 }))).toBe('345');
    expect(String(await read(recent, 'a', { start: 8 }))).toBe('89');
    expect(() => recent.open('a', { start: 10 })).toThrow('There are no bytes');
    expect(recent.open('b', undefined)).toBeUndefined();
    expect([recent.sizeOf('a'), recent.sizeOf('b')]).toEqual([10, undefined]);
  });

  it('stay the same when their owner or a reader changes its bytes', async () => {
    const recent = new RecentAssets();
    const bytes = Buffer.from('right');
    recent.add('a', bytes);
    bytes.fill('x');
    (await read(recent, 'a'))?.fill('y');
    for await (const chunk of recent.open('a', undefined) ?? []) (chunk as Buffer).fill('z');
    expect(String(await read(recent, 'a'))).toBe('right');
  });

  it('are only small ones, at most 16 MB together, without the oldest', async () => {
    const recent = new RecentAssets();
    recent.add('large', Buffer.alloc(256 * KB + 1));
    expect(recent.open('large', undefined)).toBeUndefined();
    for (let n = 0; n < 64; n += 1) recent.add(`${n}`, Buffer.alloc(256 * KB, n));
    // The same asset again takes no more room, and becomes the newest.
    recent.add('0', Buffer.alloc(256 * KB, 0));
    expect(await read(recent, '1')).toEqual(Buffer.alloc(256 * KB, 1));
    recent.add('next', Buffer.alloc(1));
    expect(recent.open('1', undefined)).toBeUndefined();
    expect(await read(recent, '0')).toEqual(Buffer.alloc(256 * KB, 0));
    recent.delete('0');
    recent.delete('0');
    expect(recent.open('0', undefined)).toBeUndefined();
    recent.add('another', Buffer.alloc(256 * KB));
    expect(await read(recent, '2')).toEqual(Buffer.alloc(256 * KB, 2));
  });
});
