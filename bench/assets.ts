import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DiskAssetStore } from '../src/services/assets/DiskAssetStore.js';
import { byTurns, perSecond } from './measure.js';
import { type Effort, type Row, row } from './rows.js';

const ASSET_BYTES = 1024 * 1024;
const rate = (value: number) => `${value.toFixed(0)} a second`;

/**
 * Storing and fetching 1 MB in a folder, against writing a file of the same bytes and reading it. What a round has
 * written is deleted before the next one, outside of what is measured; the folder's own folders stay.
 */
export async function assets({ rounds, goes, warmUps }: Effort): Promise<Row[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-assets-'));
  const store = new DiskAssetStore(path.join(folder, 'assets'));
  await store.start();
  const bytes = Buffer.alloc(ASSET_BYTES, 'asset');
  let count = 0;
  // No two are alike, or there would be nothing to store.
  const next = () => {
    count += 1;
    bytes.writeUInt32LE(count);
    return Buffer.from(bytes);
  };
  const ours = async () => {
    const hashes: string[] = [];
    const result = await perSecond(goes, 1, async () => {
      const { hash } = await store.put(next());
      hashes.push(hash);
      let read = 0;
      for await (const chunk of await store.open(hash)) read += (chunk as Buffer).length;
      checkBytes(read);
    });
    for (const hash of hashes) await store.delete(hash);
    return result;
  };
  const theirs = async () => {
    const files: string[] = [];
    const result = await perSecond(goes, 1, async () => {
      const file = path.join(folder, String(count));
      files.push(file);
      await writeFile(file, next());
      checkBytes((await readFile(file)).length);
    });
    for (const file of files) await unlink(file);
    return result;
  };
  const { a, b, ratio } = await byTurns(rounds, ours, theirs, warmUps);
  await rm(folder, { recursive: true });
  const parts = { measured: rate(a), comparedWith: `plain file: ${rate(b)}`, ratio };
  return [row('store and fetch 1 MB', parts, '>=0.8')];
}

function checkBytes(count: number): void {
  if (count !== ASSET_BYTES) throw new Error(`${count} bytes came back`);
}
