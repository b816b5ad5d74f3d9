/** The interface of the budget for its reservations. */
interface Account {
  grow(reservation: UploadReservation, bytes: number): void;
  received(reservation: UploadReservation): void;
  release(reservation: UploadReservation): void;
}

/** The memory of one upload: its received bytes that are still there. */
export class UploadReservation {
  /** Announced bytes. */
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

  /** Received bytes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes memory for received bytes. If there is not enough, an upload is aborted, possibly this one. */
  grow(bytes: number): void {
    if (!this.#isHeld) return;
    this.#bytes += bytes;
    this.#account.grow(this, bytes);
  }

  /** Releases memory of bytes that have left it. */
  shrink(bytes: number): void {
    this.grow(-bytes);
  }

  /** Marks the upload as complete: it is no longer aborted. */
  complete(): void {
    if (this.#isHeld) this.#account.received(this);
  }

  /** Releases the memory; further calls do nothing. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#account.release(this);
  }

  /** Releases the memory before the upload is complete. */
  cutOff(): void {
    this.release();
    this.#onCutOff();
  }
}
