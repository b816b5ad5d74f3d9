import type { Readable } from 'node:stream';
import { AppError, isQueueAway } from '../../errors.js';
import { PeekedStream } from '../../utils/PeekedStream.js';
import type { Content, StoredFile } from '../../utils/StoredFile.js';
import type { HeldBytes, StoredBytes, StreamStore } from './BlobStore.js';
import { type FileNature, HEAD_BYTES, natureOf } from './outputKind.js';
import type { StoreCalls } from './StoreCalls.js';

/** The store did not take an output. */
export class OutputNotStored extends Error {
  override name = 'OutputNotStored';

  constructor(cause: unknown) {
    super('An output could not be stored.', { cause });
  }
}

/**
 * Takes what one attempt of a job makes, where outputs are kept outside of memory. Images are to be finished and stay in
 * memory while there is room; everything else, and what is too much, goes to the store while it comes. All of it is held
 * until `release`.
 */
export class OutputIntake {
  readonly #store: StreamStore;
  readonly #calls: StoreCalls;
  readonly #natures = new WeakMap<StoredFile, FileNature>();
  readonly #held: HeldBytes[] = [];
  #room: number;

  /** @param roomBytes of images, and of what is no longer than a head, that are in memory until they are finished */
  constructor(store: StreamStore, calls: StoreCalls, roomBytes: number) {
    this.#store = store;
    this.#calls = calls;
    this.#room = roomBytes;
  }

  /**
   * Takes a file as it comes.
   * @param filename as ComfyUI called it
   * @throws OutputNotStored, or what the body fails with
   */
  receive = async (body: Readable, filename: string): Promise<Content> => {
    const stream = new PeekedStream(body);
    const head = await stream.peek(HEAD_BYTES);
    const nature = await natureOf(head.subarray(0, HEAD_BYTES), filename);
    const bytes = nature.kind === 'image' ? await stream.peek(this.#room + 1) : head;
    if (stream.isWhole && bytes.length <= this.#room) {
      this.#room -= bytes.length;
      return bytes;
    }
    // What the machine sends is read once: it waits where it is stored until it can be held.
    const hold = (take: () => Promise<void>) => this.#calls.patiently(take);
    const stored = await this.#stored(this.#store.putStream(stream.all(), { hold }));
    this.#natures.set(stored, nature);
    return stored;
  };

  /** What a file is that was received into the store. */
  natureOf(file: StoredFile): FileNature | undefined {
    return this.#natures.get(file);
  }

  /** Brings an output that is finished out of memory. @throws OutputNotStored */
  async keep(content: Content): Promise<Content> {
    if (!Buffer.isBuffer(content)) return content;
    // A call that was given up may arrive when all is released.
    const onLate = (late?: HeldBytes) => late?.release();
    const put = () => this.#calls.retried(() => this.#store.putStream(content), onLate);
    return this.#stored(this.#calls.patiently(put));
  }

  /** Lets go of everything; whoever wants some of it holds it by now. */
  release(): void {
    for (const file of this.#held.splice(0)) file.release();
  }

  async #stored(work: Promise<HeldBytes>): Promise<StoredBytes> {
    try {
      const stored = await work;
      this.#held.push(stored);
      return stored;
    } catch (error) {
      // Other errors of ours are about the machine that sends it.
      throw error instanceof AppError && !isQueueAway(error) ? error : new OutputNotStored(error);
    }
  }
}
