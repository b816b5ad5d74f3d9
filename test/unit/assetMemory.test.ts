import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { AssetStoreOptions } from '../../src/services/assets/createAssetStore.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';

const MIB = 1024 * 1024;
/** 800 MB through two processes take time on a busy computer. */
const TIMEOUT_MS = 120_000;
const script = (name: string) => path.resolve(import.meta.dirname, '../support', name);

/** Memory growth of a process that stores 100 MB and reads 300 MB, in bytes. */
async function growthWith(options: AssetStoreOptions): Promise<{ used: number; rss: number }> {
  return JSON.parse(await outputOf('assetTraffic.mjs', options, 100 * MIB, 3));
}

/** Runs a script in a process that can collect garbage on request. */
async function outputOf(name: string, options: AssetStoreOptions, ...numbers: number[]): Promise<string> {
  const flags = ['--expose-gc', '--import', 'tsx', script(name)];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...flags, JSON.stringify(options), ...numbers.map(String)],
    { env: { PATH: process.env['PATH'], ...S3_CREDENTIALS } },
  );
  return stdout;
}

it('a buffer that was stored is freed without a full garbage collection', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'assets-'));
  const left = await outputOf('assetGarbage.mjs', { kind: 'disk', folder }, 12, MIB);
  await rm(folder, { recursive: true });
  expect(Number(left)).toBeLessThan(4 * MIB);
});

it('100 MB come in and 300 MB go out in little memory, with a folder', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'assets-'));
  const { used, rss } = await growthWith({ kind: 'disk', folder });
  await rm(folder, { recursive: true });
  expect(used).toBeLessThan(64 * MIB);
  expect(rss).toBeLessThan(64 * MIB);
});

it(
  '100 MB come in and 300 MB go out in little memory, with a bucket',
  async () => {
    const server = await S3Server.start();
    const { endpoint, bucket } = server;
    const { used, rss } = await growthWith({
      kind: 's3',
      endpoint,
      bucket,
      region: 'us-east-1',
      forcePathStyle: true,
    });
    await server.stop();
    expect(used).toBeLessThan(64 * MIB);
    expect(rss).toBeLessThan(64 * MIB);
  },
  TIMEOUT_MS,
);
