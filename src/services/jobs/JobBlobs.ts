import { type Content, StoredFileGone, wholeOf } from '../../utils/StoredFile.js';
import type { BackgroundWork } from './BackgroundWork.js';
import type { BlobStore, StoredBytes } from './BlobStore.js';
import type { Job } from './Job.js';
import type { StoreCalls } from './StoreCalls.js';

/** Where the bytes of one file of a job are, as its record says. */
interface Place {
  readonly key?: string | undefined;
  readonly sizeBytes: number;
}

/** The inputs of jobs, by name, or their outputs, by number. None is left in the store for good. */
export class JobBlobs {
  readonly #kind: 'input' | 'output';
  readonly #blobs: BlobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;

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
    try {
      for (const [name, content] of all) {
        const blob = this.#nameOf(id, name);
        // A call that was given up may arrive when all is tidied up.
        const onLate = (key?: string) => this.#deleteBytes(blob, key);
        const put = () => this.#calls.retried(() => this.#blobs.put(blob, content), onLate);
        // A client is told that its upload cannot be taken now; what a machine made is not lost for that.
        keys.set(name, await (this.#kind === 'output' ? this.#calls.patiently(put) : put()));
      }
      return keys;
    } catch (error) {
      // They may be in the store although it failed to say so.
      for (const name of all.keys()) this.#deleteBytes(this.#nameOf(id, name), keys.get(name));
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

  /** Deletes the bytes that a job's record names, whichever process put them. Nobody waits until they are gone. */
  delete(job: Job): void {
    this.deleteAll(job.id, this.#kind === 'input' ? inputKeys(job) : outputKeys(job));
  }

  /** As `delete`, without a record. @param keys as `put` gave them */
  deleteAll(id: string, keys: Iterable<readonly [name: string, key: string]>): void {
    for (const [name, key] of keys) this.#deleteBytes(this.#nameOf(id, name), key);
  }

  #nameOf(id: string, name: string): string {
    return `${id}/${this.#kind}/${name}`;
  }

  #deleteBytes(blob: string, key: string | undefined): void {
    void this.#background.run(`delete ${blob} ${key}`, () => this.#blobs.delete(blob, key));
  }
}

function* inputKeys({ request }: Job): Generator<[string, string], void> {
  for (const [name, { key }] of Object.entries(request.files)) if (key !== undefined) yield [name, key];
}

function* outputKeys(job: Job): Generator<[string, string], void> {
  if (job.status !== 'completed') return;
  for (const [n, { key }] of job.result.outputs.entries()) if (key !== undefined) yield [String(n), key];
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoredFileGone) return undefined;
    throw error;
  }
}
