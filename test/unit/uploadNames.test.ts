import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type UploadName, UploadNames } from '../../src/services/comfyui/UploadNames.js';

const DOUBT_MS = 120_000;

let grown: string[];
let names: UploadNames;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  grown = [];
  names = new UploadNames('abc', '127.0.0.1:8188', (name) => grown.push(name));
});
afterEach(() => {
  vi.useRealTimers();
});

const picture = () => randomBytes(100);
const take = (count: number): UploadName[] => Array.from({ length: count }, () => names.take(picture()));

describe('names of uploads', () => {
  it('differ from those of another machine, whose folder may be the same', async () => {
    const others = new UploadNames('abc', '127.0.0.1:8189', () => undefined);
    expect(others.take(picture()).name).not.toBe(names.take(picture()).name);
    const probe = await names.probe(async (name) => name);
    expect(await others.probe(async (name) => name)).not.toBe(probe);
  });

  it('carry the server and are never in use twice', () => {
    const taken = take(50).map(({ name }) => name);
    expect(new Set(taken).size).toBe(50);
    for (const name of taken) expect(name).toMatch(/^comfyui-express-abc-[0-9a-f]{8}-\d+\.png$/);
    expect(grown).toEqual(taken);
  });

  it('are used again, so that the folder does not grow with the number of uploads', () => {
    for (let n = 0; n < 1000; n += 1) for (const one of take(3)) one.release();
    expect(grown).toHaveLength(8);
  });

  it('are the same again for the same picture, for the sake of the cache', () => {
    const same = picture();
    const first = names.take(same);
    first.release();
    for (const one of take(4)) one.release();
    expect(names.take(Buffer.from(same)).name).toBe(first.name);
  });

  it('come with a text that tells contents apart, wherever they differ', () => {
    const one = randomBytes(30_000);
    const other = Buffer.from(one);
    for (const at of [0, 5000, 15_000, 29_999]) {
      other[at] = (other[at] ?? 0) ^ 1;
      expect(names.take(other).content()).not.toBe(names.take(one).content());
      other[at] = (other[at] ?? 0) ^ 1;
    }
    expect(names.take(other).content()).toBe(names.take(one).content());
    const stored = (key: string) => names.take({ key, sizeBytes: 9, open: async () => undefined }).content();
    expect(stored('a')).not.toBe(stored('b'));
    expect(stored('a')).toBe(stored('a'));
  });

  it('differ for the same picture while a prompt reads it', () => {
    const same = picture();
    expect(names.take(same).name).not.toBe(names.take(same).name);
  });

  it('are kept while a prompt may run, and freed once the instance does not have it', () => {
    const taken = take(8);
    for (const [n, one] of taken.entries()) one.doubt(`p${n}`);
    expect(names.doubtfulPrompts()).toEqual([]);
    expect(take(1)[0]?.name).not.toBe(taken[0]?.name);
    vi.advanceTimersByTime(DOUBT_MS);
    expect(names.doubtfulPrompts()).toHaveLength(8);
    names.forget('p3');
    expect(names.doubtfulPrompts()).not.toContain('p3');
    expect(take(1)[0]?.name).toBe(taken[3]?.name);
  });

  it('stay released when somebody doubts them afterwards', () => {
    const [one] = take(1);
    one?.release();
    one?.doubt('p');
    vi.advanceTimersByTime(DOUBT_MS);
    expect(names.doubtfulPrompts()).toEqual([]);
  });
});
