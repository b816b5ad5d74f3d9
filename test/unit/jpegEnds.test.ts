import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { inspectImage } from '../../src/services/images/inspect.js';
import { walkJpeg } from '../../src/services/images/jpegSegments.js';
import { caseFile, difference, viewOf } from '../support/imageFiles.js';

const LIMITS = { allowedTypes: ['image/jpeg'], maxPixels: 1e6 } as const;
const END = Buffer.from([0xff, 0xd9]);

const inspect = (bytes: Buffer) => inspectImage(bytes, LIMITS);

/** A drawing with much detail down to its last row. */
function detailed(width: number, height: number): Sharp {
  const data = Buffer.alloc(3 * width * height);
  for (let n = 0; n < width * height; n += 1) {
    const [x, y] = [n % width, Math.floor(n / width)];
    data.set([(255 * x) / width, (255 * y) / height, (7 * (x ^ y)) & 255], 3 * n);
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

const encoded = (width: number, height: number, options: JpegOptions) => () =>
  detailed(width, height).jpeg(options).toBuffer();

/** The same scan as 4:4:0: the two blocks of brightness are above each other instead of side by side. */
function turned422(): Buffer {
  const jpeg = Buffer.from(caseFile('restart-markers.jpg'));
  const size = jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 5;
  const [height, width] = [jpeg.readUInt16BE(size), jpeg.readUInt16BE(size + 2)];
  jpeg.writeUInt16BE(width, size);
  jpeg.writeUInt16BE(height, size + 2);
  expect(jpeg[size + 6]).toBe(0x21);
  jpeg.writeUInt8(0x12, size + 6);
  return jpeg;
}

const FILES: ReadonlyArray<readonly [string, () => Promise<Buffer>]> = [
  ['4:4:4', encoded(64, 48, { chromaSubsampling: '4:4:4' })],
  ['4:4:4 of an odd size', encoded(61, 43, { chromaSubsampling: '4:4:4' })],
  ['4:4:4 of one row of blocks', encoded(40, 8, { chromaSubsampling: '4:4:4' })],
  ['4:2:0', encoded(64, 48, {})],
  ['4:2:0 of an odd size', encoded(61, 43, {})],
  ['progressive 4:4:4', encoded(61, 43, { chromaSubsampling: '4:4:4', progressive: true })],
  ['grey', () => detailed(64, 48).toColourspace('b-w').jpeg().toBuffer()],
  ['grey of an odd size', () => detailed(61, 43).toColourspace('b-w').jpeg().toBuffer()],
  ['progressive grey', () => detailed(61, 43).toColourspace('b-w').jpeg({ progressive: true }).toBuffer()],
  ['CMYK', () => detailed(61, 43).toColourspace('cmyk').jpeg({ chromaSubsampling: '4:4:4' }).toBuffer()],
  ['4:2:2 with restart markers', async () => caseFile('restart-markers.jpg')],
  ['4:4:0 with restart markers', async () => turned422()],
];

describe.each(FILES)('a JPEG, %s,', (_, make) => {
  it('may lack its end marker, and keeps every pixel', async () => {
    const whole = await make();
    expect(whole.subarray(-2)).toEqual(END);
    const { bytes, image } = await inspect(whole.subarray(0, -2));
    expect(image.mimeType).toBe('image/jpeg');
    expect(difference(await viewOf(bytes), await viewOf(whole))).toBeLessThanOrEqual(6);
  });

  it('is refused if any of its data are missing', async () => {
    const open = (await make()).subarray(0, -2);
    const at = 2 + 2 + open.readUInt16BE(4);
    // Cuts that leave out most of the file are covered elsewhere.
    for (let less = 1; less < Math.min(300, open.length / 2); less += less < 20 ? 1 : 37) {
      const cut = open.subarray(0, -less);
      await expect(inspect(cut), `${less} bytes less`).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
      // With another damage, the pixels are decoded although there is an end marker.
      const strayed = Buffer.concat([cut.subarray(0, at), Buffer.from('stray'), cut.subarray(at), END]);
      await expect(inspect(strayed), `${less} bytes less`).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
    }
  });
});

it('a JPEG with arithmetic coding is refused if it is damaged: nothing shows what is missing', async () => {
  const jpeg = await encoded(16, 16, {})();
  jpeg.writeUInt8(0xc9, jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 1);
  expect((await inspect(jpeg)).image.content).toBe('odd');
  await expect(inspect(jpeg.subarray(0, -2))).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
});

describe('the scans of a JPEG', () => {
  /** A progressive JPEG whose last scan is repeated. */
  async function withScans(count: number): Promise<Buffer> {
    const jpeg = await encoded(16, 16, { progressive: true })();
    const { segments } = walkJpeg(jpeg);
    const scans = segments.filter(({ scan }) => scan.length > 0);
    const last = scans.at(-1)?.whole ?? Buffer.alloc(0);
    const more = Array.from({ length: count - scans.length }, () => last);
    return Buffer.concat([jpeg.subarray(0, -2), ...more, END]);
  }

  it('are limited, because each may cost a decoder as much time as an image', async () => {
    const allowed = await withScans(100);
    expect((await inspect(allowed)).bytes).toBe(allowed);
    const more = await withScans(101);
    for (const file of [more, more.subarray(0, -2)]) {
      await expect(inspect(file)).rejects.toMatchObject({
        code: 'INVALID_IMAGE',
        message: expect.stringContaining('it has more than 100 scans'),
      });
    }
  });
});

it('a JPEG with more markers than any program writes is refused, whatever they are', async () => {
  const jpeg = await encoded(16, 16, {})();
  for (const marker of [0xd8, 0xd0, 0x01, 0xff]) {
    const markers = (count: number) => Buffer.alloc(2 * count, Buffer.from([0xff, marker]));
    const withMarkers = (count: number) =>
      Buffer.concat([jpeg.subarray(0, 2), markers(count), jpeg.subarray(2)]);
    expect((await inspect(withMarkers(9000))).image).toMatchObject({ width: 16, height: 16 });
    // Any number of FF fills the space before a marker.
    const attempt = inspect(withMarkers(11_000));
    if (marker === 0xff) await attempt;
    else await expect(attempt).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
  }
});
