import { DeadlineExceeded } from '../../utils/deadline.js';
import { type Content, StoredFileGone, wholeOf } from '../../utils/StoredFile.js';
import { StoreUnavailable } from '../assets/StoreUnavailable.js';
import type { BackgroundWork } from './BackgroundWork.js';
import type { BlobStore, StoredBytes } from './BlobStore.js';
import { committedOutputs } from './committedOutputs.js';
import type { Job } from './Job.js';
import type { StoreCalls } from './StoreCalls.js';

/** The location of one file's bytes, as in the job's record. */
interface Place {
  readonly key?: string | undefined;
  readonly sizeBytes: number;
}

/** The inputs of jobs, by name, or their outputs, by place or number. None stays in the store forever. */
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
   * Stores all of a job's bytes.
   * @returns their keys, by the same names
   * @throws the rejection of the store; nothing is left then
   */
  async put(id: string, all: ReadonlyMap<string, Content>): Promise<ReadonlyMap<string, string>> {
    const keys = new Map<string, string>();
    try {
      for (const [name, content] of all) {
        const blob = this.#nameOf(id, name);
        // An abandoned call may arrive after the cleanup.
        const onLate = (key?: string) => this.#deleteBytes(blob, key);
        const put = () => this.#calls.retried(() => this.#blobs.put(blob, content), onLate);
        // A client can be told to repeat its upload; the output of a machine must not be lost.
        const stored = this.#kind === 'output' ? this.#calls.patiently(put) : put();
        keys.set(name, await inTime(stored));
      }
      return keys;
    } catch (error) {
      // They may be stored although the call failed.
      for (const name of all.keys()) this.#deleteBytes(this.#nameOf(id, name), keys.get(name));
      throw error;
    }
  }

  /** The bytes, or the file outside of memory; undefined if they are gone. */
  async get({ key, sizeBytes }: Place): Promise<Buffer | StoredBytes | undefined> {
    if (key === undefined) return undefined;
    return inTime(this.#calls.retried(() => this.#blobs.get(key, sizeBytes)));
  }

  /** All bytes at once, wherever they are; undefined if they are gone. */
  async whole({ key, sizeBytes }: Place): Promise<Buffer | undefined> {
    if (key === undefined) return undefined;
    const read = async () => {
      const content = await this.#blobs.get(key, sizeBytes);
      return Buffer.isBuffer(content) ? content : content && unlessGone(wholeOf(content));
    };
    return inTime(this.#calls.retried(read));
  }

  /** Deletes the bytes named in a job's record, whichever process stored them. Not awaited. */
  delete(job: Job): void {
    this.deleteAll(job.id, this.#kind === 'input' ? inputKeys(job) : outputKeys(job));
  }

  /** Like `delete`, without a record. @param keys from `put` */
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
  for (const [n, { place, key }] of committedOutputs(job).entries()) {
    if (key !== undefined) yield [place ?? String(n), key];
  }
}

/** @throws StoreUnavailable if the call took too long */
async function inTime<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof DeadlineExceeded ? new StoreUnavailable(error) : error;
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
