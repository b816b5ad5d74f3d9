import type { FileHandle } from 'node:fs/promises';
import { joined } from '../../utils/joined.js';

/** Bytes of one file that may wait for a slow disk. */
const WAITING_BYTES = 256 * 1024;

/** Writes bytes sequentially: those that arrive during a write are combined into the next one. */
export class FileWriter {
  readonly #file: FileHandle;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Takes bytes, which must not change until they are written. Resolves when there is room for more.
   * @throws the error of an earlier write
   */
  async add(bytes: Buffer): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#writing === undefined) {
      this.#writing = this.#write();
      // The next `add` or `finish` reports it.
      this.#writing.catch(() => undefined);
    } else if (this.#waitingBytes >= WAITING_BYTES) {
      await this.#writing;
    }
  }

  /** Resolves when all bytes are written. @throws the error of a write */
  async finish(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      // A copy costs less than several writes of small parts.
      const bytes = joined(this.#waiting);
      this.#waiting = [];
      this.#waitingBytes = 0;
      // The system may write fewer bytes than requested.
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
    }
    this.#writing = undefined;
  }
}
