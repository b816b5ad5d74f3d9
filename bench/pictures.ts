import { randomBytes } from 'node:crypto';
import sharp from 'sharp';

/** What most cases are measured with: a small image, and a photo. */
export const SMALL_BYTES = 12_000;
export const LARGE_BYTES = 1_000_000;
/** Where only the number of jobs matters. */
export const TINY_BYTES = 300;

/** Length of the comment that makes each copy of a picture another one: its keyword, and a number behind it. */
const TAG_BYTES = 12;
/** What comes before the number in the comment's chunk: the chunk's length, its type and the keyword. */
const CHUNK_HEAD = Buffer.from([0, 0, 0, TAG_BYTES, ...Buffer.from('tEXtn\0')]);
const DIGITS = 10;
/** Signature and IHDR, both of fixed length: the comment follows them. */
const HEAD_BYTES = 33;

/** Copies that are in memory: more than are ever under way at the same time. */
const COPIES = 32;

/** The form in which a picture is posted, around its bytes. */
export const BOUNDARY = 'bench-boundary';
const FORM_HEAD = Buffer.from(
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="imageFile"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n`,
);
const FORM_TAIL = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);

/** One copy of a picture, until `COPIES` others were made. */
export interface Copy {
  readonly png: Buffer;
  /** With the form's lines before and behind it. */
  readonly form: Buffer;
}

/**
 * A PNG of about `bytes` bytes, of which copies can be made that differ: ComfyUI would answer the same picture from
 * its cache. The same few buffers are written again, so that the load has no garbage of megabytes to collect, on the
 * cores that it shares with the server.
 */
export class Picture {
  readonly #png: Buffer;
  readonly #copies: Copy[] = [];
  #count = 0;

  private constructor(png: Buffer) {
    this.#png = png;
  }

  static async ofSize(bytes: number): Promise<Picture> {
    // Noise does not shrink: three bytes a pixel.
    const side = Math.max(8, Math.round(Math.sqrt(bytes / 3)));
    const raw = { width: side, height: side, channels: 3 as const };
    const png = await sharp(randomBytes(side * side * 3), { raw })
      .png({ compressionLevel: 1 })
      .toBuffer();
    // The number, which each copy writes, and a checksum, which nobody looks at.
    const rest = Buffer.alloc(DIGITS + 4);
    const parts = [png.subarray(0, HEAD_BYTES), CHUNK_HEAD, rest, png.subarray(HEAD_BYTES)];
    return new Picture(Buffer.concat(parts));
  }

  get bytes(): number {
    return this.#png.length;
  }

  /** A copy that no other is like. */
  next(): Copy {
    const slot = this.#count % COPIES;
    const copy = this.#copies[slot] ?? this.#makeCopy();
    this.#copies[slot] = copy;
    this.#count += 1;
    copy.png.write(String(this.#count).padStart(DIGITS, '0'), HEAD_BYTES + CHUNK_HEAD.length);
    return copy;
  }

  #makeCopy(): Copy {
    const form = Buffer.concat([FORM_HEAD, this.#png, FORM_TAIL]);
    return { form, png: form.subarray(FORM_HEAD.length, FORM_HEAD.length + this.#png.length) };
  }
}
