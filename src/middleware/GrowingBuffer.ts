/** Initial size: a declared length may never arrive. */
const FIRST_BYTES = 128 * 1024;
/** Growth factor of the buffer, if the expected size is larger. */
const GROWTH = 8;
/**
 * The buffer grows to its expected size if that is at most this many times its size. Otherwise a file of slightly more
 * than 1 MB is copied twice. Memory is at most this many times the received bytes.
 */
const LAST_GROWTH = 2 * GROWTH;
/** A file that fills less of its buffer is copied into a smaller one. */
const LEAST_FILL = 0.9;

/** Collects bytes in a buffer that grows on demand. */
export class GrowingBuffer {
  readonly #expected: number;
  #buffer: Buffer;
  #size = 0;
  #isDiscarded = false;

  /** @param expected upper limit, 0 if unknown */
  constructor(expected: number) {
    this.#expected = expected;
    // A pooled buffer would keep its whole slab alive as long as the job is kept.
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(expected || FIRST_BYTES, FIRST_BYTES));
  }

  append(part: Buffer): void {
    if (this.#isDiscarded) return;
    const needed = this.#size + part.length;
    if (needed > this.#buffer.length) this.#resize(this.#roomFor(needed));
    this.#size += part.copy(this.#buffer, this.#size);
  }

  /** Returns the received bytes; nothing may be appended afterwards. */
  take(): Buffer {
    if (this.#size < LEAST_FILL * this.#buffer.length) this.#resize(this.#size);
    return this.#buffer.subarray(0, this.#size);
  }

  discard(): void {
    this.#isDiscarded = true;
    this.#buffer = Buffer.alloc(0);
    this.#size = 0;
  }

  #roomFor(needed: number): number {
    const { length } = this.#buffer;
    if (needed > this.#expected) return Math.max(needed, 2 * length);
    return this.#expected <= LAST_GROWTH * length ? this.#expected : Math.max(needed, GROWTH * length);
  }

  #resize(bytes: number): void {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    this.#buffer.copy(buffer, 0, 0, this.#size);
    this.#buffer = buffer;
  }
}
