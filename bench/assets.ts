import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DiskAssetStore } from '../src/services/assets/DiskAssetStore.js';
import { silentLogger } from '../src/utils/logger.js';
import { byTurns, perSecond } from './measure.js';
import { type Effort, type Row, row } from './rows.js';

const ASSET_BYTES = 1024 * 1024;
/** Size of a chunk from a socket. */
const CHUNK_BYTES = 64 * 1024;
const rate = (value: number) => `${value.toFixed(0)} a second`;

/** Writes bytes and reads them back. @returns a function that deletes them */
type Go = (bytes: Buffer) => Promise<() => Promise<void>>;

/**
 * Compares storing and fetching 1 MB with writing and reading a file of the same bytes: from memory, and streamed as uploads and
 * results are. The files of a round are deleted before the next one, outside of the measured time; the store's own folders stay.
 */
export async function assets(effort: Effort): Promise<Row[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-assets-'));
  const store = new DiskAssetStore(path.join(folder, 'assets'), silentLogger);
  await store.start();
  let files = 0;
  const newFile = () => {
    files += 1;
    return path.join(folder, String(files));
  };
  const asset: Go = async (bytes) => {
    const { hash } = await store.put(bytes);
    checkBytes(await lengthOf(await store.open(hash)));
    return () => store.delete(hash);
  };
  const file: Go = async (bytes) => {
    const name = newFile();
    await writeFile(name, bytes);
    checkBytes((await readFile(name)).length);
    return () => unlink(name);
  };
  const streamedAsset: Go = async (bytes) => {
    const { hash } = await store.put(arriving(bytes));
    checkBytes(await lengthOf(await store.open(hash)));
    return () => store.delete(hash);
  };
  const streamedFile: Go = async (bytes) => {
    const name = newFile();
    await pipeline(arriving(bytes), createWriteStream(name));
    checkBytes(await lengthOf(createReadStream(name)));
    return () => unlink(name);
  };
  const rows = [
    await compare('store and fetch 1 MB', asset, file, effort),
    await compare('store and fetch 1 MB as streams', streamedAsset, streamedFile, effort),
  ];
  await rm(folder, { recursive: true });
  return rows;
}

async function compare(name: string, ours: Go, theirs: Go, { rounds, goes, warmUps }: Effort): Promise<Row> {
  const bytes = Buffer.alloc(ASSET_BYTES, 'asset');
  let count = 0;
  const round = (go: Go) => async () => {
    const deletions: (() => Promise<void>)[] = [];
    const result = await perSecond(goes, 1, async () => {
      // Each is different, because the store keeps equal bytes only once.
      count += 1;
      bytes.writeUInt32LE(count);
      deletions.push(await go(Buffer.from(bytes)));
    });
    for (const deleteIt of deletions) await deleteIt();
    return result;
  };
  const { a, b, ratio } = await byTurns(rounds, round(ours), round(theirs), warmUps);
  return row(name, { measured: rate(a), comparedWith: `plain file: ${rate(b)}`, ratio }, '>=0.8');
}

function arriving(bytes: Buffer): Readable {
  const chunks = Array.from({ length: ASSET_BYTES / CHUNK_BYTES }, (_, n) =>
    bytes.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES),
  );
  return Readable.from(chunks, { objectMode: false });
}

async function lengthOf(stream: Readable): Promise<number> {
  let length = 0;
  for await (const chunk of stream) length += (chunk as Buffer).length;
  return length;
}

function checkBytes(count: number): void {
  if (count !== ASSET_BYTES) throw new Error(`${count} bytes came back`);
}
