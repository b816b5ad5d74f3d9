/**
 * Initial size: a declared length may never arrive. A file of 1 MB grows once from here, in half the time that
 * growing twice takes.
 */
const FIRST_BYTES = 128 * 1024;
/** Growth factor of the buffer: memory is at most this many times the received bytes. */
const GROWTH = 8;
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
    const isKnown = needed <= this.#expected;
    const grown = isKnown ? Math.min(this.#expected, GROWTH * this.#buffer.length) : 2 * this.#buffer.length;
    return Math.max(needed, grown);
  }

  #resize(bytes: number): void {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    this.#buffer.copy(buffer, 0, 0, this.#size);
    this.#buffer = buffer;
  }
}
