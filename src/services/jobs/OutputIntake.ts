import { Readable } from 'node:stream';
import { AppError, isQueueAway } from '../../errors.js';
import { PeekedStream } from '../../utils/PeekedStream.js';
import type { Content, StoredFile } from '../../utils/StoredFile.js';
import type { HeldBytes, StoredBytes, StreamStore } from './BlobStore.js';
import { type FileNature, HEAD_BYTES, natureOf } from './outputKind.js';
import { OwnFileCheck, wrongResult } from './ownFiles.js';
import type { StoreCalls } from './StoreCalls.js';

/** The store rejected an output. */
export class OutputNotStored extends Error {
  override name = 'OutputNotStored';

  constructor(cause: unknown) {
    super('An output could not be stored.', { cause });
  }
}

/**
 * Receives the outputs of one attempt of a job, if outputs are stored outside of memory. Images that must be finished
 * stay in memory while there is room; everything else is streamed to the store. All of it is held until `release`.
 */
export class OutputIntake {
  readonly #store: StreamStore;
  readonly #calls: StoreCalls;
  readonly #natures = new WeakMap<StoredFile, FileNature>();
  readonly #held: HeldBytes[] = [];
  #room: number;
  /** Since when the store has taken no stream; by the monotonic clock. */
  #awaySince: number | undefined;

  /** @param roomBytes memory for images, and for files not longer than a head, until they are finished */
  constructor(store: StreamStore, calls: StoreCalls, roomBytes: number) {
    this.#store = store;
    this.#calls = calls;
    this.#room = roomBytes;
  }

  /**
   * Receives a file as a stream. What is stored has lost its metadata with the prompt; a file in memory still has it.
   * @param filename as ComfyUI named it
   * @param mark of the prompt that must have made it, if the metadata tell
   * @throws OutputNotStored, or the error of the body; AppError `QUEUE_UNAVAILABLE` if the file should be fetched again; PromptError
   * `wrong result`
   */
  receive = async (body: Readable, filename: string, mark: string | undefined): Promise<Content> => {
    const stream = new PeekedStream(body);
    const head = await stream.peek(HEAD_BYTES);
    const nature = await natureOf(head.subarray(0, HEAD_BYTES), filename);
    const bytes = nature.kind === 'image' ? await stream.peek(this.#room + 1) : head;
    if (stream.isWhole && bytes.length <= this.#room) {
      this.#room -= bytes.length;
      return bytes;
    }
    // The machine sends it only once: it stays in the store until it can be held.
    const hold = (take: () => Promise<void>) => this.#calls.patiently(take);
    const check = new OwnFileCheck(nature, filename, mark);
    const source = Readable.from(check.passed(stream.all()), { objectMode: false });
    this.#awaySince ??= performance.now();
    const stored = await this.#stored(this.#store.putStream(source, { hold }), this.#mayComeBack);
    this.#awaySince = undefined;
    if (!check.isOwn) throw wrongResult();
    this.#natures.set(stored, nature);
    return stored;
  };

  /** The type of a file that was streamed to the store. */
  natureOf(file: StoredFile): FileNature | undefined {
    return this.#natures.get(file);
  }

  /** Moves a finished output out of memory. @throws OutputNotStored */
  async keep(content: Content): Promise<Content> {
    if (!Buffer.isBuffer(content)) return content;
    // An abandoned call may arrive after the release.
    const onLate = (late?: HeldBytes) => late?.release();
    const put = () => this.#calls.retried(() => this.#store.putStream(content), onLate);
    return this.#stored(this.#calls.patiently(put));
  }

  /** Releases all outputs; those that are still needed have another hold by now. */
  release(): void {
    for (const file of this.#held.splice(0)) file.release();
  }

  /** Whether a file whose stream is lost should be fetched again, because the store may take it then. */
  readonly #mayComeBack = (error: unknown): boolean =>
    isQueueAway(error) && performance.now() - (this.#awaySince ?? 0) < this.#calls.patienceMs;

  /** @param isPassedOn whether the caller can repeat the work after this error */
  async #stored(
    work: Promise<HeldBytes>,
    isPassedOn: (error: unknown) => boolean = () => false,
  ): Promise<StoredBytes> {
    try {
      const stored = await work;
      this.#held.push(stored);
      // It is read again when the output is finished, and cannot be produced again.
      return { ...stored, open: (range) => this.#calls.patiently(() => stored.open(range)) };
    } catch (error) {
      // Other errors here are about the machine that sends it.
      if (isPassedOn(error) || (error instanceof AppError && !isQueueAway(error))) throw error;
      throw new OutputNotStored(error);
    }
  }
}
