import type { BackgroundWork } from './BackgroundWork.js';
import type { StoreCalls } from './StoreCalls.js';
import type { BlobStore, StoredBytes } from './stores.js';

/**
 * One kind of bytes that jobs have: their inputs, by name, or their outputs, by number. None is left in the store for
 * good.
 */
export class JobBlobs {
  readonly #kind: 'input' | 'output';
  readonly #blobs: BlobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  /** Names of the bytes that were put and not deleted, by job. */
  readonly #kept = new Map<string, Set<string>>();

  constructor(kind: 'input' | 'output', blobs: BlobStore, calls: StoreCalls, background: BackgroundWork) {
    this.#kind = kind;
    this.#blobs = blobs;
    this.#calls = calls;
    this.#background = background;
  }

  /**
   * Keeps all of a job's bytes.
   * @throws what the store rejects with; nothing of them is left then
   */
  async put(id: string, all: ReadonlyMap<string, Buffer>): Promise<void> {
    this.#kept.set(id, new Set(all.keys()));
    try {
      for (const [name, bytes] of all) {
        // A call that was given up may arrive when all is tidied up.
        const onLate = () => {
          if (!this.#kept.get(id)?.has(name)) this.#deleteBytes(id, name);
        };
        await this.#calls.retried(() => this.#blobs.put(this.#key(id, name), bytes), onLate);
      }
    } catch (error) {
      this.delete(id);
      throw error;
    }
  }

  get(id: string, name: string): Promise<Buffer | undefined> {
    return this.#calls.retried(() => this.#blobs.get(this.#key(id, name)));
  }

  /** What can be read bit by bit, where the store has such. */
  find(id: string, name: string): StoredBytes | undefined {
    return this.#blobs.find?.(this.#key(id, name));
  }

  /** Nobody waits until the bytes are gone. */
  delete(id: string): void {
    const names = this.#kept.get(id);
    this.#kept.delete(id);
    for (const name of names ?? []) this.#deleteBytes(id, name);
  }

  #deleteBytes(id: string, name: string): void {
    const key = this.#key(id, name);
    void this.#background.run(`delete ${key}`, () => this.#blobs.delete(key));
  }

  #key(id: string, name: string): string {
    return `${id}/${this.#kind}/${name}`;
  }
}
