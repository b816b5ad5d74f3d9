import zlib from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { syncAnswer } from '../../src/schemas/jobs.js';
import { makeChunk, pngChunks, SIGNATURE } from '../../src/services/images/pngChunks.js';
import { withChunks } from '../support/imageFiles.js';
import {
  colourOf,
  distance,
  jpeg,
  middle,
  pixel,
  png,
  sidewaysPhoto,
  transparentPng,
} from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ env: { ALLOWED_IMAGE_TYPES: 'image/png,image/jpeg,image/webp' } });
});
afterAll(() => stack.stop());

const sizeOf = async (image: Buffer) => {
  const { width, height } = await sharp(image).metadata();
  return [width, height];
};
const RED = { r: 0xc0, g: 0x20, b: 0x20 };

describe('remove-background', () => {
  it('gives a transparent border and an opaque subject', async () => {
    const { image, body } = await stack.client.process(
      'remove-background',
      await png({ width: 80, height: 60 }),
    );
    expect(await sizeOf(image)).toEqual([80, 60]);
    expect([body.result.width, body.result.height, body.result.size_bytes]).toEqual([80, 60, image.length]);
    for (const [x, y] of [
      [0, 0],
      [79, 0],
      [0, 59],
      [79, 59],
      [40, 2],
    ] as const) {
      expect((await pixel(image, x, y)).alpha).toBe(0);
    }
    expect((await middle(image)).alpha).toBe(255);
  });

  it('crops to the subject where that is asked for', async () => {
    const { image, body } = await stack.client.process(
      'remove-background',
      await png({ width: 80, height: 60 }),
      { crop: 'TRUE' },
    );
    const [width = 0, height = 0] = await sizeOf(image);
    expect(width).toBeGreaterThanOrEqual(40);
    expect(width).toBeLessThanOrEqual(46);
    expect(height).toBeGreaterThanOrEqual(30);
    expect(height).toBeLessThanOrEqual(36);
    expect([body.result.width, body.result.height]).toEqual([width, height]);
    expect((await middle(image)).alpha).toBe(255);
  });

  it('leaves a picture with no subject whole when it should crop', async () => {
    const plain = await sharp({ create: { width: 30, height: 20, channels: 3, background: '#eee' } })
      .png()
      .toBuffer();
    const { image } = await stack.client.process('remove-background', plain, { crop: 'true' });
    expect(await sizeOf(image)).toEqual([30, 20]);
  });

  it('keeps transparent what was transparent', async () => {
    const { image } = await stack.client.process('remove-background', await transparentPng(40));
    expect((await pixel(image, 0, 0)).alpha).toBe(0);
  });

  it('flattens a JPEG on white', async () => {
    const { image, body } = await stack.client.process(
      'remove-background',
      await png({ width: 80, height: 60 }),
      { format: 'jpeg' },
    );
    expect((await sharp(image).metadata()).format).toBe('jpeg');
    expect(body.result.format).toBe('JPEG');
    expect(body.result.image_base64.startsWith('data:image/jpeg;base64,')).toBe(true);
    expect(distance(await pixel(image, 1, 1), { r: 255, g: 255, b: 255 })).toBeLessThan(4);
  });

  it('keeps the transparency in a WebP', async () => {
    const { image } = await stack.client.process('remove-background', await png({ width: 80, height: 60 }), {
      format: 'WebP',
    });
    expect((await sharp(image).metadata()).format).toBe('webp');
    expect((await pixel(image, 0, 0)).alpha).toBe(0);
  });
});

describe('what this server cannot convert or crop', () => {
  const plain = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#c03020' } })
      .png()
      .toBuffer();

  it.each([
    ['upscale-image', 'WEBP', 4096, '16384 x 8 pixels; a WEBP has at most 16383 pixels on a side'],
    ['upscale-image', 'JPEG', 16_376, '65504 x 8 pixels; a JPEG has at most 65500 pixels on a side'],
    ['remove-background', 'WEBP', 16_384, '16384 x 2 pixels; a WEBP has at most 16383 pixels on a side'],
  ])('%s refuses a %s that is too long before it runs', async (type, format, width, problem) => {
    const before = stack.simulator().promptIds.length;
    const error = await stack.client.refused(`/api/${type}`, await plain(width, 2), 413, {
      fields: { format },
    });
    expect(error).toMatchObject({ code: 'IMAGE_TOO_LARGE', error: `The result would be ${problem}.` });
    expect(stack.simulator().promptIds).toHaveLength(before);
  });

  it('fails once, for its own fault, if only the run shows how long it is', async () => {
    const fields = { format: 'WEBP', crop: 'true' };
    const wide = await png({ width: 33_600, height: 12 });
    const id = await stack.client.submit('remove-background', wide, fields);
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: expect.stringMatching(/^The result is \d+ x \d+ pixels; a WEBP has at most 16383 pixels/),
    });
    // Cropped, a wider image than the format allows can be small enough.
    const narrow = await png({ width: 20_000, height: 12 });
    const { image } = await stack.client.process('remove-background', narrow, fields);
    expect((await sizeOf(image))[0]).toBeLessThan(16_383);
  });

  it.each([
    [1, 1],
    [2, 2],
    [300, 2],
    [2, 300],
  ])('crops %i x %i', async (width, height) => {
    const { image } = await stack.client.process('remove-background', await plain(width, height), {
      crop: 'true',
    });
    const [w = 0, h = 0] = await sizeOf(image);
    expect(w > 0 && w <= width && h > 0 && h <= height).toBe(true);
  });

  it('refuses transparency that it cannot decode, before it runs', async () => {
    const before = stack.simulator().promptIds.length;
    const half = (packed: Buffer) => {
      const pixels = zlib.inflateSync(packed);
      return zlib.deflateSync(pixels.subarray(0, pixels.length / 2));
    };
    const withoutChecksum = (packed: Buffer) => packed.subarray(0, -4);
    for (const change of [half, withoutChecksum]) {
      const broken = withPixels(await transparentPng(40), change);
      const error = await stack.client.refused('/api/remove-background', broken, 400);
      expect(error.code).toBe('INVALID_IMAGE');
    }
    expect(stack.simulator().promptIds).toHaveLength(before);
  });

  it('repairs transparency that it can decode without an unknown chunk', async () => {
    const unknown = withChunks(await transparentPng(40), 'IDAT', ['ABCD', Buffer.from('x')]);
    const { image } = await stack.client.process('remove-background', unknown);
    expect((await pixel(image, 0, 0)).alpha).toBe(0);
    expect((await middle(image)).alpha).toBe(255);
  });
});

/** Replaces the packed pixels of a small PNG. */
function withPixels(png: Buffer, change: (packed: Buffer) => Buffer): Buffer {
  const chunks = [...pngChunks(png)].map(({ name, data, whole }) =>
    name === 'IDAT' ? makeChunk(name, change(data)) : whole,
  );
  return Buffer.concat([SIGNATURE, ...chunks]);
}

describe('upscale-image', () => {
  it.each([
    ['4', [80, 48]],
    ['1', [20, 12]],
    ['2', [40, 24]],
    ['2.5', [50, 30]],
  ])('enlarges %s times', async (scale, size) => {
    const { image, body } = await stack.client.process(
      'upscale-image',
      await png({ width: 20, height: 12 }),
      { scale },
    );
    expect(await sizeOf(image)).toEqual(size);
    expect(body.result.upscale_factor).toBe(`${scale}x`);
  });

  it.each(['jpeg', 'png'] as const)('stands a %s phone photo upright', async (format) => {
    const { image } = await stack.client.process('upscale-image', await sidewaysPhoto(format));
    expect(await sizeOf(image)).toEqual([120, 240]);
    expect((await sharp(image).metadata()).orientation).toBeUndefined();
    expect(distance(await pixel(image, 60, 20), RED)).toBeLessThan(24);
    expect(distance(await pixel(image, 60, 200), RED)).toBeGreaterThan(60);
  });

  it('enlarges the transparency beside the picture', async () => {
    const { image } = await stack.client.process('upscale-image', await transparentPng(40));
    expect(await sizeOf(image)).toEqual([160, 160]);
    expect((await pixel(image, 2, 2)).alpha).toBe(0);
    expect((await pixel(image, 157, 157)).alpha).toBe(0);
    expect((await middle(image)).alpha).toBe(255);
    const enlarged = await sharp(await transparentPng(40))
      .extractChannel(3)
      .resize(160, 160)
      .raw()
      .toBuffer();
    const alpha = await sharp(image).extractChannel(3).raw().toBuffer();
    const off =
      alpha.reduce((sum, value, at) => sum + Math.abs(value - (enlarged[at] ?? 0)), 0) / alpha.length;
    expect(off).toBeLessThan(2);
  });

  it('enlarges the transparency of a palette', async () => {
    const palette = await sharp(await transparentPng(40))
      .png({ palette: true, colours: 8 })
      .toBuffer();
    const { image } = await stack.client.process('upscale-image', palette);
    expect((await pixel(image, 2, 2)).alpha).toBe(0);
    expect((await middle(image)).alpha).toBe(255);
  });

  it('takes a WebP where that type is allowed', async () => {
    const webp = await sharp(await png({ colour: colourOf(11) }))
      .webp({ lossless: true })
      .toBuffer();
    const { image } = await stack.client.process('upscale-image', webp);
    expect(distance(await middle(image), colourOf(11))).toBeLessThan(8);
  });
});

describe('upscale-remove-bg', () => {
  it('enlarges, then cuts out', async () => {
    const { image, body } = await stack.client.process(
      'upscale-remove-bg',
      await jpeg({ width: 40, height: 30 }),
      { scale: '3' },
    );
    expect(await sizeOf(image)).toEqual([120, 90]);
    expect(body.result.upscale_factor).toBe('3x');
    expect((await pixel(image, 1, 1)).alpha).toBe(0);
    expect((await middle(image)).alpha).toBe(255);
  });
});

describe('Accept without a format', () => {
  const typeFor = async (accept: string, fields: Record<string, string> = {}) => {
    const headers = { Accept: accept };
    const answer = await stack.client.post('/api/remove-background', await png(), { headers, fields });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('vary')).toContain('Accept');
    const type = answer.headers.get('content-type') ?? '';
    if (!type.startsWith('image/')) return `json ${syncAnswer.parse(await answer.json()).result.format}`;
    const { format } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
    expect(type).toBe(`image/${format}`);
    return type;
  };

  it.each([
    ['image/webp', 'image/webp'],
    ['image/jpeg', 'image/jpeg'],
    ['image/png', 'image/png'],
    ['image/*', 'image/png'],
    ['image/avif, image/webp;q=0.5', 'image/webp'],
    ['image/png;q=0.2, image/jpeg;q=0.9', 'image/jpeg'],
    ['application/json;q=0.5, image/webp', 'image/webp'],
    ['application/json, image/webp;q=0.5', 'json PNG'],
    ['*/*', 'json PNG'],
    ['image/avif, */*;q=0.1', 'json PNG'],
    ['text/html', 'json PNG'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', 'json PNG'],
  ])('%s gives %s', async (accept, type) => {
    expect(await typeFor(accept)).toBe(type);
  });

  it('yields to the format that was asked for', async () => {
    expect(await typeFor('image/webp', { format: 'jpeg' })).toBe('image/jpeg');
  });

  it('is refused for a type that no result has, before anything runs', async () => {
    const before = stack.simulator().promptIds.length;
    for (const headers of [{ Accept: 'image/avif' }, { Accept: 'image/avif, image/gif;q=0.5' }]) {
      const refusal = await stack.client.refused('/api/remove-background', await png(), 406, { headers });
      expect(refusal.code).toBe('NOT_ACCEPTABLE');
    }
    expect(stack.simulator().promptIds.length).toBe(before);
  });

  it('gives a finished job as it is, or not at all', async () => {
    const id = await stack.client.submit('remove-background', await png(), { format: 'jpeg' });
    await stack.client.finished(id);
    const path = `/api/jobs/${id}/result`;
    const webp = await stack.client.request(path, { headers: { Accept: 'image/webp' } });
    expect(webp.headers.get('content-type')).toBe('image/jpeg');
    const refusal = await stack.client.error(path, 406, { headers: { Accept: 'image/avif' } });
    expect(refusal.code).toBe('NOT_ACCEPTABLE');
  });
});
