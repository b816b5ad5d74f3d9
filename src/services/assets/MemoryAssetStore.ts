import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Clock } from '../../utils/clock.js';
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
import { resolveRange } from './assetRange.js';
import { Intake } from './Intake.js';

/** Bytes per chunk of a reader. */
const CHUNK_BYTES = 256 * 1024;

interface Entry {
  readonly bytes: Buffer;
  readonly storedAt: number;
}

/** Assets in this process's memory. Their holders decide how many there are. */
export class MemoryAssetStore implements AssetStore {
  readonly isAvailable = true;
  /** Nobody else has this memory. */
  readonly #id = randomUUID();
  readonly #clock: Clock;
  readonly #intake = new Intake();
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async identity(): Promise<StoreIdentity> {
    return { id: this.#id, place: 'memory' };
  }

  /** A Buffer is kept without a copy: it must not be written to any more. */
  async put(source: AssetSource, options: PutOptions = {}): Promise<StoredAsset> {
    const parts: Buffer[] = [];
    const { hash, sizeBytes } = await this.#intake.read(source, options, async (chunks) => {
      for await (const chunk of chunks) parts.push(chunk);
    });
    const known = this.#entries.get(hash);
    const bytes = known?.bytes ?? (Buffer.isBuffer(source) ? source : Buffer.concat(parts));
    this.#entries.set(hash, { bytes, storedAt: this.#clock.now() });
    return { hash, sizeBytes };
  }

  async open(hash: string, range?: ByteRange): Promise<Readable> {
    const entry = this.#entries.get(hash);
    if (!entry) throw AssetError.notFound(hash);
    const { start, end } = resolveRange(range, entry.bytes.length);
    return Readable.from(slicesOf(entry.bytes.subarray(start, end + 1)), { objectMode: false });
  }

  async stat(hash: string): Promise<AssetInfo | undefined> {
    const entry = this.#entries.get(hash);
    return entry && { hash, sizeBytes: entry.bytes.length, storedAt: entry.storedAt };
  }

  async delete(hash: string): Promise<void> {
    this.#entries.delete(hash);
  }

  async url(): Promise<undefined> {}

  async *list(): AsyncGenerator<AssetInfo, void> {
    for (const [hash, { bytes, storedAt }] of this.#entries) {
      yield { hash, sizeBytes: bytes.length, storedAt };
    }
  }

  async removeUnfinished(): Promise<void> {}
}

function* slicesOf(bytes: Buffer): Generator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}
