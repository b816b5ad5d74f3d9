/** Images from ComfyUI on their way to the client: without metadata, and as a viewer shows them. */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { finishImage } from '../../src/services/images/finish.js';
import { imageView, viewImage } from '../../src/services/images/imageView.js';
import { isAnimated, keepImage } from '../../src/services/images/keepImage.js';
import { makeThumbnail } from '../../src/services/images/thumbnail.js';
import {
  difference,
  exifData,
  scene,
  sceneFile,
  viewOf,
  withChunks,
  withoutChunks,
} from '../support/imageFiles.js';
import { png } from '../support/pictures.js';

const MAX_PIXELS = 48 * 32;
/** Largest difference by lossy compression of a small image with many colours. */
const LOSSY = 20;
const SECRET = 'prompt:{"1":{"class_type":"x","inputs":{"api_key":"sk-secret"}}}';

describe('an image that is passed on', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('has no metadata but its orientation: %s', async (format) => {
    for (const orientation of [1, 3, 6]) {
      const bytes = await sharp(await png())
        .withMetadata({ orientation })
        .withExifMerge({ IFD0: { Model: SECRET } })
        .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- ${SECRET} --></x:xmpmeta>`)
        .withIccProfile('p3')
        .toFormat(format)
        .toBuffer();
      expect(bytes.includes('sk-secret')).toBe(true);
      const [shown, colours] = [await viewOf(bytes), (await sharp(bytes).metadata()).icc];
      const kept = await keepImage(bytes, MAX_PIXELS);
      expect(kept.bytes.includes('sk-secret')).toBe(false);
      expect(await viewOf(kept.bytes)).toEqual(shown);
      expect([kept.width, kept.height]).toEqual([shown.width, shown.height]);
      const { xmp, icc } = await sharp(kept.bytes).metadata();
      expect([xmp, icc]).toEqual([undefined, colours]);
      expect((await keepImage(kept.bytes, MAX_PIXELS)).bytes).toEqual(kept.bytes);
    }
  });

  it('has nothing behind its end, and no comments', async () => {
    const jpeg = await sharp(await png())
      .jpeg()
      .toBuffer();
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, 2 + SECRET.length]), Buffer.from(SECRET)]);
    const commented = Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2), Buffer.from(SECRET)]);
    expect((await keepImage(commented, MAX_PIXELS)).bytes).toEqual(jpeg);
    const webp = await sharp(await png())
      .webp()
      .toBuffer();
    expect((await keepImage(Buffer.concat([webp, Buffer.from(SECRET)]), MAX_PIXELS)).bytes).toEqual(webp);
  });

  it.each(['png', 'webp'] as const)(
    'keeps its frames and its orientation where it moves: %s',
    async (format) => {
      const raw = { width: 8, height: 16, channels: 3 as const, pageHeight: 8 };
      const frames = sharp(Buffer.from(Array.from({ length: 384 }, (_, n) => n % 251)), { raw });
      const plain = await (format === 'webp'
        ? frames.webp({ lossless: true, delay: [70, 90] })
        : sharp(await png()).png()
      ).toBuffer();
      const text: [string, Buffer] = ['tEXt', Buffer.from(`prompt\0${SECRET}`)];
      const control: [string, Buffer] = ['acTL', Buffer.from('0000000100000000', 'hex')];
      const moving =
        format === 'webp'
          ? await sharp(plain, { animated: true })
              .withMetadata({ orientation: 8 })
              .withExifMerge({ IFD0: { Model: SECRET } })
              .webp({ lossless: true })
              .toBuffer()
          : withChunks(plain, 'IDAT', ['eXIf', exifData(8)], control, text);
      const kept = await keepImage(moving, MAX_PIXELS);
      expect([isAnimated(kept.bytes), kept.bytes.includes('sk-secret')]).toEqual([true, false]);
      const about = async (bytes: Buffer) => {
        const { pages, delay, orientation } = await sharp(bytes, { animated: true }).metadata();
        return { pages, delay, orientation, pixels: await sharp(bytes, { animated: true }).raw().toBuffer() };
      };
      expect(await about(kept.bytes)).toEqual(await about(moving));
      expect((await about(kept.bytes)).orientation).toBe(8);
    },
  );
});

describe('a rotated image', () => {
  const options = { cropToSubject: false, transparencyOf: undefined, maxPixels: 30 * 60 } as const;
  const FORMATS = ['png', 'jpeg', 'webp'] as const;

  it.each(FORMATS.flatMap((from) => (['PNG', 'JPEG', 'WEBP'] as const).map((to) => [from, to] as const)))(
    'from %s is upright as %s',
    async (format, to) => {
      for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
        const file = await sceneFile({ format, kind: 'rgb', depth: 8, profile: 'none', orientation });
        const finished = await finishImage(file, { ...options, format: to });
        const view = await viewOf(finished.bytes);
        expect([finished.width, finished.height]).toEqual([view.width, view.height]);
        expect(difference(scene('rgb'), view)).toBeLessThanOrEqual(to === 'PNG' ? 3 : LOSSY);
        const thumbnail = await viewOf(await makeThumbnail(file, options.maxPixels));
        expect(difference(scene('rgb'), thumbnail)).toBeLessThanOrEqual(LOSSY);
      }
    },
  );

  it('is cropped as it is shown', async () => {
    const data = Buffer.alloc(30 * 60 * 4);
    // Stored at the bottom left: with orientation 6, it is at the top left.
    for (let y = 50; y < 60; y += 1) data.fill(255, 4 * 30 * y, 4 * (30 * y + 5));
    const stored = sharp(data, { raw: { width: 30, height: 60, channels: 4 } }).withMetadata({
      orientation: 6,
    });
    for (const file of [
      await stored.clone().png().toBuffer(),
      await stored.webp({ lossless: true }).toBuffer(),
    ]) {
      const { width, height, crop } = await finishImage(file, {
        ...options,
        format: 'PNG',
        cropToSubject: true,
      });
      expect({ width, height, crop }).toEqual({
        width: 10,
        height: 5,
        crop: { left: 0, top: 0, originalWidth: 60, originalHeight: 30 },
      });
    }
  });
});

describe('an image of unusual colours', () => {
  const options = { cropToSubject: false, transparencyOf: undefined, maxPixels: MAX_PIXELS } as const;
  const plain = { format: 'png', kind: 'rgb', depth: 8, profile: 'none', orientation: 1 } as const;
  /** The same colours, as numbers of Display P3 (ITU-T H.273) in place of its profile. */
  const numbered = async () => {
    const file = withoutChunks(await sceneFile({ ...plain, profile: 'p3' }), 'iCCP');
    return withChunks(file, 'IDAT', ['cICP', Buffer.from([12, 13, 0, 1])]);
  };

  it.each([
    ['16 bits', () => sceneFile({ ...plain, depth: 16 }), 'rgb'],
    ['16 bits in Display P3', () => sceneFile({ ...plain, depth: 16, profile: 'p3' }), 'rgb'],
    [
      '16 bits in Adobe RGB, with transparency',
      () => sceneFile({ ...plain, kind: 'rgba', depth: 16, profile: 'adobe' }),
      'rgba',
    ],
    ['8 bits in Display P3', () => sceneFile({ ...plain, profile: 'p3' }), 'rgb'],
    ['greys with a profile', () => sceneFile({ ...plain, kind: 'grey', profile: 'grey 1.8' }), 'grey'],
    [
      'greys of 16 bits with a profile',
      () => sceneFile({ ...plain, kind: 'grey', depth: 16, profile: 'grey 1.8' }),
      'grey',
    ],
    [
      'a JPEG of greys with a profile',
      () => sceneFile({ ...plain, format: 'jpeg', kind: 'grey', profile: 'grey 1.8' }),
      'grey',
    ],
    ['Display P3 by numbers', numbered, 'rgb'],
  ] as const)('is converted as a viewer shows it: %s', async (_, made, kind) => {
    const file = await made();
    const webp = await finishImage(file, { ...options, format: 'WEBP' });
    expect(difference(scene(kind), await viewOf(webp.bytes))).toBeLessThanOrEqual(LOSSY);
    const cropped = await finishImage(file, { ...options, format: 'PNG', cropToSubject: true });
    const { left = 0, top = 0 } = cropped.crop ?? {};
    const { data, width, height } = scene(kind);
    const region = { left, top, width: cropped.width, height: cropped.height };
    const part = await sharp(data, { raw: { width, height, channels: 4 } })
      .extract(region)
      .raw()
      .toBuffer();
    // Without transparency there is nothing to crop, and the values of the file are passed on with their profile.
    if (kind === 'rgba')
      expect(difference({ data: part, ...region }, await viewOf(cropped.bytes))).toBeLessThanOrEqual(3);
    expect(difference(scene(kind), await viewOf(await makeThumbnail(file, MAX_PIXELS)))).toBeLessThanOrEqual(
      LOSSY,
    );
    const view = imageView('webp;100');
    if (!view) throw new Error('there is no view');
    expect(
      difference(scene(kind), await viewOf(await viewImage(file, view, MAX_PIXELS))),
    ).toBeLessThanOrEqual(LOSSY);
    const rgb = await viewImage(file, { ...view, format: 'png', channels: 'rgb' }, MAX_PIXELS);
    if (kind !== 'rgba') expect(difference(scene(kind), await viewOf(rgb))).toBeLessThanOrEqual(3);
  });
});
