import { type Content, StoredFileGone, wholeOf } from '../../utils/StoredFile.js';
import type { BackgroundWork } from './BackgroundWork.js';
import type { BlobStore, StoredBytes } from './BlobStore.js';
import type { StoreCalls } from './StoreCalls.js';

/** Where the bytes of one file of a job are, as its record says. */
interface Place {
  readonly key?: string | undefined;
  readonly sizeBytes: number;
}

/**
 * One kind of bytes that jobs have: their inputs, by name, or their outputs, by number. None is left in the store for
 * good.
 */
export class JobBlobs {
  readonly #kind: 'input' | 'output';
  readonly #blobs: BlobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  /** Keys of the bytes that were put and not deleted, by job and name. */
  readonly #kept = new Map<string, ReadonlyMap<string, string>>();

  constructor(kind: 'input' | 'output', blobs: BlobStore, calls: StoreCalls, background: BackgroundWork) {
    this.#kind = kind;
    this.#blobs = blobs;
    this.#calls = calls;
    this.#background = background;
  }

  /**
   * Keeps all of a job's bytes.
   * @returns their keys, by the same names
   * @throws what the store rejects with; nothing of them is left then
   */
  async put(id: string, all: ReadonlyMap<string, Content>): Promise<ReadonlyMap<string, string>> {
    const keys = new Map<string, string>();
    this.#kept.set(id, keys);
    try {
      for (const [name, content] of all) {
        const blob = `${id}/${this.#kind}/${name}`;
        // They may be in the store although it failed to say so.
        keys.set(name, blob);
        // A call that was given up may arrive when all is tidied up.
        const onLate = (key = blob) => {
          if (this.#kept.get(id) !== keys) this.#deleteBytes(key);
        };
        keys.set(name, await this.#calls.retried(() => this.#blobs.put(blob, content), onLate));
      }
      return keys;
    } catch (error) {
      this.delete(id);
      throw error;
    }
  }

  /** The bytes, or the file that they are outside of memory; undefined when they are gone. */
  async get({ key, sizeBytes }: Place): Promise<Buffer | StoredBytes | undefined> {
    if (key === undefined) return undefined;
    return this.#calls.retried(() => this.#blobs.get(key, sizeBytes));
  }

  /** All bytes at once, wherever they are; undefined when they are gone. */
  async whole({ key, sizeBytes }: Place): Promise<Buffer | undefined> {
    if (key === undefined) return undefined;
    return this.#calls.retried(async () => {
      const content = await this.#blobs.get(key, sizeBytes);
      return Buffer.isBuffer(content) ? content : content && unlessGone(wholeOf(content));
    });
  }

  /** Nobody waits until the bytes are gone. */
  delete(id: string): void {
    const keys = this.#kept.get(id);
    this.#kept.delete(id);
    for (const key of keys?.values() ?? []) this.#deleteBytes(key);
  }

  #deleteBytes(key: string): void {
    void this.#background.run(`delete ${key}`, () => this.#blobs.delete(key));
  }
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoredFileGone) return undefined;
    throw error;
  }
}
