import { AppError } from '../../errors.js';
import { UploadReservation } from './UploadReservation.js';

interface ClientShare {
  /** Its uploads in progress, oldest first. */
  readonly receiving: Set<UploadReservation>;
  /** Its uploads, including complete ones. */
  uploads: number;
  /** Announced bytes. */
  expected: number;
  /** Received bytes. */
  bytes: number;
}

/**
 * Memory for uploads in progress. Clients share it by received bytes:
 * - announced bytes count against the client itself only, so that uploads beyond the whole memory are rejected early;
 * - if the memory is exhausted, the newest upload of the client that uses most of it is aborted: a single client may
 * use all of it, and others get their share whenever they come.
 * ¶ So one client cannot lock others out, neither by many slow uploads nor by announced lengths that never arrive.
 * Many addresses together can make every share small: only keys, or a proxy in front, help against that.
 */
export class UploadBudget {
  /** Maximum size of all uploads together, bytes. */
  readonly maxBytes: number;
  readonly #retryAfterSeconds: () => number;
  readonly #shares = new Map<string, ClientShare>();
  #bytes = 0;

  /** @param retryAfterSeconds for a rejected client */
  constructor(maxBytes: number, retryAfterSeconds: () => number) {
    this.maxBytes = maxBytes;
    this.#retryAfterSeconds = retryAfterSeconds;
  }

  /** Current size of all uploads together, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Starts an upload.
   * @param expected maximum size in bytes
   * @param onCutOff called when the upload is aborted to make room: its bytes must be released
   * @throws AppError `QUEUE_FULL` if the client has announced too much
   */
  begin(client: string, expected: number, onCutOff: (why: AppError) => void): UploadReservation {
    const share = this.#shares.get(client) ?? { receiving: new Set(), uploads: 0, expected: 0, bytes: 0 };
    // A client's only upload may start whatever size it announces: if it gets too large, it is aborted.
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
      // Complete uploads are about to be released.
      if (!newest) return;
      newest.cutOff();
    }
  }

  /** Returns the newest upload of the client that uses most, among the clients with uploads in progress. */
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
