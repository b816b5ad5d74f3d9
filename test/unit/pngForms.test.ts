import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { inspectImage } from '../../src/services/images/inspect.js';
import { normaliseImage } from '../../src/services/images/normalise.js';
import { pngChunks } from '../../src/services/images/pngChunks.js';
import { difference, sceneFile, viewOf, withChunks, withoutChunks } from '../support/imageFiles.js';

const LIMITS = { allowedTypes: ['image/png'], maxPixels: 1e6 } as const;
const PLAIN = { format: 'png', depth: 8, profile: 'none', orientation: 1 } as const;

const bytes = (...values: number[]) => Buffer.from(values);

/** The file that a machine receives. */
async function handedOn(file: Buffer): Promise<Buffer> {
  const { bytes, image } = await inspectImage(file, LIMITS);
  return normaliseImage(bytes, image, 'base64');
}

describe('a chunk of a wrong form, which sharp skips and Pillow refuses,', () => {
  it.each([
    ['gAMA', Buffer.alloc(0)],
    ['gAMA', Buffer.alloc(5, 1)],
    ['cHRM', Buffer.alloc(31)],
    ['cHRM', bytes(1, 2, 3, 4, 5)],
    ['sRGB', Buffer.alloc(0)],
    ['cICP', bytes(12, 13, 0)],
    ['pHYs', bytes(1, 2, 3)],
    ['tRNS', bytes(0, 1)],
    ['iCCP', bytes(120, 0, 7, 1)],
    ['zTXt', bytes(120, 0, 7, 1)],
  ])('%s %j is left out', async (name, data) => {
    const sound = await sceneFile({ ...PLAIN, kind: 'rgb' });
    const handed = await handedOn(withChunks(sound, 'IDAT', [name, data]));
    const left = [...pngChunks(handed)].filter((chunk) => chunk.name === name);
    expect(left.filter((chunk) => chunk.data.equals(data))).toEqual([]);
    expect(difference(await viewOf(handed), await viewOf(sound))).toBe(0);
  });

  it('does not hide a sound one of the same name', async () => {
    const p3 = await sceneFile({ ...PLAIN, kind: 'rgb', profile: 'p3' });
    const bare = withoutChunks(p3, 'iCCP');
    const file = withChunks(bare, 'IDAT', ['cICP', bytes(1)], ['cICP', bytes(12, 13, 0, 1)]);
    expect(difference(await viewOf(await handedOn(file)), await viewOf(p3))).toBeLessThanOrEqual(3);
  });

  it('makes a file without transparency of one with more transparent colours than colours', async () => {
    const sound = await sceneFile({ ...PLAIN, kind: 'palette' });
    const file = withChunks(sound, 'IDAT', ['tRNS', Buffer.alloc(257, 255)]);
    expect((await inspectImage(file, LIMITS)).image.hasAlpha).toBe(false);
    expect(difference(await viewOf(await handedOn(file)), await viewOf(sound))).toBe(0);
  });
});

it.each([0, 4, 900])('a palette of %i bytes is refused', async (length) => {
  const sound = await sceneFile({ ...PLAIN, kind: 'palette' });
  const file = withChunks(withoutChunks(sound, 'PLTE'), 'IDAT', ['PLTE', Buffer.alloc(length, 99)]);
  await expect(inspectImage(file, LIMITS)).rejects.toMatchObject({
    code: 'INVALID_IMAGE',
    message: expect.stringContaining('its palette is invalid'),
  });
});

describe('the primaries of H.273', () => {
  /** White, red, green and blue, x and y each, in thousandths. */
  it.each([
    [4, [310, 316, 670, 330, 210, 710, 140, 80]],
    [5, [312.7, 329, 640, 330, 290, 600, 150, 60]],
    [6, [312.7, 329, 630, 340, 310, 595, 155, 70]],
    [7, [312.7, 329, 630, 340, 310, 595, 155, 70]],
    [8, [310, 316, 681, 319, 243, 692, 145, 49]],
    [9, [312.7, 329, 708, 292, 170, 797, 131, 46]],
    [11, [314, 351, 680, 320, 265, 690, 150, 60]],
    [12, [312.7, 329, 680, 320, 265, 690, 150, 60]],
    [22, [312.7, 329, 630, 340, 295, 605, 155, 77]],
  ])('number %i mean the same as their chromaticities', async (number, places) => {
    const plain = await sceneFile({ ...PLAIN, kind: 'rgb' });
    const chromaticities = Buffer.alloc(32);
    places.forEach((place, n) => void chromaticities.writeUInt32BE(Math.round(100 * place), 4 * n));
    const gamma = bytes(0, 0, 0xb1, 0x8f);
    const measured = withChunks(plain, 'IDAT', ['gAMA', gamma], ['cHRM', chromaticities]);
    const numbered = withChunks(plain, 'IDAT', ['cICP', bytes(number, 13, 0, 1)]);
    const view = await viewOf(await handedOn(numbered));
    expect(difference(view, await viewOf(await handedOn(measured)))).toBe(0);
    expect(difference(view, await viewOf(plain))).toBeGreaterThan(1);
  });

  it('number 10 are those of XYZ', async () => {
    // The XYZ values of sRGB's grey, red and yellow under equal energy (Bradford), encoded with sRGB's curve.
    const adapted = [0.5, 0.5, 0.5, 0.4385, 0.2229, 0.0173, 0.8306, 0.9315, 0.1278];
    const values = adapted.map((value) => Math.round(255 * (1.055 * value ** (1 / 2.4) - 0.055)));
    const raw = { width: 3, height: 1, channels: 3 as const };
    const plain = await sharp(Buffer.from(values), { raw }).png().toBuffer();
    const handed = await handedOn(withChunks(plain, 'IDAT', ['cICP', bytes(10, 13, 0, 1)]));
    const seen = [...(await viewOf(handed)).data].filter((_, n) => n % 4 < 3);
    const right = [188, 188, 188, 255, 0, 0, 255, 255, 0];
    const differences = right.map((value, n) => Math.abs(value - (seen[n] ?? 0)));
    // Near black, a step of the input is several of the result.
    expect(Math.max(...differences), seen.join()).toBeLessThanOrEqual(12);
    expect(Math.max(...differences.filter((_, n) => right[n] !== 0))).toBeLessThanOrEqual(3);
  });
});
