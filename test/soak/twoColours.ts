import sharp from 'sharp';
import { colourOf, distance, drawing, pixel, type Rgb } from '../support/pictures.js';

const COLOURS = 216;
/** Lossy formats change colours slightly; the next colour differs by 32. */
const TOLERANCE = 15;
/** Between the left edge of the subject and its centre, and between the centre and its right edge. */
const PLACES = [3 / 8, 5 / 8] as const;

/** The two colours of the n-th image: unique for each n under 46,656. */
function coloursOf(n: number): readonly [Rgb, Rgb] {
  const round = Math.floor(n / COLOURS);
  return [colourOf(n % COLOURS), colourOf((n + 1 + round) % COLOURS)];
}

/** The n-th image: a subject with one colour in its left half and another in its right half. */
export async function twoColours(n: number): Promise<Buffer> {
  const [left, right] = coloursOf(n);
  const [width, height] = [48, 32];
  const half = await sharp({
    create: { width: width / 4, height: height / 2, channels: 3, background: right },
  })
    .png()
    .toBuffer();
  return drawing({ width, height, colour: left })
    .composite([{ input: half, left: width / 2, top: height / 4 }])
    .png()
    .toBuffer();
}

/** Whether a result was made from the n-th image. */
export async function isOf(image: Buffer, n: number): Promise<boolean> {
  const { width, height } = await sharp(image).metadata();
  const seen = await Promise.all(
    PLACES.map((place) => pixel(image, Math.floor(place * width), Math.floor(height / 2))),
  );
  return coloursOf(n).every((colour, at) => {
    const found = seen[at];
    return found !== undefined && distance(found, colour) <= TOLERANCE;
  });
}
