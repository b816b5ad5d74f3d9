import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { crc32 } from '../src/utils/crc32.js';

/** Pixels and bytes of an image. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

/** The images of most cases: a small one, and one of a megapixel. */
export const SMALL: PictureSize = { width: 64, height: 64, bytes: 12_000 };
export const LARGE: PictureSize = { width: 1000, height: 1000, bytes: 1_000_000 };
/** The sizes of most cases, with the names that tables give them. */
export const SIZES = [
  ['12 KB', SMALL],
  ['1 MB', LARGE],
] as const;
/** As large as a phone's photo, in pixels and in bytes. */
export const PHOTO: PictureSize = { width: 4000, height: 3000, bytes: 3_900_000 };
/** For cases in which only the number of jobs matters. */
export const TINY: PictureSize = { width: 10, height: 10, bytes: 300 };

const DIGITS = 10;
const CHECKSUM_BYTES = 4;
/** The comment that makes each copy of an image unique: length, type, keyword and number. */
const TAG_HEAD = Buffer.from('tEXtn\0');
const TAG_LENGTH = Buffer.from([0, 0, 0, TAG_HEAD.length - 4 + DIGITS]);
/** Signature and IHDR, both of fixed length, are before the comment. */
const HEAD_BYTES = 33;
const TAG_AT = HEAD_BYTES + TAG_LENGTH.length;
const TAG_END = TAG_AT + TAG_HEAD.length + DIGITS;

/** Number of copies in memory: more than are ever in use at the same time. */
const COPIES = 16;

/** The form around an image's bytes. */
export const BOUNDARY = 'bench-boundary';
const FORM_HEAD = Buffer.from(
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="imageFile"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n`,
);
const FORM_TAIL = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);

/** One copy of an image, valid until `COPIES` others were made. */
export interface Copy {
  readonly png: Buffer;
  /** With the form's lines before and after it. */
  readonly form: Buffer;
}

/**
 * A PNG that makes unique copies: ComfyUI would take the result of the same image from its cache. It reuses a few buffers, so
 * that the load generator does not collect megabytes of garbage on the cores that it shares with the server.
 */
export class Picture {
  readonly #png: Buffer;
  readonly #copies: Copy[] = [];
  #count = 0;

  private constructor(png: Buffer) {
    this.#png = png;
  }

  static async ofSize({ width, height, bytes }: PictureSize): Promise<Picture> {
    // Noise cannot be compressed, and black takes almost no space.
    const pixels = Buffer.alloc(width * height * 3);
    randomBytes(Math.min(bytes, pixels.length)).copy(pixels);
    const raw = { width, height, channels: 3 as const };
    const png = await sharp(pixels, { raw }).png({ compressionLevel: 1 }).toBuffer();
    // The number and the checksum are written for each copy.
    const rest = Buffer.alloc(DIGITS + CHECKSUM_BYTES);
    const parts = [png.subarray(0, HEAD_BYTES), TAG_LENGTH, TAG_HEAD, rest, png.subarray(HEAD_BYTES)];
    return new Picture(Buffer.concat(parts));
  }

  get bytes(): number {
    return this.#png.length;
  }

  /** Returns a unique copy. */
  next(): Copy {
    const slot = this.#count % COPIES;
    const copy = this.#copies[slot] ?? this.#makeCopy();
    this.#copies[slot] = copy;
    this.#count += 1;
    copy.png.write(String(this.#count).padStart(DIGITS, '0'), TAG_END - DIGITS);
    copy.png.writeUInt32BE(crc32(copy.png.subarray(TAG_AT, TAG_END)), TAG_END);
    return copy;
  }

  #makeCopy(): Copy {
    const form = Buffer.concat([FORM_HEAD, this.#png, FORM_TAIL]);
    return { form, png: form.subarray(FORM_HEAD.length, FORM_HEAD.length + this.#png.length) };
  }
}
