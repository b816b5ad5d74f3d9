import { Readable } from 'node:stream';

/** Yields bytes in pieces of an odd size, and then ends, throws an error, or stalls. */
export function arriving(
  bytes: Buffer,
  then: 'end' | Error | 'silence' = 'end',
  pieceBytes = 99_991,
): Readable {
  let at = 0;
  return new Readable({
    read() {
      const piece = bytes.subarray(at, at + pieceBytes);
      at += piece.length;
      if (piece.length > 0) this.push(piece);
      else if (then === 'end') this.push(null);
      else if (then !== 'silence') this.destroy(then);
    },
  });
}

/** A stream that never ends. */
export function endless(): Readable {
  return new Readable({
    read() {
      this.push(Buffer.alloc(64 * 1024));
    },
  });
}
