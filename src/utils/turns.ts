/** Work on fewer bytes takes no noticeable time. */
const SMALL_BYTES = 64 * 1024;
/** Bytes to process in one turn of the event loop; a larger piece has a turn of its own. */
const BYTES_A_TURN = 1024 * 1024;

interface Piece {
  readonly bytes: number;
  begin(): void;
}

/**
 * Distributes work on large images over turns of the event loop, first come, first served. Otherwise many images that
 * are ready in the same turn would block all small requests until the last one is done.
 */
export class Turns {
  readonly #waiting: Piece[] = [];

  /** Resolves when work on `bytes` may start: in a later turn, or at once for a small number. */
  async take(bytes: number): Promise<void> {
    if (bytes <= SMALL_BYTES) return;
    await new Promise<void>((begin) => {
      this.#waiting.push({ bytes, begin });
      if (this.#waiting.length === 1) setImmediate(this.#nextTurn);
    });
  }

  readonly #nextTurn = (): void => {
    let left = BYTES_A_TURN;
    for (;;) {
      const piece = this.#waiting[0];
      if (!piece || (piece.bytes > left && left < BYTES_A_TURN)) break;
      this.#waiting.shift();
      left -= piece.bytes;
      piece.begin();
    }
    if (this.#waiting.length > 0) setImmediate(this.#nextTurn);
  };
}
