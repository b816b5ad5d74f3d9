import { Readable } from 'node:stream';
import type { ByteRange } from '../../utils/StoredFile.js';
import { resolveRange } from './assetRange.js';

/** Larger assets are read from the store: then reading takes longer than opening. */
const MAX_BYTES = 256 * 1024;
const MAX_TOTAL_BYTES = 16 * 1024 * 1024;

/**
 * Copies of the small assets that this process stored last. A job's input is read when the job starts, and its result when the
 * client gets it, mostly right after they were stored. Whoever uses a copy must check that the store still has the asset.
 */
export class RecentAssets {
  /** By hash, the newest last. */
  readonly #copies = new Map<string, Buffer>();
  #totalBytes = 0;

  add(hash: string, bytes: Buffer): void {
    if (bytes.length > MAX_BYTES) return;
    this.delete(hash);
    // A copy, because the owner may change the bytes.
    this.#copies.set(hash, Buffer.from(bytes));
    this.#totalBytes += bytes.length;
    for (const oldest of this.#copies.keys()) {
      if (this.#totalBytes <= MAX_TOTAL_BYTES) break;
      this.delete(oldest);
    }
  }

  /** Size of a copy in bytes; undefined if there is none. */
  sizeOf(hash: string): number | undefined {
    return this.#copies.get(hash)?.length;
  }

  /** Opens a copy; undefined if there is none. @throws AssetError `invalid_range` */
  open(hash: string, range: ByteRange | undefined): Readable | undefined {
    const bytes = this.#copies.get(hash);
    if (!bytes) return undefined;
    const { start, end } = resolveRange(range, bytes.length);
    return Readable.from(Buffer.from(bytes.subarray(start, end + 1)), { objectMode: false });
  }

  delete(hash: string): void {
    const bytes = this.#copies.get(hash);
    if (!bytes) return;
    this.#copies.delete(hash);
    this.#totalBytes -= bytes.length;
  }
}
