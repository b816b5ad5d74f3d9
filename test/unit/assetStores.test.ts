import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, vi } from 'vitest';
import { createAssetStore } from '../../src/services/assets/createAssetStore.js';
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
  const { endpoint, bucket } = s3;
  const store = createAssetStore(
    {
      kind: 's3',
      bucket,
      endpoint,
      region: 'us-east-1',
      prefix: PREFIX,
      forcePathStyle: true,
      presignSeconds: 60,
    },
    systemClock,
  );
  await store.start();
  const stop = async () => {
    await store.stop();
    await s3.empty();
  };
  return { store, contents: () => s3.contents(), stop };
}
