import sharp, { type Sharp } from 'sharp';

export interface Rgb {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

const BACKGROUND: Rgb = { r: 236, g: 236, b: 236 };

/** A colour for each number under 216, far from the background's colour. */
export function colourOf(n: number): Rgb {
  return {
    r: 20 + (n % 6) * 32,
    g: 20 + (Math.floor(n / 6) % 6) * 32,
    b: 20 + (Math.floor(n / 36) % 6) * 32,
  };
}

interface PictureOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colour?: Rgb;
  readonly background?: Rgb;
}

/** A plain background with a rectangle of one colour in the middle; no alpha channel. */
export function drawing({
  width = 48,
  height = 32,
  colour = colourOf(5),
  background = BACKGROUND,
}: PictureOptions = {}): Sharp {
  const isMiddle = (at: number, length: number) => at >= length / 4 && at < (3 * length) / 4;
  const data = Buffer.alloc(width * height * 3);
  for (let n = 0; n < width * height; n += 1) {
    const isSubject = isMiddle(n % width, width) && isMiddle(Math.floor(n / width), height);
    const { r, g, b } = isSubject ? colour : background;
    data.set([r, g, b], n * 3);
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

export const png = (options: PictureOptions = {}): Promise<Buffer> => drawing(options).png().toBuffer();

export const jpeg = (options: PictureOptions = {}): Promise<Buffer> =>
  drawing(options).jpeg({ quality: 95 }).toBuffer();

/** A phone photo: its pixels are stored rotated, with the orientation in EXIF. Red at the top when upright. */
export async function sidewaysPhoto(format: 'jpeg' | 'png' = 'jpeg'): Promise<Buffer> {
  const upright = await sharp({ create: { width: 30, height: 60, channels: 3, background: '#2040c0' } })
    .composite([
      { input: { create: { width: 30, height: 15, channels: 3, background: '#c02020' } }, left: 0, top: 0 },
    ])
    .png()
    .toBuffer();
  // Orientation 6: a viewer rotates the pixels by 90 degrees clockwise, so they are stored rotated counterclockwise.
  const stored = sharp(upright).rotate(270).withMetadata({ orientation: 6 });
  return format === 'jpeg' ? stored.jpeg({ quality: 95 }).toBuffer() : stored.png().toBuffer();
}

/** An opaque disc on a transparent background, half transparent at its edge. */
export async function transparentPng(side = 32): Promise<Buffer> {
  const svg = `<svg width="${side}" height="${side}" xmlns="http://www.w3.org/2000/svg">
    <circle cx="${side / 2}" cy="${side / 2}" r="${side / 3}" fill="#c04020"/></svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}

/** Colour and alpha (255 without an alpha channel) of one pixel. */
export async function pixel(image: Buffer, x: number, y: number): Promise<Rgb & { alpha: number }> {
  const { data, info } = await sharp(image)
    .ensureAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (y * info.width + x) * info.channels;
  return { r: data[at] ?? 0, g: data[at + 1] ?? 0, b: data[at + 2] ?? 0, alpha: data[at + 3] ?? 0 };
}

/** The pixel in the centre. */
export async function middle(image: Buffer): Promise<Rgb & { alpha: number }> {
  const { width, height } = await sharp(image).metadata();
  return pixel(image, Math.floor(width / 2), Math.floor(height / 2));
}

/** Largest difference of any channel. */
export function distance(a: Rgb, b: Rgb): number {
  return Math.max(Math.abs(a.r - b.r), Math.abs(a.g - b.g), Math.abs(a.b - b.b));
}
