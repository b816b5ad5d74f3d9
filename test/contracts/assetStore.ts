import { randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AssetError, type AssetProblem } from '../../src/services/assets/AssetError.js';
import type { AssetInfo, AssetStore } from '../../src/services/assets/AssetStore.js';
import { systemClock } from '../../src/utils/clock.js';
import { arriving, endless } from '../support/byteStreams.js';

const MIB = 1024 * 1024;
/** Long enough for several parts, if the store uploads in parts. */
const LARGE = randomBytes(10 * MIB + 345);
/** From the test vectors of BLAKE3. */
const KNOWN = [
  ['', 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  ['abc', '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85'],
] as const;
const UNKNOWN = 'f'.repeat(64);
const NO_HASHES = [
  '',
  '.',
  '..',
  '../x',
  'unfinished',
  'F'.repeat(64),
  `${UNKNOWN}\n`,
  `../${UNKNOWN}`,
  '\0',
];

/** A started, empty store, with access to its content. */
export interface StoreUnderTest {
  readonly store: AssetStore;
  /** Names of everything that contains bytes, complete or not. */
  contents(): Promise<string[]>;
  stop(): Promise<void>;
}

/** All listed assets. */
export async function allOf(store: AssetStore): Promise<AssetInfo[]> {
  const all: AssetInfo[] = [];
  for await (const info of store.list()) all.push(info);
  return all;
}

const problemOf = (work: Promise<unknown>): Promise<AssetProblem | 'none'> =>
  work.then(
    () => 'none',
    (error: unknown) => {
      if (error instanceof AssetError) return error.problem;
      throw error;
    },
  );

/** Tests for every asset store. */
export function testAssetStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`assets in ${name}`, () => {
    let store: AssetStore;
    let under: StoreUnderTest;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.stop());

    const read = async (hash: string) => buffer(await store.open(hash));

    it.each(KNOWN)('are known by their BLAKE3 hash: %o', async (text, hash) => {
      const sizeBytes = text.length;
      expect(await store.put(Buffer.from(text))).toEqual({ hash, sizeBytes });
      expect(await store.put(Readable.from([Buffer.from(text)]))).toEqual({ hash, sizeBytes });
      expect((await read(hash)).toString()).toBe(text);
      expect(await store.stat(hash)).toMatchObject({ hash, sizeBytes });
    });

    it('are in one place, with an id that stays', async () => {
      const identity = await store.identity();
      expect(identity.place).not.toBe('');
      expect(await store.identity()).toEqual(identity);
    });

    it.each([
      ['all at once', () => LARGE],
      ['as they arrive', () => arriving(LARGE)],
      ['in one large piece', () => arriving(LARGE, 'end', LARGE.length)],
    ])('come out as they came in, %s', async (_how, source) => {
      const { hash, sizeBytes } = await store.put(source());
      expect(sizeBytes).toBe(LARGE.length);
      expect((await read(hash)).equals(LARGE)).toBe(true);
      expect(await under.contents()).toHaveLength(1);
    });

    it('are stored once, however often and in whichever way they come', async () => {
      const sources = [LARGE, arriving(LARGE), LARGE, arriving(LARGE), arriving(LARGE)];
      const stored = await Promise.all(sources.map((source) => store.put(source)));
      expect(new Set(stored.map(({ hash }) => hash)).size).toBe(1);
      expect(await under.contents()).toHaveLength(1);
      expect((await read(stored[0]?.hash ?? '')).equals(LARGE)).toBe(true);
    });

    it('are read in part', async () => {
      const { hash } = await store.put(LARGE);
      for (const [range, from, to] of [
        [{ start: 0 }, 0, LARGE.length],
        [{ start: 0, end: 9 }, 0, 10],
        [{ start: 7, end: 7 }, 7, 8],
        [{ start: 5 * MIB - 1, end: 10 * MIB }, 5 * MIB - 1, 10 * MIB + 1],
        [{ start: LARGE.length - 1 }, LARGE.length - 1, LARGE.length],
        [{ start: LARGE.length - 100, end: LARGE.length + 5 }, LARGE.length - 100, LARGE.length],
      ] as const) {
        const bytes = await buffer(await store.open(hash, range));
        expect(bytes.equals(LARGE.subarray(from, to)), JSON.stringify(range)).toBe(true);
      }
    });

    it('are not read where there is nothing of them', async () => {
      const { hash } = await store.put(Buffer.from('abc'));
      for (const range of [
        { start: 3 },
        { start: 4, end: 5 },
        { start: 2, end: 1 },
        { start: -1 },
        { start: 0.5 },
        { start: Number.NaN },
      ]) {
        expect(await problemOf(store.open(hash, range)), JSON.stringify(range)).toBe('invalid_range');
      }
    });

    it('are not there under any other name', async () => {
      await store.put(Buffer.from('abc'));
      for (const name of [UNKNOWN, ...NO_HASHES]) {
        expect(await problemOf(store.open(name)), name).toBe('not_found');
        expect(await store.stat(name), name).toBeUndefined();
        await store.delete(name);
      }
      expect(await under.contents()).toHaveLength(1);
    });

    it('are deleted, and may come again', async () => {
      const { hash } = await store.put(LARGE);
      await store.delete(hash);
      await store.delete(hash);
      expect(await under.contents()).toEqual([]);
      expect(await problemOf(store.open(hash))).toBe('not_found');
      expect(await store.put(arriving(LARGE))).toEqual({ hash, sizeBytes: LARGE.length });
    });

    it('are read to their end when they are deleted meanwhile', async () => {
      const { hash } = await store.put(LARGE);
      const reading = await store.open(hash);
      await store.delete(hash);
      expect((await buffer(reading)).equals(LARGE)).toBe(true);
    });

    it('are not read on when the reader leaves', async () => {
      const { hash } = await store.put(LARGE);
      const reading = await store.open(hash);
      reading.on('error', () => undefined).destroy();
      expect((await read(hash)).equals(LARGE)).toBe(true);
    });

    it('are listed', async () => {
      // In memory it is the time of the process, else that of the files: they differ if somebody set the clock.
      const before = Math.min(Date.now(), systemClock.now()) - 2000;
      const sizes = new Map<string, number>();
      for (const text of ['a', 'bc', 'def']) {
        const { hash, sizeBytes } = await store.put(Buffer.from(text));
        sizes.set(hash, sizeBytes);
      }
      const listed = await allOf(store);
      expect(new Map(listed.map(({ hash, sizeBytes }) => [hash, sizeBytes]))).toEqual(sizes);
      for (const { storedAt } of listed) expect(storedAt).toBeGreaterThan(before);
    });

    describe.each([
      ['few bytes', 3],
      ['more than one part', 6 * MIB],
    ])('that fail after %s', (_much, bytes) => {
      const part = LARGE.subarray(0, bytes);
      afterEach(async () => expect(await under.contents()).toEqual([]));

      it('leave nothing when their source fails', async () => {
        const failure = new Error('the line is cut');
        await expect(store.put(arriving(part, failure))).rejects.toBe(failure);
      });

      it('leave nothing when their source is closed', async () => {
        const source = new PassThrough();
        source.write(part);
        const stored = store.put(source);
        setImmediate(() => source.destroy());
        await expect(stored).rejects.toThrow(/[Pp]remature/);
      });

      it('leave nothing when they are given up', async () => {
        const controller = new AbortController();
        const reason = new Error('nobody waits any more');
        const source = arriving(part, 'silence');
        const stored = store.put(source, { signal: controller.signal });
        setTimeout(() => controller.abort(reason), 30);
        await expect(stored).rejects.toBe(reason);
        expect(source.destroyed).toBe(false);
      });

      it('leave nothing when they are too many', async () => {
        for (const source of [endless(), arriving(LARGE)]) {
          expect(await problemOf(store.put(source, { maxBytes: bytes }))).toBe('too_large');
          // The sender may still get a response.
          expect(source.destroyed).toBe(false);
        }
        expect(await problemOf(store.put(LARGE, { maxBytes: bytes }))).toBe('too_large');
      });

      it('leave nothing when they are not the ones that were expected', async () => {
        for (const source of [part, arriving(part)]) {
          expect(await problemOf(store.put(source, { expectedHash: UNKNOWN }))).toBe('hash_mismatch');
        }
      });

      it('leave nothing when they are refused by their hash', async () => {
        const refusal = new Error('not this one');
        const onHash = () => Promise.reject(refusal);
        for (const source of [part, arriving(part)]) {
          await expect(store.put(source, { onHash })).rejects.toBe(refusal);
        }
      });
    });

    it('are refused before anything is read when they were given up before', async () => {
      const source = arriving(LARGE);
      await expect(store.put(source, { signal: AbortSignal.abort(new Error('late')) })).rejects.toThrow(
        'late',
      );
      expect(source.readableDidRead).toBe(false);
      expect(await under.contents()).toEqual([]);
    });

    it('may have exactly the size and the hash that are allowed', async () => {
      const [text, hash] = KNOWN[1];
      const options = { maxBytes: text.length, expectedHash: hash.toUpperCase() };
      expect(await store.put(Buffer.from(text), options)).toMatchObject({ hash });
    });

    it('are seen by nobody before their hash was told', async () => {
      for (const source of [LARGE, arriving(LARGE)]) {
        const seen: unknown[] = [];
        const onHash = async (hash: string) => {
          seen.push(hash, await store.stat(hash));
        };
        const { hash } = await store.put(source, { onHash });
        expect(seen).toEqual([hash, undefined]);
        await store.delete(hash);
      }
    });
  });
}
