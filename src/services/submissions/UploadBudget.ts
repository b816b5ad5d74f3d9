import { AppError } from '../../errors.js';
import { UploadReservation } from './UploadReservation.js';

interface ClientShare {
  /** Its uploads that still come, in the order in which they began. */
  readonly receiving: Set<UploadReservation>;
  /** Its uploads, also those that have come. */
  uploads: number;
  /** Bytes that were announced for them. */
  expected: number;
  /** Bytes that have come of them. */
  bytes: number;
}

/**
 * Memory for uploads that are being received. Clients share it by what really came from them:
 * - what a client announces counts against itself alone, so that its uploads beyond all memory are refused early;
 * - when the memory is full, the newest upload of the client that has most of it makes room: a client that is alone
 *   may have all of it, and others find their share whenever they come.
 *
 * So one client cannot lock others out, neither by many slow uploads nor by lengths that it announces and never
 * sends. Many addresses together can make every share small: only keys, or a proxy in front, help against that.
 */
export class UploadBudget {
  /** What all uploads together may have. */
  readonly maxBytes: number;
  readonly #retryAfterSeconds: () => number;
  readonly #shares = new Map<string, ClientShare>();
  #bytes = 0;

  /** @param retryAfterSeconds for a client that finds no room */
  constructor(maxBytes: number, retryAfterSeconds: () => number) {
    this.maxBytes = maxBytes;
    this.#retryAfterSeconds = retryAfterSeconds;
  }

  /** What all uploads together have at present. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Begins an upload.
   * @param expected bytes that it has at most
   * @param onCutOff called when it makes room for others: what came of it must be let go
   * @throws AppError `QUEUE_FULL` when the client has as much under way as it may
   */
  begin(client: string, expected: number, onCutOff: (why: AppError) => void): UploadReservation {
    const share = this.#shares.get(client) ?? { receiving: new Set(), uploads: 0, expected: 0, bytes: 0 };
    // One that is alone may begin, whatever it announces: it has to make room when it is as large as that.
    if (share.expected > 0 && share.expected + expected > this.maxBytes) throw this.#full();
    const reservation = new UploadReservation(
      expected,
      {
        grow: (_, bytes) => this.#grow(share, bytes),
        received: (whole) => void share.receiving.delete(whole),
        release: (released) => this.#release(client, share, released),
      },
      () => onCutOff(this.#full()),
    );
    this.#shares.set(client, share);
    share.receiving.add(reservation);
    share.uploads += 1;
    share.expected += expected;
    return reservation;
  }

  #grow(share: ClientShare, bytes: number): void {
    share.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.maxBytes) {
      const newest = this.#newestOfLargest();
      // The ones that have come are about to be given back.
      if (!newest) return;
      newest.cutOff();
    }
  }

  /** The newest upload of the client that has most, among the clients whose uploads still come. */
  #newestOfLargest(): UploadReservation | undefined {
    let largest: ClientShare | undefined;
    for (const share of this.#shares.values()) {
      if (share.receiving.size > 0 && share.bytes > (largest?.bytes ?? -1)) largest = share;
    }
    return largest && [...largest.receiving].at(-1);
  }

  #release(client: string, share: ClientShare, released: UploadReservation): void {
    share.receiving.delete(released);
    share.uploads -= 1;
    share.expected -= released.expected;
    share.bytes -= released.bytes;
    this.#bytes -= released.bytes;
    if (share.uploads === 0) this.#shares.delete(client);
  }

  #full(): AppError {
    return new AppError('QUEUE_FULL', 'Too many uploads are being received.', {
      retryAfterSeconds: this.#retryAfterSeconds(),
    });
  }
}
