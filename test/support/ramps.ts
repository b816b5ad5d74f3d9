import zlib from 'node:zlib';
import { makeChunk, SIGNATURE } from '../../src/services/images/pngChunks.js';
import type { View } from './imageFiles.js';
import { type Colour, exactColour, type Meaning } from './toneMeanings.js';

/** How the pixels of a PNG are stored. */
export interface Storage {
  readonly kind: 'grey' | 'rgb' | 'grey+alpha' | 'rgba' | 'palette';
  readonly depth: 8 | 16;
}

const WIDTH = 256;
/** Number and samples per pixel by ISO/IEC 15948. */
const COLOUR_TYPES = {
  grey: [0, 1],
  rgb: [2, 3],
  palette: [3, 1],
  'grey+alpha': [4, 2],
  rgba: [6, 4],
} as const;

const isGrey = ({ kind }: Storage) => kind.startsWith('grey');

/** All values of a depth: in every second row as greys, in the others as colours that use the dark tones. */
function colours({ kind, depth }: Storage): Colour[] {
  const last = 2 ** depth - 1;
  const rows = kind === 'palette' ? 1 : depth === 8 ? 2 : (last + 1) / WIDTH;
  return Array.from({ length: WIDTH * rows }, (_, n) => {
    // Each value once with 16 bits, in both rows with 8.
    const value = depth === 8 ? n % WIDTH : n;
    const isColourful = kind === 'palette' ? n % 2 === 1 : Math.floor(n / WIDTH) % 2 === 1;
    if (isGrey({ kind, depth }) || !isColourful) return [value, value, value];
    return [value, Math.floor((value * value) / last), last - value];
  });
}

/** Encodes all values of a storage, with the last pixel transparent if it has alpha. */
export function rampFile(storage: Storage, meaning: Meaning): Buffer {
  const { kind, depth } = storage;
  const [colourType, channels] = COLOUR_TYPES[kind];
  const pixels = colours(storage);
  const size = depth / 8;
  const rowLength = 1 + WIDTH * channels * size;
  const rows = Buffer.alloc((pixels.length / WIDTH) * rowLength);
  pixels.forEach((colour, n) => {
    const alpha = n === pixels.length - 1 ? 0 : 2 ** depth - 1;
    const values = {
      grey: [colour[0]],
      rgb: colour,
      palette: [n],
      'grey+alpha': [colour[0], alpha],
      rgba: [...colour, alpha],
    };
    values[kind].forEach((value, channel) => {
      const at = Math.floor(n / WIDTH) * rowLength + 1 + ((n % WIDTH) * channels + channel) * size;
      rows.writeUIntBE(value, at, size);
    });
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(pixels.length / WIDTH, 4);
  header.set([depth, colourType], 8);
  return Buffer.concat([
    SIGNATURE,
    makeChunk('IHDR', header),
    ...meaning.chunks(isGrey(storage)).map(([name, data]) => makeChunk(name, data)),
    ...(kind === 'palette' ? [makeChunk('PLTE', Buffer.from(pixels.flat()))] : []),
    makeChunk('IDAT', zlib.deflateSync(rows)),
    makeChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Largest distance of a view's visible values from the exact sRGB of what was stored, in 255ths. */
export function deviation(view: View, storage: Storage, meaning: Meaning): number {
  const last = 2 ** storage.depth - 1;
  const pixels = colours(storage);
  if (view.data.length !== 4 * pixels.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  pixels.forEach(([r, g, b], n) => {
    const isTransparent = storage.kind.endsWith('a') && n === pixels.length - 1;
    const alpha = isTransparent ? 0 : 255;
    largest = Math.max(largest, Math.abs((view.data[4 * n + 3] ?? 0) - alpha));
    if (isTransparent) return;
    exactColour([r / last, g / last, b / last], meaning).forEach((value, channel) => {
      largest = Math.max(largest, Math.abs((view.data[4 * n + channel] ?? 0) - value));
    });
  });
  return largest;
}
