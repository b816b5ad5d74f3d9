import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { finishImage } from '../../src/services/images/finish.js';
import { isSrgbProfile } from '../../src/services/images/icc.js';
import { greyProfile, powerCurve, rgbProfile, SRGB_PRIMARIES } from '../../src/services/images/iccProfile.js';
import { inspectImage } from '../../src/services/images/inspect.js';
import { normaliseImage } from '../../src/services/images/normalise.js';
import { packedProfile } from '../../src/services/images/pngColours.js';
import { readPngText, stripPngMetadata } from '../../src/services/images/pngMetadata.js';
import {
  caseFile,
  difference,
  exifData,
  sceneFile,
  type View,
  viewOf,
  withChunks,
  withoutChunks,
} from '../support/imageFiles.js';
import { drawing } from '../support/pictures.js';
import { parametric, withCurve } from '../support/toneMeanings.js';

const LIMITS = { allowedTypes: ['image/png', 'image/jpeg', 'image/webp'], maxPixels: 1e6 } as const;
const PLAIN = { kind: 'rgb', depth: 8, profile: 'none', orientation: 1 } as const;
const SOURCES = path.resolve(import.meta.dirname, '../../src');

const inspect = (bytes: Buffer) => inspectImage(bytes, LIMITS);

/** The file that a machine receives, for each kind of loader. */
async function handedOn(file: Buffer): Promise<{ upload: Buffer; base64: Buffer }> {
  const { bytes, image } = await inspect(file);
  return {
    upload: await normaliseImage(bytes, image, 'upload'),
    base64: await normaliseImage(bytes, image, 'base64'),
  };
}

/** A noisy photo, which does not compress well. */
function photo(width = 64, height = 48) {
  let state = 1;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state >> 16) & 255;
  });
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function expectSame(file: Buffer, view: View, tolerance = 3): Promise<void> {
  const { upload, base64 } = await handedOn(file);
  expect(difference(await viewOf(upload), view)).toBeLessThanOrEqual(tolerance);
  expect(difference(await viewOf(base64), view)).toBeLessThanOrEqual(tolerance);
}

describe('what is handed on byte for byte', () => {
  it.each([
    ['a PNG', () => sceneFile({ ...PLAIN, format: 'png' })],
    ['a transparent PNG', () => sceneFile({ ...PLAIN, format: 'png', kind: 'rgba' })],
    ['a grey PNG', () => sceneFile({ ...PLAIN, format: 'png', kind: 'grey' })],
    ['a palette', () => sceneFile({ ...PLAIN, format: 'png', kind: 'palette' })],
    ['a JPEG', () => sceneFile({ ...PLAIN, format: 'jpeg' })],
    ['a progressive JPEG', () => photo().jpeg({ progressive: true }).toBuffer()],
    ['a WebP', () => sceneFile({ ...PLAIN, format: 'webp' })],
    ['a PNG with a profile of sRGB', () => sceneFile({ ...PLAIN, format: 'png', profile: 'srgb' })],
    ['a JPEG with a profile of sRGB', () => sceneFile({ ...PLAIN, format: 'jpeg', profile: 'srgb' })],
    ['a WebP with a profile of sRGB', () => sceneFile({ ...PLAIN, format: 'webp', profile: 'srgb' })],
    ['a JPEG with EXIF', async () => caseFile('gps-in-exif.jpg')],
  ])('%s', async (_, make) => {
    const file = await make();
    const { upload, base64 } = await handedOn(file);
    expect(upload).toBe(file);
    expect(base64).toBe(file);
  });

  it('is a JPEG on its side, where the loader turns it', async () => {
    const file = await sceneFile({ ...PLAIN, format: 'jpeg', orientation: 6 });
    const { upload, base64 } = await handedOn(file);
    expect(upload).toBe(file);
    expect((await sharp(base64).metadata()).orientation).toBeUndefined();
    expect(difference(await viewOf(base64), await viewOf(file))).toBeLessThanOrEqual(6);
  });

  it('is the first picture of a file with several', async () => {
    const first = await sceneFile({ ...PLAIN, format: 'jpeg' });
    const table = Buffer.from('\xff\xe2\0\x08MPF\0..', 'latin1');
    const file = Buffer.concat([first.subarray(0, 2), table, first.subarray(2), first]);
    const { upload, base64 } = await handedOn(file);
    expect(upload).toEqual(first);
    expect(base64).toEqual(first);
  });
});

describe('what Pillow would see in another way', () => {
  const xmp = Buffer.from('<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>');

  it.each([
    ['XMP data that turn it', 'iTXt', Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\0\0\0\0'), xmp])],
    ['EXIF data in a text', 'zTXt', Buffer.from('Raw profile type exif\0\0')],
    ['two frames', 'acTL', Buffer.alloc(8, 1)],
  ])('%s: a PNG is written anew', async (_, name, data) => {
    const plain = await sceneFile({ ...PLAIN, format: 'png' });
    const file = withChunks(plain, 'IDAT', [name, data]);
    const { upload } = await handedOn(file);
    expect(upload).not.toBe(file);
    await expectSame(file, await viewOf(plain), 0);
    expect((await sharp(upload).metadata()).xmp).toBeUndefined();
  });

  it('EXIF data in the wrong order, or twice: a JPEG is written anew', async () => {
    const file = await sceneFile({ ...PLAIN, format: 'jpeg' });
    const segment = (orientation: number) => {
      const data = Buffer.concat([Buffer.from('Exif\0\0'), exifData(orientation)]);
      return Buffer.concat([Buffer.from([0xff, 0xe1, 0, data.length + 2]), data]);
    };
    const twice = Buffer.concat([file.subarray(0, 2), segment(3), segment(6), file.subarray(2)]);
    const turned = await viewOf(await sharp(file).rotate(180).png().toBuffer());
    await expectSame(twice, turned, 6);
  });
});

describe('the colours of a PNG', () => {
  const numbers = (...values: number[]) => {
    const data = Buffer.alloc(4 * values.length);
    values.forEach((value, n) => void data.writeUInt32BE(value, 4 * n));
    return data;
  };
  const SRGB = numbers(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000);
  const P3 = numbers(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000);

  it('are sRGB where its numbers say so', async () => {
    const plain = await sceneFile({ ...PLAIN, format: 'png' });
    for (const added of [
      [['gAMA', numbers(45455)]],
      [
        ['gAMA', numbers(45455)],
        ['cHRM', SRGB],
      ],
      [['cHRM', P3]],
      [['sRGB', Buffer.from([0])]],
      [['cICP', Buffer.from([1, 13, 0, 1])]],
    ] as Array<Array<[string, Buffer]>>) {
      const file = withChunks(plain, 'IDAT', ...added);
      expect((await handedOn(file)).base64).toBe(file);
    }
  });

  it('are converted from what its numbers say', async () => {
    const p3 = await sceneFile({ ...PLAIN, format: 'png', profile: 'p3' });
    const bare = withoutChunks(p3, 'iCCP');
    const byNumber = withChunks(bare, 'IDAT', ['cICP', Buffer.from([12, 13, 0, 1])]);
    const byPlace = withChunks(bare, 'IDAT', ['gAMA', numbers(45455)], ['cHRM', P3]);
    await expectSame(byNumber, await viewOf(p3));
    await expectSame(byPlace, await viewOf(p3));
  });

  it('are converted from linear light', async () => {
    const values = [0, 3, 55, 127, 188, 255].flatMap((value) => [value, value, value]);
    const raw = { width: 6, height: 1, channels: 3 as const };
    const linear = await sharp(Buffer.from(values), { raw }).png().toBuffer();
    const { base64 } = await handedOn(withChunks(linear, 'IDAT', ['gAMA', numbers(100_000)]));
    const { data } = await viewOf(base64);
    const seen = [0, 4, 8, 12, 16, 20].map((at) => data[at] ?? 0);
    const right = [0, 28, 128, 187, 223, 255];
    for (const [n, value] of right.entries()) expect(Math.abs(value - (seen[n] ?? 0))).toBeLessThanOrEqual(3);
  });
});

it('sRGB is known by its numbers, not by its name', async () => {
  const { icc } = await sharp(await sceneFile({ ...PLAIN, format: 'png', profile: 'srgb' })).metadata();
  const { icc: p3 } = await sharp(caseFile('display-p3.png')).metadata();
  expect(isSrgbProfile(icc ?? Buffer.alloc(0))).toBe(true);
  expect(isSrgbProfile(p3 ?? Buffer.alloc(0))).toBe(false);
  expect(isSrgbProfile(rgbProfile(SRGB_PRIMARIES, powerCurve(2.2)))).toBe(false);
  const { g, a, b, c, d } = { g: 2.4, a: 1 / 1.055, b: 0.055 / 1.055, c: 1 / 12.92, d: 0.04045 };
  const otherForm = parametric(4, g, a, b, c, d, 0, 0);
  expect(isSrgbProfile(withCurve(rgbProfile(SRGB_PRIMARIES, powerCurve(2.2)), otherForm))).toBe(true);
  const profile = Buffer.from(icc ?? Buffer.alloc(0));
  for (let at = 0; at < profile.length; at += 1) {
    expect(() => isSrgbProfile(profile.subarray(0, at))).not.toThrow();
  }
});

it.each(['grey', 'rgb'] as const)('a profile without all of its samples is ignored: %s', async (kind) => {
  const cut = Buffer.from('curv\0\0\0\0\0\0\x10\0', 'latin1');
  const whole = kind === 'grey' ? greyProfile(powerCurve(1)) : rgbProfile(SRGB_PRIMARIES, powerCurve(1));
  const broken = withCurve(whole, cut);
  for (const depth of [8, 16] as const) {
    const plain = await sceneFile({ ...PLAIN, format: 'png', kind, depth });
    await expectSame(withChunks(plain, 'IDAT', ['iCCP', packedProfile(broken)]), await viewOf(plain));
  }
});

describe('a damaged file with all of its pixels', () => {
  const jpegs = {
    baseline: () => photo().jpeg().toBuffer(),
    progressive: () => photo().jpeg({ progressive: true }).toBuffer(),
    plain: () => drawing().jpeg().toBuffer(),
  };

  it.each(Object.entries(jpegs))('%s JPEG with something else in place of its end', async (_, make) => {
    const whole = await make();
    const open = whole.subarray(0, -2);
    for (const padding of [Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(700), Buffer.alloc(9, 0xff)]) {
      await expectSame(Buffer.concat([open, padding]), await viewOf(whole), 6);
    }
  });

  it('JPEG with stray bytes between its segments', async () => {
    const whole = await jpegs.baseline();
    const at = 2 + 2 + whole.readUInt16BE(4);
    const strayed = Buffer.concat([whole.subarray(0, at), Buffer.from('stray'), whole.subarray(at)]);
    await expectSame(strayed, await viewOf(whole), 6);
  });

  it('PNG with a wrong checksum where it does not matter, or without its end', async () => {
    const whole = await photo().png().toBuffer();
    const view = await viewOf(whole);
    const text = withChunks(whole, 'IDAT', ['tEXt', Buffer.from('a\0b')]);
    const damaged = Buffer.from(text);
    const at = damaged.indexOf('tEXt') + 7;
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    for (const file of [damaged, withoutChunks(whole, 'IEND'), whole.subarray(0, -5)]) {
      const { upload } = await handedOn(file);
      expect(upload).not.toBe(file);
      await expectSame(file, view, 0);
    }
  });
});

describe('a file that was cut off', () => {
  const files = {
    baseline: () => photo().jpeg().toBuffer(),
    progressive: () => photo().jpeg({ progressive: true }).toBuffer(),
    PNG: () => photo().png().toBuffer(),
    interlaced: () => photo().png({ progressive: true }).toBuffer(),
    WebP: () => photo().webp().toBuffer(),
    'lossless WebP': () => photo().webp({ lossless: true }).toBuffer(),
  };

  it.each(Object.entries(files))('%s is refused wherever that was', async (name, make) => {
    const whole = await make();
    const end = name.includes('WebP') ? 2 : name === 'PNG' || name === 'interlaced' ? 13 : 3;
    for (let less = end; less < whole.length - 12; less += less < 30 ? 1 : 211) {
      const cut = whole.subarray(0, whole.length - less);
      await expect(inspect(cut), `${less} bytes less`).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
      if (name.includes('WebP')) continue;
      const padded = Buffer.concat([cut, Buffer.alloc(400)]);
      await expect(inspect(padded), `${less} bytes less, padded`).rejects.toMatchObject({
        code: 'INVALID_IMAGE',
      });
    }
  });
});

describe('the metadata of a PNG', () => {
  it('are removed, and nothing else', async () => {
    const plain = await sceneFile({ ...PLAIN, format: 'png', profile: 'p3' });
    expect(stripPngMetadata(plain, 1)).toBe(plain);
    const full = withChunks(
      plain,
      'IDAT',
      ['tEXt', Buffer.from('prompt\0{}')],
      ['eXIf', exifData(1)],
      ['tIME', Buffer.alloc(7)],
      ['prVt', Buffer.alloc(9)],
    );
    const more = Buffer.concat([withChunks(full, 'IEND', ['zTXt', Buffer.from('a\0\0x')]), Buffer.from('!')]);
    expect(stripPngMetadata(more, 1)).toEqual(plain);
  });

  it('are removed from a large file on both sides of its pixels, with little left over', async () => {
    const raw = { width: 100, height: 100, channels: 3 as const };
    const plain = await sharp(randomBytes(30_000), { raw }).png().toBuffer();
    const phys: [string, Buffer] = ['pHYs', Buffer.from('00000b1300000b1301', 'hex')];
    const kept = withChunks(withoutChunks(plain, 'pHYs'), 'IDAT', phys);
    const inFront = withChunks(kept, 'pHYs', ['tEXt', Buffer.from('prompt\0{}')]);
    const onBothSides = withChunks(inFront, 'IDAT', ['tEXt', Buffer.from('more\0{}')]);
    const full = withChunks(onBothSides, 'IEND', ['tIME', Buffer.alloc(7)]);
    expect(stripPngMetadata(full, 1)).toEqual(kept);
  });

  it('are read by keyword, however they are packed, up to a limit', async () => {
    const plain = await sceneFile({ ...PLAIN, format: 'png' });
    const text = '{"1":{"class_type":"LoadImage"}}';
    const packed = zlib.deflateSync(Buffer.from(text));
    const forms: Array<[string, Buffer]> = [
      ['tEXt', Buffer.from(`prompt\0${text}`)],
      ['zTXt', Buffer.concat([Buffer.from('prompt\0\0'), packed])],
      ['iTXt', Buffer.from(`prompt\0\0\0en\0Aufgabe\0${text}`)],
      ['iTXt', Buffer.concat([Buffer.from('prompt\0\x01\0\0\0'), packed])],
    ];
    for (const chunk of forms) {
      const file = withChunks(plain, 'IDAT', chunk);
      expect(readPngText(file, 'prompt')).toBe(text);
      expect(readPngText(file, 'workflow')).toBeUndefined();
      expect(readPngText(file, 'prompt', text.length - 1)).toBeUndefined();
    }
    expect(readPngText(Buffer.from('no PNG at all'), 'prompt')).toBeUndefined();
  });
});

it.each(['PNG', 'WEBP'] as const)('a result of too many pixels is no result (%s)', async (format) => {
  const png = await sceneFile({ ...PLAIN, format: 'png' });
  const options = { format, cropToSubject: false, transparencyOf: undefined };
  const finished = await finishImage(png, { ...options, maxPixels: 24 * 16 });
  expect([finished.width, finished.height]).toEqual([24, 16]);
  for (const file of [png, await sharp(png).jpeg().toBuffer()]) {
    await expect(finishImage(file, { ...options, maxPixels: 24 * 16 - 1 })).rejects.toMatchObject({
      failure: 'result too large',
      message: expect.stringContaining('pixels'),
    });
  }
});

describe('a result that this server cannot finish', () => {
  const plain = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#c03020' } })
      .png()
      .toBuffer();
  const options = { cropToSubject: false, transparencyOf: undefined, maxPixels: 1e6 };

  it.each([
    ['WEBP', 16_383],
    ['JPEG', 65_500],
  ] as const)('is too long for %s, beyond %i pixels', async (format, most) => {
    for (const [width, height] of [
      [most, 2],
      [2, most],
    ] as const) {
      expect(await finishImage(await plain(width, height), { ...options, format })).toMatchObject({ width });
    }
    await expect(finishImage(await plain(2, most + 1), { ...options, format })).rejects.toMatchObject({
      failure: 'result too large',
      message: `The result is 2 x ${most + 1} pixels; a ${format} has at most ${most} pixels on a side.`,
    });
  });

  it('is not taken for a broken result, which another machine could make anew', async () => {
    const good = await plain(4, 4);
    const image = { width: 4, height: 4 };
    const broken = {
      ...options,
      format: 'PNG',
      transparencyOf: { bytes: Buffer.from('broken'), image },
    } as const;
    await expect(finishImage(good, broken)).rejects.toMatchObject({ failure: 'result not finished' });
    for (const bad of [Buffer.from('broken'), good.subarray(0, -30)]) {
      await expect(finishImage(bad, broken)).rejects.toMatchObject({ failure: 'unreadable result' });
      const asWebp = finishImage(bad, { ...options, format: 'WEBP' });
      await expect(asWebp).rejects.toMatchObject({ failure: 'unreadable result' });
    }
  });
});

describe('a result that is cropped', () => {
  /** Transparent but for rectangles. */
  const withSubject = async (
    width: number,
    height: number,
    ...rectangles: ReadonlyArray<readonly number[]>
  ) => {
    const data = Buffer.alloc(width * height * 4);
    for (const [left = 0, top = 0, across = 0, down = 0] of rectangles) {
      for (let y = top; y < top + down; y += 1) {
        for (let x = left; x < left + across; x += 1)
          data.fill(255, 4 * (y * width + x), 4 * (y * width + x) + 4);
      }
    }
    return sharp(data, { raw: { width, height, channels: 4 } })
      .png()
      .toBuffer();
  };

  const options = {
    format: 'PNG',
    cropToSubject: true,
    transparencyOf: undefined,
    maxPixels: 1e6,
  } as const;

  it.each([
    { size: [1, 1], subject: [0, 0, 1, 1] },
    { size: [2, 2], subject: [0, 0, 2, 2] },
    { size: [300, 2], subject: [100, 0, 150, 2] },
    { size: [2, 300], subject: [0, 0, 2, 40] },
    { size: [300, 1], subject: [290, 0, 10, 1] },
    { size: [3, 300], subject: [0, 200, 3, 50] },
  ] as const)('and is thin, of $size, keeps $subject', async ({ size: [width, height], subject }) => {
    const [left, top, across, down] = subject;
    expect(await finishImage(await withSubject(width, height, subject), options)).toMatchObject({
      width: across,
      height: down,
      crop: { left, top, originalWidth: width, originalHeight: height },
    });
  });

  it.each([
    {
      of: 'a body with antennae',
      parts: [
        [50, 40, 40, 70],
        [20, 80, 30, 1],
        [60, 10, 1, 30],
        [90, 79, 100, 1],
        [70, 110, 1, 40],
      ],
      kept: [20, 10, 170, 140],
    },
    {
      of: 'a cross of thin lines',
      parts: [
        [50, 100, 101, 1],
        [100, 50, 1, 101],
      ],
      kept: [50, 50, 101, 101],
    },
    {
      of: 'single pixels',
      parts: [
        [0, 0, 1, 1],
        [199, 159, 1, 1],
      ],
      kept: [0, 0, 200, 160],
    },
    { of: 'one pixel in a corner', parts: [[199, 159, 1, 1]], kept: [199, 159, 1, 1] },
  ])('keeps every part of $of', async ({ parts, kept: [left, top, across, down] }) => {
    expect(await finishImage(await withSubject(200, 160, ...parts), options)).toMatchObject({
      width: across,
      height: down,
      crop: { left, top, originalWidth: 200, originalHeight: 160 },
    });
  });

  it.each([
    [1, 1],
    [300, 2],
    [40, 40],
  ] as const)('stays whole without a subject, of %i x %i', async (width, height) => {
    const empty = await withSubject(width, height);
    expect(await finishImage(empty, options)).toMatchObject({ width, height });
  });
});

it('no picture is opened without a limit', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  expect(files.length).toBeGreaterThan(50);
  for (const name of files) {
    const text = readFileSync(path.join(SOURCES, name), 'utf8');
    const isHelper = name === path.join('utils', 'openImage.ts');
    if (!isHelper) expect(text, name).not.toMatch(/\bsharp\s*\(|new Sharp|import\('sharp'\)/);
    expect(text, name).not.toMatch(/limitInputPixels: *(false|0)|unlimited: *true/);
  }
});
