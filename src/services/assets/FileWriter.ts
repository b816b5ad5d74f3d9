import type { FileHandle } from 'node:fs/promises';

/** What may wait for a slow disk, of one file, before no more of it is taken. */
const WAITING_BYTES = 256 * 1024;

/** Writes behind each other what arrives: while one part is written the next ones gather, and go together. */
export class FileWriter {
  readonly #file: FileHandle;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Takes bytes, which nobody may change until they are written. Resolves when there is room for more.
   * @throws what an earlier write failed with
   */
  async add(bytes: Buffer): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#writing === undefined) {
      this.#writing = this.#write();
      // Whoever adds more or finishes hears of it.
      this.#writing.catch(() => undefined);
    } else if (this.#waitingBytes >= WAITING_BYTES) {
      await this.#writing;
    }
  }

  /** Resolves when all bytes are written. @throws what a write failed with */
  async finish(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = joined(this.#waiting);
      this.#waiting = [];
      this.#waitingBytes = 0;
      // The system may take less at a time than it is given.
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
    }
    this.#writing = undefined;
  }
}

/** A copy costs less than a write for each of a few small parts. */
function joined(parts: readonly Buffer[]): Buffer {
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only : Buffer.concat(parts);
}
