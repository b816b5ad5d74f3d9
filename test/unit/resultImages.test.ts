/** Images from ComfyUI on their way to the client: without metadata, and as a viewer shows them. */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { isAnimated, keepImage } from '../../src/services/images/keepImage.js';
import { exifData, viewOf, withChunks } from '../support/imageFiles.js';
import { png } from '../support/pictures.js';

const MAX_PIXELS = 48 * 32;
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
