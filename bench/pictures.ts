import { randomBytes } from 'node:crypto';
import sharp from 'sharp';

/** What most cases are measured with: a small image, and a photo. */
export const SMALL_BYTES = 12_000;
export const LARGE_BYTES = 1_000_000;
/** Where only the number of jobs matters. */
export const TINY_BYTES = 300;

/** Length of the comment that makes each copy of a picture another one. */
const TAG_BYTES = 12;

/**
 * A PNG of about `bytes` bytes, of which copies can be made that differ: ComfyUI would answer the same picture from
 * its cache.
 */
export class Picture {
  readonly #head: Buffer;
  readonly #tail: Buffer;
  #count = 0;

  private constructor(png: Buffer) {
    // Behind the signature and IHDR, both of fixed length.
    this.#head = png.subarray(0, 33);
    this.#tail = png.subarray(33);
  }

  static async ofSize(bytes: number): Promise<Picture> {
    // Noise does not shrink: three bytes a pixel.
    const side = Math.max(8, Math.round(Math.sqrt(bytes / 3)));
    const raw = { width: side, height: side, channels: 3 as const };
    return new Picture(
      await sharp(randomBytes(side * side * 3), { raw })
        .png({ compressionLevel: 1 })
        .toBuffer(),
    );
  }

  get bytes(): number {
    return this.#head.length + this.#tail.length + TAG_BYTES + 12;
  }

  /** A copy that no other is like. */
  next(): Buffer {
    this.#count += 1;
    const tag = `n\0${String(this.#count).padStart(TAG_BYTES - 2, '0')}`;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(TAG_BYTES);
    const chunk = Buffer.concat([length, Buffer.from('tEXt'), Buffer.from(tag), Buffer.alloc(4)]);
    return Buffer.concat([this.#head, chunk, this.#tail]);
  }
}
