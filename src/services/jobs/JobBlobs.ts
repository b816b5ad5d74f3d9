import type { BackgroundWork } from './BackgroundWork.js';
import type { StoreCalls } from './StoreCalls.js';
import type { BlobStore } from './stores.js';

/** One kind of bytes that jobs have: their uploads, or their results. None is left in the store for good. */
export class JobBlobs {
  readonly #kind: 'upload' | 'result';
  readonly #blobs: BlobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  /** Jobs whose bytes were put and not deleted. */
  readonly #kept = new Set<string>();

  constructor(kind: 'upload' | 'result', blobs: BlobStore, calls: StoreCalls, background: BackgroundWork) {
    this.#kind = kind;
    this.#blobs = blobs;
    this.#calls = calls;
    this.#background = background;
  }

  /** @throws what the store rejects with; nothing of the bytes is left then */
  async put(id: string, bytes: Buffer): Promise<void> {
    this.#kept.add(id);
    // A call that was given up may arrive when all is tidied up.
    const onLate = () => {
      if (!this.#kept.has(id)) this.#deleteBytes(id);
    };
    try {
      await this.#calls.retried(() => this.#blobs.put(this.#key(id), bytes), onLate);
    } catch (error) {
      this.delete(id);
      throw error;
    }
  }

  get(id: string): Promise<Buffer | undefined> {
    return this.#calls.retried(() => this.#blobs.get(this.#key(id)));
  }

  /** Nobody waits until the bytes are gone. */
  delete(id: string): void {
    if (this.#kept.delete(id)) this.#deleteBytes(id);
  }

  #deleteBytes(id: string): void {
    const key = this.#key(id);
    void this.#background.run(`delete ${key}`, () => this.#blobs.delete(key));
  }

  #key(id: string): string {
    return `${id}/${this.#kind}`;
  }
}
