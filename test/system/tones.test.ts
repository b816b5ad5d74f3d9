import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workflows } from '../../src/workflows/index.js';
import { invertImage } from '../examples/invertImage.js';
import { negativeOf, type View, viewOf, withChunks } from '../support/imageFiles.js';
import { deviation, rampFile, type Storage } from '../support/ramps.js';
import { Stack } from '../support/stack.js';
import {
  COLOUR_MEANINGS,
  exactColour,
  MEANINGS,
  type Meaning,
  meaningNamed,
  OTHER_PROFILE,
} from '../support/toneMeanings.js';

/** Of 255: half for each of two roundings, and a rest for curves that are steeper than sRGB somewhere. */
const TOLERANCE = 1.2;
/** The machine gets a JPEG again. */
const JPEG_TOLERANCE = 3;
/** Without the server's own steps. */
const DECODER_TOLERANCE = 3;

const LINEAR = meaningNamed('a linear profile');

const GREYS: Storage[] = [
  { kind: 'grey', depth: 8 },
  { kind: 'grey+alpha', depth: 8 },
  { kind: 'grey', depth: 16 },
  { kind: 'grey+alpha', depth: 16 },
];
const COLOURS: Storage[] = [
  { kind: 'rgb', depth: 8 },
  { kind: 'palette', depth: 8 },
  { kind: 'rgba', depth: 8 },
  { kind: 'rgb', depth: 16 },
  { kind: 'rgba', depth: 16 },
];

/** A square of 16 x 16 pixels for each of 256 greys, with a linear profile. */
async function flatFile(kind: 'grey' | 'rgb', format: 'jpeg' | 'webp'): Promise<Buffer> {
  const pixels = Buffer.alloc(256 * 256);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = 16 * (at >> 12) + ((at & 255) >> 4);
  const space = kind === 'grey' ? 'b-w' : 'srgb';
  const raw = { width: 256, height: 256, channels: 1 } as const;
  const bare = await sharp(pixels, { raw }).toColourspace(space).png().toBuffer();
  const image = sharp(withChunks(bare, 'IDAT', ...LINEAR.chunks(kind === 'grey')))
    .toColourspace(space)
    .keepIccProfile();
  const encoded = format === 'jpeg' ? image.jpeg({ quality: 100 }) : image.webp({ lossless: true });
  return encoded.toBuffer();
}

const pairs = (storages: readonly Storage[], meanings: readonly Meaning[]) =>
  storages.flatMap((storage) =>
    meanings.map(
      (meaning) => [`${storage.kind} of ${storage.depth} bits, ${meaning.name}`, storage, meaning] as const,
    ),
  );

describe('every value, from the darkest on, reaches the machine as its exact sRGB', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({
      env: { ALLOWED_IMAGE_TYPES: 'image/png,image/jpeg,image/webp' },
      overrides: { workflows: [...workflows, invertImage] },
    });
  });
  afterAll(() => stack.stop());

  /** Sends a file through a workflow that keeps the position of every pixel. */
  async function through(file: Buffer): Promise<View> {
    const { image } = await stack.client.process('invert-image', file);
    return negativeOf(await viewOf(image));
  }

  it.each([...pairs([...GREYS, ...COLOURS], MEANINGS), ...pairs(COLOURS, COLOUR_MEANINGS)])(
    '%s',
    async (_, storage, meaning) => {
      const view = await through(rampFile(storage, meaning));
      expect(deviation(view, storage, meaning)).toBeLessThanOrEqual(TOLERANCE);
    },
  );

  it.each(pairs([...GREYS, ...COLOURS], [OTHER_PROFILE]))('nearly: %s', async (_, storage, meaning) => {
    const view = await through(rampFile(storage, meaning));
    expect(deviation(view, storage, meaning)).toBeLessThanOrEqual(DECODER_TOLERANCE);
  });

  it.each([
    ['grey', 'jpeg', JPEG_TOLERANCE],
    ['rgb', 'jpeg', JPEG_TOLERANCE],
    ['rgb', 'webp', TOLERANCE],
  ] as const)('%s in a %s with a linear profile', async (kind, format, tolerance) => {
    const file = await flatFile(kind, format);
    const { data } = await through(file);
    const stored = await sharp(file, { ignoreIcc: true })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer();
    for (let square = 0; square < 256; square += 1) {
      const middle = (16 * Math.floor(square / 16) + 8) * 256 + 16 * (square % 16) + 8;
      const [red = 0, green = 0, blue = 0] = stored.subarray(3 * middle);
      const exact = exactColour([red / 255, green / 255, blue / 255], LINEAR);
      const distances = exact.map((value, n) => Math.abs((data[4 * middle + n] ?? 0) - value));
      expect(Math.max(...distances), `${red} ${green} ${blue}`).toBeLessThanOrEqual(tolerance);
    }
  });
});
