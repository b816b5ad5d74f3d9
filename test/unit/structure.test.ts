import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readStructure } from '../../src/services/images/readStructure.js';
import type { ImageType } from '../../src/services/images/structure.js';
import { drawing, transparentPng } from '../support/pictures.js';

const small = () => drawing({ width: 24, height: 16 });

const files: Array<[string, ImageType, () => Promise<Buffer>]> = [
  ['a PNG', 'image/png', () => small().png().toBuffer()],
  ['an interlaced PNG', 'image/png', () => small().png({ progressive: true }).toBuffer()],
  ['a JPEG', 'image/jpeg', () => small().jpeg().toBuffer()],
  ['a progressive JPEG', 'image/jpeg', () => small().jpeg({ progressive: true }).toBuffer()],
  ['a JPEG with EXIF', 'image/jpeg', () => small().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
  ['a WebP', 'image/webp', () => small().webp().toBuffer()],
  ['a lossless WebP', 'image/webp', () => small().webp({ lossless: true }).toBuffer()],
  ['a WebP with EXIF', 'image/webp', () => small().withMetadata({ orientation: 6 }).webp().toBuffer()],
];

describe.each(files)('%s', (_, type, make) => {
  it('is read as sharp reads it', async () => {
    const bytes = await make();
    const { width, height, hasAlpha, orientation } = await sharp(bytes).metadata();
    expect(readStructure(bytes, type)).toMatchObject({
      width,
      height,
      hasAlpha,
      orientation: orientation ?? 1,
      contradiction: undefined,
      problem: undefined,
      damage: undefined,
    });
  });

  it('is known for broken wherever it is cut off', async () => {
    const bytes = await make();
    for (let length = 0; length < bytes.length; length += 1) {
      const structure = readStructure(bytes.subarray(0, length), type);
      expect(
        structure === undefined || (structure.problem ?? structure.damage) !== undefined,
        `cut at ${length} of ${bytes.length}`,
      ).toBe(true);
    }
  });

  it('may have something behind its end', async () => {
    const bytes = Buffer.concat([await make(), Buffer.from('trailer of a phone')]);
    expect(readStructure(bytes, type)).toMatchObject({ problem: undefined, damage: undefined });
  });

  it('never makes the reader throw, whatever byte of it is wrong', async () => {
    const bytes = await make();
    for (let at = 0; at < bytes.length; at += 1) {
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = value;
        expect(() => readStructure(damaged, type)).not.toThrow();
      }
    }
  });
});

describe('transparency', () => {
  it.each([
    ['an RGBA PNG', true, async () => transparentPng()],
    [
      'a palette with transparent colours',
      true,
      async () =>
        sharp(await transparentPng())
          .png({ palette: true })
          .toBuffer(),
    ],
    ['a plain PNG', false, () => small().png().toBuffer()],
  ] as const)('of %s is %s', async (_, hasAlpha, make) => {
    expect(readStructure(await make(), 'image/png')?.hasAlpha).toBe(hasAlpha);
  });

  it.each([true, false])('of a WebP is found (lossless: %s)', async (lossless) => {
    const webp = await sharp(await transparentPng())
      .webp({ lossless })
      .toBuffer();
    expect(readStructure(webp, 'image/webp')?.hasAlpha).toBe(true);
  });
});
