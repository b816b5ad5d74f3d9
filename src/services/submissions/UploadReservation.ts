/** What a reservation asks of its budget. */
interface Account {
  grow(reservation: UploadReservation, bytes: number): void;
  received(reservation: UploadReservation): void;
  release(reservation: UploadReservation): void;
}

/** Memory of one upload, as much as has come of it and is still there. */
export class UploadReservation {
  /** Bytes that were announced. */
  readonly expected: number;
  readonly #account: Account;
  readonly #onCutOff: () => void;
  #bytes = 0;
  #isHeld = true;

  constructor(expected: number, account: Account, onCutOff: () => void) {
    this.expected = expected;
    this.#account = account;
    this.#onCutOff = onCutOff;
  }

  /** Bytes that have come and are in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes memory for bytes that came. To make room, an upload is cut off: maybe this one. */
  grow(bytes: number): void {
    if (!this.#isHeld) return;
    this.#bytes += bytes;
    this.#account.grow(this, bytes);
  }

  /** Gives back memory of bytes that are elsewhere by now. */
  shrink(bytes: number): void {
    this.grow(-bytes);
  }

  /** Tells that all has come: it is not cut off any more. */
  complete(): void {
    if (this.#isHeld) this.#account.received(this);
  }

  /** Gives the memory back; further calls do nothing. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#account.release(this);
  }

  /** Gives the memory back before all has come. */
  cutOff(): void {
    this.release();
    this.#onCutOff();
  }
}
