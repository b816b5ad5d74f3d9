import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workflows } from '../../src/workflows/index.js';
import { invertImage } from '../examples/invertImage.js';
import {
  caseFile,
  difference,
  exifData,
  negativeOf,
  scene,
  sceneFile,
  type View,
  viewOf,
  withChunks,
} from '../support/imageFiles.js';
import { Stack } from '../support/stack.js';

const PNG_TOLERANCE = 3;
const JPEG_TOLERANCE = 6;

type Options = Parameters<typeof sceneFile>[0];

/** The scene in every encoding of each format, each in another orientation, and each orientation in each format. */
function files(): Options[] {
  const all: Array<Omit<Options, 'orientation'>> = [];
  for (const format of ['png', 'jpeg', 'webp'] as const) {
    for (const profile of ['none', 'srgb', 'p3', 'adobe'] as const) {
      all.push({ format, profile, kind: 'rgb', depth: 8 });
      if (format !== 'jpeg') all.push({ format, profile, kind: 'rgba', depth: 8 });
      if (format === 'png') all.push({ format, profile, kind: 'rgb', depth: 16 });
      if (format === 'png') all.push({ format, profile, kind: 'rgba', depth: 16 });
    }
  }
  for (const depth of [8, 16] as const) {
    all.push({ format: 'png', profile: 'none', kind: 'grey', depth });
    all.push({ format: 'png', profile: 'none', kind: 'grey+alpha', depth });
    all.push({ format: 'png', profile: 'grey 1.8', kind: 'grey', depth });
  }
  all.push({ format: 'jpeg', profile: 'none', kind: 'grey', depth: 8 });
  all.push({ format: 'jpeg', profile: 'grey 1.8', kind: 'grey', depth: 8 });
  all.push({ format: 'png', profile: 'none', kind: 'palette', depth: 8 });
  const plain = (['png', 'jpeg', 'webp'] as const).flatMap((format) =>
    [1, 2, 3, 4, 5, 6, 7, 8].map((orientation) => ({
      format,
      profile: 'none' as const,
      kind: 'rgb' as const,
      depth: 8 as const,
      orientation,
    })),
  );
  return [...plain, ...all.map((one, n) => ({ ...one, orientation: 1 + ((n * 3) % 8) }))];
}

const nameOf = ({ format, profile, kind, depth, orientation }: Options) =>
  `${format}, ${kind} of ${depth} bits, profile ${profile}, orientation ${orientation}`;

describe.each(['upload', 'base64'])('with COMFYUI_IMAGE_INPUT=%s', (mode) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({
      env: { ALLOWED_IMAGE_TYPES: 'image/png,image/jpeg,image/webp', COMFYUI_IMAGE_INPUT: mode },
      overrides: { workflows: [...workflows, invertImage] },
    });
  });
  afterAll(() => stack.stop());

  /** Sends a file through a workflow that keeps the position of every pixel. */
  async function through(file: Buffer): Promise<View> {
    const { image } = await stack.client.process('invert-image', file);
    return negativeOf(await viewOf(image));
  }

  it.each(files().map((options) => [nameOf(options), options] as const))('%s', async (_, options) => {
    const view = await through(await sceneFile(options));
    const tolerance = options.format === 'jpeg' ? JPEG_TOLERANCE : PNG_TOLERANCE;
    expect(difference(scene(options.kind), view)).toBeLessThanOrEqual(tolerance);
  });

  it.each([
    'display-p3.jpg',
    'display-p3.png',
    'cmyk.jpg',
    'gps-in-exif.jpg',
    'animated.png',
    'no-end-chunk.png',
    'no-end-marker-zero-padding.jpg',
    'result-with-prompt-inside.png',
    'grey-16bit.png',
  ])('%s comes back as it is seen', async (name) => {
    const tolerance = name.endsWith('.jpg') ? JPEG_TOLERANCE : PNG_TOLERANCE;
    const { image } = await stack.client.process('invert-image', caseFile(name));
    expect(difference(await viewOf(caseFile(name)), negativeOf(await viewOf(image)))).toBeLessThanOrEqual(
      tolerance,
    );
    const { exif, comments, xmp } = await sharp(image).metadata();
    expect([exif, comments, xmp]).toEqual([undefined, undefined, undefined]);
  });

  it('turns by EXIF data behind the pixels, and by those with a prefix', async () => {
    const behind = caseFile('exif-after-pixels.png');
    const turned = await viewOf(await sharp(behind).rotate(90).png().toBuffer());
    expect(difference(turned, await through(behind))).toBeLessThanOrEqual(PNG_TOLERANCE);
    const plain = await sceneFile({ format: 'png', kind: 'rgb', depth: 8, profile: 'none', orientation: 1 });
    const exif = Buffer.concat([Buffer.from('Exif\0\0'), exifData(3)]);
    const upsideDown = await viewOf(await sharp(plain).rotate(180).png().toBuffer());
    for (const before of ['IDAT', 'IEND']) {
      const view = await through(withChunks(plain, before, ['eXIf', exif]));
      expect(difference(upsideDown, view)).toBeLessThanOrEqual(PNG_TOLERANCE);
    }
  });

  it.each(['two-frame-headers.jpg', 'two-headers.png', 'pixels-not-zlib.png'])(
    '%s is refused, and no machine sees it',
    async (name) => {
      const before = stack.simulator().promptIds.length;
      for (const path of ['/api/invert-image', '/api/async/invert-image']) {
        expect((await stack.client.refused(path, caseFile(name), 400)).code).toBe('INVALID_IMAGE');
      }
      expect(stack.simulator().promptIds.length).toBe(before);
    },
  );
});
