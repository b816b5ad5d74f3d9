import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ByteRange, Content, StoredFile } from '../../utils/StoredFile.js';
import { AssetError } from '../assets/AssetError.js';
import type { AssetLibrary } from '../assets/AssetLibrary.js';
import { jobHolder, temporaryHolder } from '../assets/holderNames.js';
import { RecentAssets } from '../assets/RecentAssets.js';
import type { BlobStore, HeldBytes, StoredBytes, StreamLimits, StreamStore } from './BlobStore.js';

/** Separates the hash of an asset from the token of its holder. */
const SEPARATOR = '/';

/**
 * Bytes of jobs as assets, on a disk or in a bucket. A key is the asset's hash, by which any process can read it, and
 * a token, with which any process can release it.
 */
export class AssetBlobs implements BlobStore, StreamStore {
  readonly library: AssetLibrary;
  /** Identifies this process, with which its temporary holds end. */
  readonly processId = newToken();
  /** Hashes by temporary holder. */
  readonly #temporary = new Map<string, string>();
  readonly #recent = new RecentAssets();
  #started: Promise<void> | undefined;

  constructor(library: AssetLibrary) {
    this.library = library;
  }

  /** Prepares the store, once. @throws Error if it is unusable */
  start(): Promise<void> {
    this.#started ??= this.library.start();
    return this.#started;
  }

  /** Releases what ends with the process, and waits for the deletions. */
  async stop(): Promise<void> {
    for (const [holder, hash] of this.#temporary) void this.#letGo(hash, holder);
    this.library.releaseAll();
    await this.library.stop();
  }

  async put(name: string, content: Content): Promise<string> {
    const token = newToken();
    const holder = jobHolder(name, token);
    if (!Buffer.isBuffer(content)) {
      await this.library.share(content.key, holder);
      return content.key + SEPARATOR + token;
    }
    await this.start();
    const { hash } = await this.library.put(content, holder);
    this.#recent.add(hash, content);
    return hash + SEPARATOR + token;
  }

  async putStream(source: Readable | Buffer, limits: StreamLimits = {}): Promise<HeldBytes> {
    const holder = temporaryHolder(this.processId, newToken());
    // Clients need not wait with their first job until the server has started.
    await this.start();
    const { hash, sizeBytes } = await this.library.put(source, holder, limits);
    if (Buffer.isBuffer(source)) this.#recent.add(hash, source);
    return this.#held(hash, sizeBytes, holder);
  }

  async hold({ key: hash, sizeBytes }: StoredFile): Promise<HeldBytes | undefined> {
    const holder = temporaryHolder(this.processId, newToken());
    try {
      await this.library.hold(hash, holder);
    } catch (error) {
      if (error instanceof AssetError && error.problem === 'not_found') return undefined;
      throw error;
    }
    return this.#held(hash, sizeBytes, holder);
  }

  async has({ key: hash }: StoredFile): Promise<boolean> {
    return (await this.library.stat(hash)) !== undefined;
  }

  async get(key: string, sizeBytes: number): Promise<StoredBytes> {
    const [hash = ''] = key.split(SEPARATOR, 1);
    return this.#stored(hash, sizeBytes);
  }

  async delete(name: string, key: string | undefined): Promise<void> {
    const [hash, token] = key?.split(SEPARATOR) ?? [];
    // A rejected put holds nothing.
    if (hash === undefined || token === undefined) return;
    this.#recent.delete(hash);
    await this.library.release(hash, jobHolder(name, token));
  }

  #held(hash: string, sizeBytes: number, holder: string): HeldBytes {
    this.#temporary.set(holder, hash);
    return { ...this.#stored(hash, sizeBytes), release: () => void this.#letGo(hash, holder) };
  }

  #letGo(hash: string, holder: string): Promise<void> {
    this.#temporary.delete(holder);
    return this.library.letGo(hash, holder);
  }

  #stored(hash: string, sizeBytes: number): StoredBytes {
    return {
      key: hash,
      sizeBytes,
      open: async (range) => {
        try {
          return (await this.#copy(hash, range)) ?? (await this.library.open(hash, range));
        } catch (error) {
          if (error instanceof AssetError && error.problem === 'not_found') return undefined;
          throw error;
        }
      },
      url: (presentation) => this.library.url(hash, presentation),
    };
  }

  /** Opens a copy in memory, unless somebody deleted or damaged the stored asset. */
  async #copy(hash: string, range: ByteRange | undefined): Promise<Readable | undefined> {
    const size = this.#recent.sizeOf(hash);
    if (size === undefined) return undefined;
    const stored = await this.library.stat(hash);
    return stored?.sizeBytes === size ? this.#recent.open(hash, range) : undefined;
  }
}

/** Unique among the few that hold the same bytes under the same name. */
function newToken(): string {
  return randomBytes(9).toString('hex');
}
