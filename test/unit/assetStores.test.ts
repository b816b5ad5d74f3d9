import { lstat, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AssetStoreOptions, createAssetStore } from '../../src/services/assets/createAssetStore.js';
import { systemClock } from '../../src/utils/clock.js';
import { allOf, type StoreUnderTest, testAssetStore } from '../contracts/assetStore.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';

const PREFIX = 'some/folder/';

let s3: S3Server;
beforeAll(async () => {
  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
  s3 = await S3Server.start();
});
afterAll(() => s3.stop());

testAssetStore('memory', async () => {
  const store = createAssetStore({ kind: 'memory' }, systemClock);
  await store.start();
  const contents = async () => (await allOf(store)).map(({ hash }) => hash);
  return { store, contents, stop: () => store.stop() };
});

testAssetStore('a folder', () => onDisk());

testAssetStore('a bucket', () => inBucket());

describe('a folder of assets', () => {
  let disk: Awaited<ReturnType<typeof onDisk>>;
  beforeEach(async () => {
    disk = await onDisk();
  });
  afterEach(() => disk.stop());

  const inFolder = (...names: string[]) => path.join(disk.folder, ...names);
  const fileOf = (hash: string) => inFolder(hash.slice(0, 2), hash);

  it('is there after a restart', async () => {
    const { hash } = await disk.store.put(Buffer.from('abc'));
    await disk.store.stop();
    const next = createAssetStore({ kind: 'disk', folder: disk.folder }, systemClock);
    await next.start();
    expect((await buffer(await next.open(hash))).toString()).toBe('abc');
    expect(await allOf(next)).toMatchObject([{ hash, sizeBytes: 3 }]);
  });

  it('can be read by the server only', async () => {
    const { hash } = await disk.store.put(Buffer.from('abc'));
    expect((await lstat(fileOf(hash))).mode & 0o777).toBe(0o600);
    expect((await lstat(path.dirname(fileOf(hash)))).mode & 0o777).toBe(0o700);
  });

  it('makes new what is put again, and whole what was damaged', async () => {
    const { hash } = await disk.store.put(Buffer.from('abc'));
    await writeFile(fileOf(hash), 'ab');
    await utimes(fileOf(hash), 1, 1);
    expect((await disk.store.stat(hash))?.storedAt).toBe(1000);
    await disk.store.put(Buffer.from('abc'));
    expect((await disk.store.stat(hash))?.storedAt).toBeGreaterThan(Date.now() - 60_000);
    expect((await buffer(await disk.store.open(hash))).toString()).toBe('abc');
  });

  it('is cleared of what a process that died left half written, and of nothing else', async () => {
    const ids = ['4c1d4a5e-0000-4000-8000-000000000001', '4c1d4a5e-0000-4000-8000-000000000002'] as const;
    for (const name of [...ids, 'of-somebody-else']) await writeFile(inFolder('unfinished', name), 'ab');
    await symlink(
      inFolder('unfinished', 'of-somebody-else'),
      inFolder('unfinished', ids[0].replace('1', '3')),
    );
    for (const name of [ids[0], 'of-somebody-else']) await utimes(inFolder('unfinished', name), 1, 1);
    await disk.store.removeUnfinished(Date.now() - 60_000);
    const left = await readdir(inFolder('unfinished'));
    expect(left.sort()).toEqual([ids[0].replace('1', '3'), ids[1], 'of-somebody-else'].sort());
  });

  it('lists neither what is not an asset nor what lies in the wrong place', async () => {
    const { hash } = await disk.store.put(Buffer.from('abc'));
    await mkdir(inFolder('ff'));
    await mkdir(inFolder('ff', 'f'.repeat(64)));
    for (const name of [`ff/${hash}`, 'ff/readme', 'readme', `unfinished/${hash}`]) {
      await writeFile(inFolder(...name.split('/')), '');
    }
    expect(await allOf(disk.store)).toMatchObject([{ hash }]);
  });

  it('follows no symbolic link', async () => {
    const { hash } = await disk.store.put(Buffer.from('abc'));
    const secret = inFolder('secret');
    await writeFile(secret, 'secret');
    const other = `ee${hash.slice(2)}`;
    await mkdir(inFolder('ee'));
    await symlink(secret, fileOf(other));
    await symlink(path.dirname(fileOf(hash)), inFolder('dd'));
    const behind = `dd${hash.slice(2)}`;
    await writeFile(path.join(path.dirname(fileOf(hash)), behind), '');
    for (const name of [other, behind]) {
      await expect(disk.store.open(name)).rejects.toThrow(`There is no asset ${name}`);
      expect(await disk.store.stat(name)).toBeUndefined();
    }
    expect((await allOf(disk.store)).map((info) => info.hash)).toEqual([hash]);
    await disk.store.delete(behind);
    expect(await readdir(path.dirname(fileOf(hash)))).toContain(behind);
  });

  it('takes nothing in through a symbolic link', async () => {
    const [, hash = ''] = ['abc', '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85'];
    await mkdir(inFolder('elsewhere'));
    await symlink(inFolder('elsewhere'), path.dirname(fileOf(hash)));
    await expect(disk.store.put(Buffer.from('abc'))).rejects.toThrow('64 in the asset folder is a');
    expect(await disk.contents()).toEqual([]);
  });

  it('says at the start when it cannot be used', async () => {
    await writeFile(inFolder('file'), '');
    const store = createAssetStore({ kind: 'disk', folder: inFolder('file', 'assets') }, systemClock);
    await expect(store.start()).rejects.toThrow(/ENOTDIR/);
  });
});

describe('a bucket of assets', () => {
  const HASH = '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85';
  let bucket: StoreUnderTest;
  beforeEach(async () => {
    bucket = await inBucket();
  });
  afterEach(() => bucket.stop());

  it('gives signed addresses, with a type and a name', async () => {
    await bucket.store.put(Buffer.from('abc'));
    const presentation = { filename: 'Zoë "x".png', mimeType: 'image/png', isDownload: true };
    const url = await bucket.store.url(HASH, presentation);
    const response = await fetch(url ?? '');
    expect(await response.text()).toBe('abc');
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('content-disposition')).toBe(
      `attachment; filename="Zo_ _x_.png"; filename*=UTF-8''Zo%C3%AB%20%22x%22.png`,
    );
    expect(await bucket.store.url('../x', presentation)).toBeUndefined();
  });

  it('gives none where none are wanted', async () => {
    const store = createAssetStore(bucketOptions({ presignSeconds: 0 }), systemClock);
    expect(await store.url(HASH, { filename: 'x', mimeType: 'text/plain' })).toBeUndefined();
  });

  it('keeps to its prefix', async () => {
    await bucket.store.put(Buffer.from('abc'));
    const other = createAssetStore(bucketOptions({ prefix: 'other/' }), systemClock);
    await other.start();
    expect(await allOf(other)).toEqual([]);
    await other.delete(HASH);
    await other.removeUnfinished(Date.now() + 60_000);
    expect(await other.stat(HASH)).toBeUndefined();
    expect(await allOf(bucket.store)).toMatchObject([{ hash: HASH }]);
    await other.stop();
  });

  it('is cleared of uploads that were never completed', async () => {
    await bucket.store.put(Buffer.from('abc'));
    const key = `${PREFIX}unfinished/4c1d4a5e-0000-4000-8000-000000000001`;
    await s3.leaveBehind(key);
    expect(await bucket.contents()).not.toHaveLength(1);
    await bucket.store.removeUnfinished(Date.now() - 60_000);
    expect(await bucket.contents()).not.toHaveLength(1);
    await bucket.store.removeUnfinished(Date.now() + 60_000);
    expect(await bucket.contents()).toHaveLength(1);
  });

  it('says at the start when it cannot be used', async () => {
    const store = createAssetStore(bucketOptions({ bucket: 'nobodys' }), systemClock);
    await expect(store.start()).rejects.toThrow('The bucket nobodys cannot be used: it responds with 404');
    await store.stop();
  });
});

async function onDisk(): Promise<StoreUnderTest & { folder: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'assets-'));
  const store = createAssetStore({ kind: 'disk', folder }, systemClock);
  await store.start();
  const contents = async () => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  };
  const stop = async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  };
  return { store, folder, contents, stop };
}

async function inBucket(): Promise<StoreUnderTest> {
  const store = createAssetStore(bucketOptions({}), systemClock);
  await store.start();
  const stop = async () => {
    await store.stop();
    await s3.empty();
  };
  return { store, contents: () => s3.contents(), stop };
}

function bucketOptions(others: {
  prefix?: string;
  presignSeconds?: number;
  bucket?: string;
}): AssetStoreOptions {
  const { endpoint, bucket } = s3;
  const common = { kind: 's3', endpoint, region: 'us-east-1', forcePathStyle: true } as const;
  return { ...common, bucket, prefix: PREFIX, presignSeconds: 60, ...others };
}
