import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  opendir,
  readFile,
  rename,
  rm,
  unlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Logger } from '../../utils/logger.js';
import type { ByteRange } from '../../utils/StoredFile.js';
import { AssetError } from './AssetError.js';
import type {
  AssetInfo,
  AssetSource,
  AssetStore,
  PutOptions,
  StoredAsset,
  StoreIdentity,
} from './AssetStore.js';
import { isAssetHash } from './assetHash.js';
import { resolveRange } from './assetRange.js';
import { FileWriter } from './FileWriter.js';
import { Intake } from './Intake.js';
import { StoreOutage } from './StoreOutage.js';
import { StoreUnavailable } from './StoreUnavailable.js';

/** Folder names: the first two digits of the hashes in them. */
const SHARD = /^[0-9a-f]{2}$/;
/**
 * Where files are written until they are complete; next to the shards, because a rename works within one file system
 * only.
 */
const UNFINISHED = 'unfinished';
/** Also the names of unfinished files. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The file with the id of the store. */
const IDENTITY = 'store-id';
/** Read buffer per file: with smaller chunks, reading 1 MB takes twice as long. */
const READ_BYTES = 1024 * 1024;
/** Uploads are private: only the server's user may read them. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Failures that are about one file, which would not fit into an empty disk either, for example because of `ulimit -f`. */
const ABOUT_FILE: ReadonlySet<unknown> = new Set(['EFBIG']);
/** Size of the file that tells whether the disk can be written to again: as large as the last one that failed, within these limits. */
const PROBE_BYTES = { least: 1024 * 1024, most: 16 * 1024 * 1024 };

/**
 * Assets as files, `<folder>/<first two digits>/<hash>`. A file is written under another name and renamed when it is
 * complete, replacing equal bytes, so that a partial file is never visible. It is not flushed: a power failure may lose
 * the last seconds. Symbolic links inside the folder are not followed. While the disk is full, read-only, broken or not mounted, the
 * store is unavailable.
 */
export class DiskAssetStore implements AssetStore {
  readonly #root: string;
  readonly #unfinished: string;
  readonly #intake = new Intake();
  readonly #outage: StoreOutage;
  #probeBytes = PROBE_BYTES.least;
  /** Folders that were checked. */
  readonly #shards = new Set<string>();

  constructor(folder: string, logger: Logger) {
    this.#root = path.resolve(folder);
    this.#unfinished = path.join(this.#root, UNFINISHED);
    this.#outage = new StoreOutage(() => this.#onDisk(this.#probe(this.#probeBytes)), logger);
  }

  get isAvailable(): boolean {
    return !this.#outage.isOn;
  }

  async start(): Promise<void> {
    await makeFolder(this.#unfinished);
    // Fail at startup if it is not writable, instead of at the first upload. A full disk is an outage.
    await this.#probe(0);
  }

  async stop(): Promise<void> {
    this.#outage.stop();
  }

  /** An id in a file of the folder: servers may see the same folder under different paths, and different folders under the same path. */
  async identity(): Promise<StoreIdentity> {
    const file = path.join(this.#root, IDENTITY);
    const known = await this.#onDisk(unlessGone(readFile(file, 'utf8')));
    if (known !== undefined && UUID.test(known)) return { id: known, place: this.#root };
    // If another server does the same now, the last one counts from the next call on.
    const id = randomUUID();
    const temporary = path.join(this.#unfinished, randomUUID());
    await this.#onDisk(writeFile(temporary, id, { flag: 'wx', mode: FILE_MODE }));
    await this.#onDisk(rename(temporary, file));
    return { id, place: this.#root };
  }

  async put(source: AssetSource, options: PutOptions = {}): Promise<StoredAsset> {
    const temporary = path.join(this.#unfinished, randomUUID());
    const file = await this.#onDisk(open(temporary, 'wx', FILE_MODE));
    const writer = new FileWriter(file);
    let received = 0;
    try {
      const { hash, sizeBytes } = await this.#intake.read(source, options, async (chunks) => {
        for await (const chunk of chunks) {
          received += chunk.length;
          await this.#onDisk(writer.add(chunk));
        }
      });
      await this.#onDisk(writer.finish());
      await this.#onDisk(file.close());
      await this.#onDisk(this.#moveIn(temporary, hash));
      return { hash, sizeBytes };
    } catch (error) {
      if (error instanceof StoreUnavailable)
        this.#probeBytes = Math.min(PROBE_BYTES.most, Math.max(PROBE_BYTES.least, received));
      await file.close().catch(() => undefined);
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async open(hash: string, range?: ByteRange): Promise<Readable> {
    const file = await this.#find(hash, (name) => open(name, constants.O_RDONLY | constants.O_NOFOLLOW));
    if (!file) throw AssetError.notFound(hash);
    let isInUse = false;
    try {
      const stats = await this.#onDisk(file.stat());
      if (!stats.isFile()) throw AssetError.notFound(hash);
      const { start, end } = resolveRange(range, stats.size);
      // What fits into a stream's buffer is read faster without a stream.
      if (end - start < READ_BYTES) {
        return Readable.from(await this.#onDisk(read(file, start, end)), { objectMode: false });
      }
      isInUse = true;
      // The last byte is known, so the stream does not read further.
      return file.createReadStream({ start, end, highWaterMark: READ_BYTES });
    } finally {
      // Not awaited.
      if (!isInUse) file.close().catch(() => undefined);
    }
  }

  async stat(hash: string): Promise<AssetInfo | undefined> {
    const stats = await this.#find(hash, (name) => lstat(name));
    return stats?.isFile() ? infoOf(hash, stats) : undefined;
  }

  async delete(hash: string): Promise<void> {
    await this.#find(hash, (name) => unlink(name));
  }

  async url(): Promise<undefined> {}

  async *list(): AsyncGenerator<AssetInfo, void> {
    for await (const shard of await this.#onDisk(opendir(this.#root))) {
      if (!shard.isDirectory() || !SHARD.test(shard.name)) continue;
      for await (const { name } of await opendir(path.join(this.#root, shard.name))) {
        const info = name.startsWith(shard.name) ? await this.stat(name) : undefined;
        if (info) yield info;
      }
    }
  }

  async removeUnfinished(olderThan: number): Promise<void> {
    for await (const { name } of await this.#onDisk(opendir(this.#unfinished))) {
      if (!UUID.test(name)) continue;
      const file = path.join(this.#unfinished, name);
      const stats = await unlessGone(lstat(file));
      if (stats?.isFile() && stats.mtimeMs <= olderThan) await unlessGone(unlink(file));
    }
  }

  /** Writes a file of this size, and deletes it. */
  async #probe(bytes: number): Promise<void> {
    const name = path.join(this.#unfinished, randomUUID());
    const file = await open(name, 'wx', FILE_MODE);
    try {
      const writer = new FileWriter(file);
      await writer.add(Buffer.alloc(bytes));
      await writer.finish();
    } finally {
      await file.close().catch(() => undefined);
      await unlink(name).catch(() => undefined);
    }
  }

  /** @throws StoreUnavailable if the disk fails; other errors unchanged */
  async #onDisk<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof Error) || !('syscall' in error)) throw error;
      if ('code' in error && ABOUT_FILE.has(error.code)) throw error;
      const outage = new StoreUnavailable(error);
      this.#outage.begin(outage);
      throw outage;
    }
  }

  async #moveIn(temporary: string, hash: string): Promise<void> {
    const name = this.#pathOf(hash);
    const shard = path.dirname(name);
    if (!this.#shards.has(shard)) {
      await makeFolder(shard);
      this.#shards.add(shard);
    }
    try {
      await rename(temporary, name);
    } catch (error) {
      // The folder may have been deleted: the next write checks again.
      this.#shards.delete(shard);
      throw error;
    }
  }

  /** Runs `work` on the file of a hash. @returns `undefined` if there is no such file */
  async #find<T>(hash: string, work: (name: string) => Promise<T>): Promise<T | undefined> {
    if (!isAssetHash(hash)) return undefined;
    const name = this.#pathOf(hash);
    const shard = path.dirname(name);
    if (!this.#shards.has(shard)) {
      const stats = await this.#onDisk(unlessGone(lstat(shard)));
      if (!stats?.isDirectory()) return this.#nothing();
      this.#shards.add(shard);
    }
    return (await this.#onDisk(unlessGone(work(name)))) ?? this.#nothing();
  }

  /** @throws StoreUnavailable if not the file is missing, but the whole disk */
  async #nothing(): Promise<undefined> {
    await this.#onDisk(lstat(this.#unfinished));
    return undefined;
  }

  #pathOf(hash: string): string {
    return path.join(this.#root, hash.slice(0, 2), hash);
  }
}

function infoOf(hash: string, stats: Stats): AssetInfo {
  return { hash, sizeBytes: stats.size, storedAt: stats.mtimeMs };
}

/** Reads the bytes from `start` to `end`, both inclusive: fewer if the file was truncated in the meantime. */
async function read(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start + 1);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, start + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  if (!(await lstat(folder)).isDirectory()) {
    throw new Error(`${path.basename(folder)} in the asset folder is a symbolic link.`);
  }
}

/** Returns `undefined` if the file does not exist, or is a symbolic link instead of a file. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (['ENOENT', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
