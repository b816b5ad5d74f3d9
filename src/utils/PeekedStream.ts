import type { Readable } from 'node:stream';

/** A stream whose beginning can be inspected before it is read. */
export class PeekedStream {
  readonly #source: AsyncIterator<Buffer>;
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  #isWhole = false;

  constructor(source: Readable) {
    this.#source = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** Whether the end has been reached. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /**
   * Reads until this many bytes are available, or the end.
   * @returns the bytes so far, possibly more
   * @throws the error of the stream
   */
  async peek(bytes: number): Promise<Buffer> {
    while (!this.#isWhole && this.#bytes < bytes) {
      const { done, value } = await this.#source.next();
      if (done === true) this.#isWhole = true;
      else {
        this.#parts.push(value);
        this.#bytes += value.length;
      }
    }
    return Buffer.concat(this.#parts);
  }

  /** The whole stream, from its first byte. Can be read once; nothing can be inspected afterwards. */
  async *all(): AsyncGenerator<Buffer, void> {
    // Yielded one by one, so that they are not kept until the end.
    for (let part = this.#parts.shift(); part; part = this.#parts.shift()) yield part;
    if (!this.#isWhole) yield* { [Symbol.asyncIterator]: () => this.#source };
  }
}
