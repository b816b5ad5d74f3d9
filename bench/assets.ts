import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DiskAssetStore } from '../src/services/assets/DiskAssetStore.js';
import { byTurns, perSecond } from './measure.js';
import { type Effort, type Row, row } from './rows.js';

const ASSET_BYTES = 1024 * 1024;
const rate = (value: number) => `${value.toFixed(0)} a second`;

/**
 * Storing and fetching 1 MB in a folder, against writing a file of the same bytes and reading it. What a round has
 * written is deleted before the next one, outside of what is measured.
 */
export async function assets({ rounds, goes }: Effort): Promise<Row[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-assets-'));
  const plainFolder = path.join(folder, 'plain');
  const assetFolder = path.join(folder, 'assets');
  const bytes = Buffer.alloc(ASSET_BYTES, 'asset');
  let count = 0;
  // No two are alike, or there would be nothing to store.
  const next = () => {
    count += 1;
    bytes.writeUInt32LE(count);
    return Buffer.from(bytes);
  };
  const ours = async () => {
    await rm(assetFolder, { recursive: true, force: true });
    const store = new DiskAssetStore(assetFolder);
    await store.start();
    return perSecond(goes, 1, async () => {
      const { hash } = await store.put(next());
      let read = 0;
      for await (const chunk of await store.open(hash)) read += (chunk as Buffer).length;
      if (read !== ASSET_BYTES) throw new Error(`${read} bytes came back`);
    });
  };
  const theirs = async () => {
    await rm(plainFolder, { recursive: true, force: true });
    await mkdir(plainFolder);
    return perSecond(goes, 1, async () => {
      const file = path.join(plainFolder, String(count));
      await writeFile(file, next());
      const read = (await readFile(file)).length;
      if (read !== ASSET_BYTES) throw new Error(`${read} bytes came back`);
    });
  };
  const { a, b, ratio } = await byTurns(rounds, ours, theirs, 2);
  await rm(folder, { recursive: true });
  const parts = { measured: rate(a), comparedWith: `plain file: ${rate(b)}`, ratio };
  return [row('store and fetch 1 MB', parts, '>=0.8')];
}
