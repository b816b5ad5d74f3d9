import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { greyProfile, powerCurve, rgbProfile } from '../../src/services/images/iccProfile.js';
import { makeChunk, pngChunks, SIGNATURE } from '../../src/services/images/pngChunks.js';
import { packedProfile } from '../../src/services/images/pngColours.js';

/** Pixels as a viewer displays them: 8-bit sRGB with alpha, upright. */
export interface View {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

interface FileOptions {
  readonly format: 'png' | 'jpeg' | 'webp';
  readonly kind: 'rgb' | 'rgba' | 'grey' | 'grey+alpha' | 'palette';
  readonly depth: 8 | 16;
  readonly profile: 'none' | 'srgb' | 'p3' | 'adobe' | 'grey 1.8';
  /** EXIF orientation; the stored pixels are rotated so that a viewer displays them upright. */
  readonly orientation: number;
}

const folder = mkdtempSync(path.join(tmpdir(), 'profiles-'));
const ADOBE_RGB = {
  white: [0.3127, 0.329],
  red: [0.64, 0.33],
  green: [0.21, 0.71],
  blue: [0.15, 0.06],
} as const;

function profileFile(name: string, profile: Buffer): string {
  const file = path.join(folder, `${name}.icc`);
  writeFileSync(file, profile);
  return file;
}

const PROFILES = {
  srgb: 'srgb',
  p3: 'p3',
  adobe: profileFile('adobe', rgbProfile(ADOBE_RGB, powerCurve(563 / 256))),
  'grey 1.8': profileFile('grey', greyProfile(powerCurve(1.8))),
};

/** Reads a file of test/cases. */
export const caseFile = (name: string): Buffer =>
  readFileSync(path.resolve(import.meta.dirname, '../cases', name));

const WIDTH = 24;
const HEIGHT = 16;

/** An image that looks different from every side, in colours that every colour space contains. */
export function scene(kind: FileOptions['kind']): View {
  const data = Buffer.alloc(4 * WIDTH * HEIGHT);
  for (let n = 0; n < WIDTH * HEIGHT; n += 1) {
    const [x, y] = [n % WIDTH, Math.floor(n / WIDTH)];
    const colour = [60 + 6 * x, 50 + 8 * y, 150 - 3 * x];
    const flat = [x < WIDTH / 2 ? 200 : 60, y < HEIGHT / 2 ? 70 : 140, 90];
    const [r = 0, g = 0, b = 0] = kind === 'palette' ? flat : colour;
    const isGrey = kind.startsWith('grey');
    const hasAlpha = kind === 'rgba' || kind === 'grey+alpha';
    const alpha = x < 3 ? 0 : 128 + 7 * y;
    data.set(isGrey ? [r, r, r, 255] : [r, g, b, 255], 4 * n);
    if (hasAlpha) data[4 * n + 3] = alpha;
  }
  return { data, width: WIDTH, height: HEIGHT };
}

/** The displayed position of the pixel stored at x, y in an image of this size, by TIFF 6.0. */
function shownAt(orientation: number, x: number, y: number, width: number, height: number): [number, number] {
  const [right, bottom] = [width - 1 - x, height - 1 - y];
  const places: Record<number, [number, number]> = {
    1: [x, y],
    2: [right, y],
    3: [right, bottom],
    4: [x, bottom],
    5: [y, x],
    6: [bottom, x],
    7: [bottom, right],
    8: [y, right],
  };
  return places[orientation] ?? [x, y];
}

function stored(view: View, orientation: number): View {
  const isOnItsSide = orientation >= 5;
  const [width, height] = isOnItsSide ? [view.height, view.width] : [view.width, view.height];
  const data = Buffer.alloc(view.data.length);
  for (let n = 0; n < width * height; n += 1) {
    const [x, y] = shownAt(orientation, n % width, Math.floor(n / width), width, height);
    view.data.copy(data, 4 * n, 4 * (y * view.width + x), 4 * (y * view.width + x) + 4);
  }
  return { data, width, height };
}

/** Encodes the scene as a file. */
export async function sceneFile(options: FileOptions): Promise<Buffer> {
  if (options.depth === 16) return deepened(await sceneFile({ ...options, depth: 8 }), options.orientation);
  const { data, width, height } = stored(scene(options.kind), options.orientation);
  let image = sharp(data, { raw: { width, height, channels: 4 } });
  if (options.kind !== 'rgba' && options.kind !== 'grey+alpha') image = image.removeAlpha();
  if (options.kind.startsWith('grey')) image = image.toColourspace('b-w');
  // This also attaches sRGB as the profile, which the next line replaces.
  if (options.orientation > 1) image = image.withMetadata({ orientation: options.orientation });
  if (options.profile !== 'none') image = image.withIccProfile(PROFILES[options.profile]);
  return encoded(image, options).toBuffer();
}

/** Converts a PNG to 16 bits per channel. sharp cannot write one with a profile that defines the values. */
async function deepened(png: Buffer, orientation: number): Promise<Buffer> {
  const { data, info } = await sharp(png, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
  const { icc, space } = await sharp(png).metadata();
  const isGrey = space === 'b-w';
  const channels = info.channels;
  const values = Uint16Array.from({ length: info.width * info.height * channels }, (_, n) => {
    return 257 * (data[n] ?? 0);
  });
  const raw = { width: info.width, height: info.height, channels, depth: 'ushort' as const };
  const deep = await sharp(values, { raw })
    .toColourspace(isGrey ? 'grey16' : 'rgb16')
    .png()
    .toBuffer();
  const chunks: Array<[string, Buffer]> = [];
  if (icc) chunks.push(['iCCP', packedProfile(icc)]);
  if (orientation > 1) chunks.push(['eXIf', exifData(orientation)]);
  return withChunks(deep, 'IDAT', ...chunks);
}

function encoded(image: Sharp, { format, kind }: FileOptions): Sharp {
  if (format === 'jpeg') return image.jpeg({ quality: 100, chromaSubsampling: '4:4:4' });
  if (format === 'webp') return image.webp({ lossless: true, exact: true });
  return image.png(kind === 'palette' ? { palette: true, colours: 16 } : {});
}

/** An image's pixels as a colour-managed viewer displays them. */
export async function viewOf(image: Buffer): Promise<View> {
  const { data, info } = await sharp(image)
    .autoOrient()
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** The view of the original image, from the view of its negative. */
export const negativeOf = ({ data, ...size }: View): View => ({
  ...size,
  data: data.map((value, n) => (n % 4 === 3 ? value : 255 - value)) as Buffer,
});

/** Largest difference of any value of the visible pixels; infinite if the sizes differ. */
export function difference(a: View, b: View): number {
  if (a.width !== b.width || a.height !== b.height) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let n = 0; n < a.data.length; n += 1) {
    const isSeen = n % 4 === 3 || (a.data[n | 3] ?? 0) > 0;
    if (isSeen) largest = Math.max(largest, Math.abs((a.data[n] ?? 0) - (b.data[n] ?? 0)));
  }
  return largest;
}

/** Inserts chunks into a PNG before the first chunk with a name, or at its end. */
export function withChunks(png: Buffer, before: string, ...added: ReadonlyArray<[string, Buffer]>): Buffer {
  const parts: Buffer[] = [SIGNATURE];
  let isAdded = false;
  for (const { name, whole } of pngChunks(png)) {
    if (name === before && !isAdded) parts.push(...added.map(([name, data]) => makeChunk(name, data)));
    isAdded ||= name === before;
    parts.push(whole);
  }
  return Buffer.concat(parts);
}

/** Removes all chunks with a name from a PNG. */
export function withoutChunks(png: Buffer, name: string): Buffer {
  const kept = [...pngChunks(png)].filter((chunk) => chunk.name !== name);
  return Buffer.concat([SIGNATURE, ...kept.map(({ whole }) => whole)]);
}

/** EXIF data that contains only an orientation. */
export function exifData(orientation: number): Buffer {
  const data = Buffer.from('4d4d002a000000080001011200030000000100000000000000000000', 'hex').subarray(0, 26);
  data.writeUInt16BE(orientation, 18);
  return data;
}
