import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AssetRecords, ClientAsset } from '../../src/services/assets/AssetRecords.js';

/** Records as seen by two servers. */
interface RecordsUnderTest {
  readonly records: AssetRecords;
  /** The same object if the implementation is in one process. */
  readonly ofAnotherServer: AssetRecords;
  stop(): Promise<void>;
}

const asset = (id: string, changes: Partial<ClientAsset> = {}): ClientAsset => ({
  id,
  hash: 'a'.repeat(64),
  sizeBytes: 17,
  contentType: 'image/png',
  filePath: 'größer 🦉.png',
  owner: 'shop',
  createdTime: 1000.5,
  expiresTime: 5000.25,
  ...changes,
});

/** Tests for every implementation of the records of clients' files. */
export function testAssetRecords(name: string, make: () => Promise<RecordsUnderTest>): void {
  describe(`records of clients' files in ${name}`, () => {
    let under: RecordsUnderTest;
    let records: AssetRecords;
    let other: AssetRecords;
    beforeEach(async () => {
      under = await make();
      records = under.records;
      other = under.ofAnotherServer;
    });
    afterEach(() => under.stop());

    it('are found by their ids, as they were put last', async () => {
      expect(await records.get('a')).toBeUndefined();
      await records.put(asset('a'));
      await records.put(asset('b', { filePath: undefined, owner: undefined }));
      expect(await other.get('a')).toEqual(asset('a'));
      expect(await other.get('b')).toEqual(asset('b', { filePath: undefined, owner: undefined }));
      await other.put(asset('a', { expiresTime: 9000 }));
      expect(await records.get('a')).toEqual(asset('a', { expiresTime: 9000 }));
      expect(await records.get('__proto__')).toBeUndefined();
    });

    it('are found by owner and hash, the newest first', async () => {
      await records.put(asset('a'));
      await records.put(asset('b', { createdTime: 2000 }));
      await records.put(asset('c', { owner: 'lab' }));
      await records.put(asset('d', { hash: 'b'.repeat(64) }));
      await records.put(asset('e', { owner: undefined }));
      const ids = async (owner: string | undefined, hash = 'a'.repeat(64)) =>
        (await other.ofHash(owner, hash)).map(({ id }) => id);
      expect(await ids('shop')).toEqual(['b', 'a']);
      expect(await ids('lab')).toEqual(['c']);
      expect(await ids(undefined)).toEqual(['e']);
      expect(await ids('shop', 'c'.repeat(64))).toEqual([]);
      await records.delete('b');
      expect(await ids('shop')).toEqual(['a']);
    });

    it('are deleted once', async () => {
      await records.put(asset('a'));
      const deleted = await Promise.all([records.delete('a'), other.delete('a'), records.delete('a')]);
      expect(deleted.filter((one) => one !== undefined)).toEqual([asset('a')]);
      expect(await other.get('a')).toBeUndefined();
      expect(await other.ofHash('shop', 'a'.repeat(64))).toEqual([]);
      expect(await records.expired(10_000)).toEqual([]);
    });

    it('are renewed, but never shortened', async () => {
      await records.put(asset('a'));
      expect(await other.renew(asset('a', { expiresTime: 9000.75 }))).toBe(true);
      expect(await records.get('a')).toEqual(asset('a', { expiresTime: 9000.75 }));
      expect(await records.expired(9000)).toEqual([]);
      expect(await other.renew(asset('a', { expiresTime: 7000 }))).toBe(true);
      expect(await records.get('a')).toEqual(asset('a', { expiresTime: 9000.75 }));
      expect(await records.expired(9000)).toEqual([]);
    });

    it('stay deleted when a server renews one that it read before', async () => {
      await records.put(asset('a'));
      const read = await records.get('a');
      await other.delete('a');
      expect(await records.renew({ ...asset('a'), ...read, expiresTime: 9000 })).toBe(false);
      expect(await records.get('a')).toBeUndefined();
      expect(await other.ofHash('shop', 'a'.repeat(64))).toEqual([]);
      expect(await other.expired(10_000)).toEqual([]);
    });

    it('are listed once they expired', async () => {
      await records.put(asset('a'));
      await records.put(asset('b', { expiresTime: 7000 }));
      expect(await other.expired(5000)).toEqual([]);
      expect(await other.expired(5001)).toEqual(['a']);
      await records.put(asset('a', { expiresTime: 8000 }));
      expect(await other.expired(7000)).toEqual(['b']);
      expect((await other.expired(9000)).toSorted()).toEqual(['a', 'b']);
    });
  });
}
