import { type Eraser, fill, look, put, skip } from './steps.js';

/** Boxes that consist of boxes. Others are skipped as a whole. */
const CONTAINERS: ReadonlySet<string> = new Set(['moov', 'trak']);
/** Boxes with metadata: of ffmpeg, of QuickTime, of phones (such as the place where a video was recorded). */
const METADATA: ReadonlySet<string> = new Set(['udta', 'meta']);
/** The type of a box with XMP, in 16 bytes. */
const XMP = 'be7acfcb97a942e89c71999491e3afac';

/** MP4, QuickTime, M4A (ISO/IEC 14496-12): boxes with metadata become free space. Not for AVIF and HEIF, which store images in such boxes. */
export function* eraseIsoMedia(): Eraser {
  for (;;) {
    // Size and type, the size again in 8 bytes if it is large, and a user type.
    const head = yield* look(32);
    if (head.length < 8) return;
    const type = head.toString('latin1', 4, 8);
    const isLarge = head.readUInt32BE(0) === 1 && head.length >= 16;
    const headBytes = isLarge ? 16 : 8;
    const bytes = isLarge ? Number(head.readBigUInt64BE(8)) : head.readUInt32BE(0);
    // Until the end of the file (0), or damaged.
    if (bytes < headBytes) return;
    const isXmp = type === 'uuid' && head.toString('hex', headBytes, headBytes + 16) === XMP;
    if (CONTAINERS.has(type)) yield* skip(headBytes);
    else if (METADATA.has(type) || isXmp) {
      yield* skip(4);
      yield* put(Buffer.from('free'));
      yield* skip(headBytes - 8);
      yield* fill(bytes - headBytes);
    } else yield* skip(bytes);
  }
}
