import zlib from 'node:zlib';
import { crc32 } from '../../utils/crc32.js';
import {
  hasExifPrefix,
  type Orientation,
  readOrientation,
  UPRIGHT,
  withoutExifPrefix,
  xmpDisagrees,
} from './exif.js';
import { maxChunks, type PngChunk, pngChunks } from './pngChunks.js';
import { isWellFormed } from './pngForms.js';

/** Bytes of compressed pixels that are decompressed as a test. */
const SAMPLE_BYTES = 512;
const MAX_FILTER = 4;
/** Chunks that decoding requires. */
const NEEDED = new Set(['IHDR', 'PLTE', 'IDAT']);
/** Chunks that may occur only once, and before the pixels. */
const BEFORE_PIXELS = new Set(['PLTE', 'tRNS', 'gAMA', 'cHRM', 'sRGB', 'iCCP', 'cICP']);

/** One pass over a PNG's chunks. */
export class PngFile {
  /** The data of the first chunk of each kind that describes the pixels. */
  readonly first = new Map<string, Buffer>();
  readonly pixels: Buffer[] = [];
  orientation: Orientation = UPRIGHT;
  damage: string | undefined;
  oddity: string | undefined;
  #problem: string | undefined;
  #headers = 0;
  #colourType = 0;
  #arePixelsOver = false;
  #hasExif = false;
  readonly #xmp: Buffer[] = [];

  constructor(bytes: Buffer) {
    let last: PngChunk | undefined;
    let chunks = 0;
    for (const chunk of pngChunks(bytes)) {
      chunks += 1;
      if (chunks > maxChunks(bytes)) {
        this.#problem ??= 'it is in too many pieces';
        break;
      }
      this.#take(chunk);
      last = chunk;
    }
    if (last?.name !== 'IEND') this.damage ??= 'the PNG ends before its IEND chunk';
    if (this.#xmp.some((xmp) => xmpDisagrees(xmp, this.orientation.orientation))) {
      this.oddity ??= 'it is rotated by its XMP data alone';
    }
  }

  get hasTwoHeaders(): boolean {
    return this.#headers > 1;
  }

  /** Returns why the file cannot contain an image; `undefined` if it can. */
  problem(colourType: number): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    if (this.pixels.length === 0) return 'the PNG has no image data';
    if (colourType === 3 && !this.first.has('PLTE')) return 'the PNG has no palette';
    return canBeUnpacked(this.pixels) ? undefined : 'its pixel data cannot be decompressed';
  }

  #take(chunk: PngChunk): void {
    if (chunk.isCut) {
      if (NEEDED.has(chunk.name)) this.#problem ??= 'the PNG ends within its image data';
      else this.damage ??= 'the PNG ends in the middle of a chunk';
      return;
    }
    if (!this.#isIntact(chunk) || !this.#isUsable(chunk)) return;
    if (chunk.name === 'IDAT') {
      if (this.#arePixelsOver) this.damage ??= 'its image data are in several places';
      else this.pixels.push(chunk.data);
      return;
    }
    this.#arePixelsOver = this.pixels.length > 0;
    if (chunk.name === 'IHDR') this.#takeHeader(chunk);
    if (BEFORE_PIXELS.has(chunk.name)) this.#takeDescription(chunk);
    else this.#takeMetadata(chunk);
  }

  /** A wrong checksum of a required chunk ends the file; of an optional chunk it is only damage. */
  #isIntact({ name, checked, checksum }: PngChunk): boolean {
    if (crc32(checked) === checksum) return true;
    if (NEEDED.has(name)) this.#problem ??= `the checksum of its ${name} chunk is wrong`;
    else this.damage ??= 'a checksum is wrong';
    return false;
  }

  /** A file that needs its palette is refused if the palette is malformed. Any other malformed chunk is only damage. */
  #isUsable({ name, data }: PngChunk): boolean {
    const colourType = this.#colourType;
    if (isWellFormed({ name, data, colourType, palette: this.first.get('PLTE') })) return true;
    if (name === 'PLTE' && colourType === 3) this.#problem ??= 'its palette is invalid';
    else this.damage ??= `its ${name} chunk is invalid`;
    return false;
  }

  #takeHeader({ data }: PngChunk): void {
    if (this.#headers === 0) this.#colourType = data[9] ?? 0;
    this.#headers += 1;
  }

  #takeDescription({ name, data }: PngChunk): void {
    if (this.#arePixelsOver || this.first.has(name)) this.damage ??= `its ${name} chunk is out of place`;
    else this.first.set(name, data);
  }

  #takeMetadata({ name, data }: PngChunk): void {
    switch (name) {
      case 'eXIf':
        this.#takeExif(data);
        return;
      case 'acTL':
      case 'fcTL':
      case 'fdAT':
        this.oddity ??= 'it is animated';
        return;
      case 'tEXt':
      case 'zTXt':
      case 'iTXt':
        this.#takeText(name, data);
        return;
      default:
    }
  }

  /** Where the EXIF data deviates from the standard, viewers rotate the image, and loaders may not. */
  #takeExif(data: Buffer): void {
    if (this.#hasExif) {
      this.oddity ??= 'it has EXIF data twice';
      return;
    }
    this.#hasExif = true;
    this.orientation = readOrientation(withoutExifPrefix(data));
    const isUsual = this.orientation.isPlain && !hasExifPrefix(data) && !this.#arePixelsOver;
    if (!isUsual && this.orientation.orientation === 1) this.oddity ??= 'its EXIF data are unusual';
    // The rotation of a PNG is never left to the loader: older ones ignore it.
    if (this.orientation.orientation > 1) this.oddity ??= 'it is rotated';
  }

  /** Pillow also rotates by texts that browsers ignore. */
  #takeText(name: string, data: Buffer): void {
    const keyword = data.toString('latin1', 0, Math.min(data.length, 80)).split('\0')[0] ?? '';
    if (keyword.startsWith('Raw profile type')) this.oddity ??= 'it has EXIF data in a text';
    if (keyword !== 'XML:com.adobe.xmp') return;
    const isPacked = name === 'zTXt' || (name === 'iTXt' && data[keyword.length + 1] === 1);
    if (isPacked) this.oddity ??= 'it has compressed XMP data';
    else this.#xmp.push(data);
  }
}

function canBeUnpacked(pixels: readonly Buffer[]): boolean {
  const sample: Buffer[] = [];
  let length = 0;
  for (const part of pixels) {
    if (length >= SAMPLE_BYTES) break;
    const piece = part.subarray(0, SAMPLE_BYTES - length);
    sample.push(piece);
    length += piece.length;
  }
  try {
    const finishFlush = zlib.constants.Z_SYNC_FLUSH;
    const [filter = 0] = zlib.inflateSync(Buffer.concat(sample), { finishFlush });
    return filter <= MAX_FILTER;
  } catch {
    return false;
  }
}
