import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { configureImages } from '../../src/services/images/settings.js';

describe('the decoders of a server', () => {
  const files = new Map<string, Buffer>();

  beforeAll(async () => {
    const image = sharp({ create: { width: 20, height: 20, channels: 3, background: '#123456' } });
    for (const type of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const) {
      files.set(type, await image.clone()[type]().toBuffer());
    }
    // As in a process that has opened a picture before.
    await sharp(files.get('png')).stats();
    configureImages();
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'])('decode %s', async (type) => {
    const { channels } = await sharp(files.get(type)).stats();
    expect(Math.abs((channels[2]?.mean ?? 0) - 0x56)).toBeLessThan(4);
  });

  it('do not open an SVG', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    await expect(sharp(Buffer.from(svg)).metadata()).rejects.toThrow('unsupported');
  });
});
