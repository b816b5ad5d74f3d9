/** `/upload/mask` on the port of ComfyUI's own API. */
import { afterEach, expect, it } from 'vitest';
import { NativeSite } from '../support/NativeSite.js';
import { run } from '../support/nativeRuns.js';
import { png } from '../support/pictures.js';

const site = new NativeSite();
afterEach(() => site.stop());

const SVG = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>',
);
const reference = (place: object) => ({ original_ref: JSON.stringify(place) });

it('does not draw an SVG: neither as the mask nor as its picture', async () => {
  const client = await site.start();
  await client.upload('photo.png', await png({ width: 64, height: 64 }));
  await client.upload('drawing.png', SVG);
  const photo = reference({ filename: 'photo.png', type: 'input' });
  const drawing = reference({ filename: 'drawing.png', type: 'input' });
  const mask = await png({ width: 64, height: 64 });
  for (const [bytes, place] of [
    [SVG, photo],
    [mask, drawing],
  ] as const) {
    expect(await client.upload('masked.png', bytes, place, '/upload/mask')).toMatchObject({
      error: { type: 'unsupported_image_type' },
    });
  }
  expect((await client.view({ filename: 'masked.png', type: 'input' })).status).toBe(404);
});

it('accepts a mask for a result that is larger than uploads may be', async () => {
  const client = await site.start({ env: { MAX_IMAGE_PIXELS: '10000' } });
  await client.upload('photo.png', await png({ width: 60, height: 60 }));
  const enlarged = {
    '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
    '2': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'large' } },
    '3': {
      class_type: 'ImageScaleBy',
      inputs: { image: ['1', 0], upscale_method: 'nearest-exact', scale_by: 4 },
    },
  };
  const { image } = await run(client, enlarged);
  const mask = await png({ width: 240, height: 240 });
  const answer = await client.upload('masked.png', mask, reference(image), '/upload/mask');
  expect(answer).toMatchObject({ name: 'masked.png', type: 'input' });
});

it('reports the limit of pixels as such', async () => {
  const client = await site.start({ env: { MAX_IMAGE_PIXELS: '10000' } });
  await client.upload('large.png', await png({ width: 120, height: 120 }));
  const mask = await png({ width: 120, height: 120 });
  const place = reference({ filename: 'large.png', type: 'input' });
  expect(await client.upload('masked.png', mask, place, '/upload/mask')).toMatchObject({
    error: { type: 'image_too_large' },
  });
});

it('finds the picture by a name that ends with its folder, as in ComfyUI', async () => {
  const client = await site.start();
  await client.upload('photo.png', await png({ width: 60, height: 60 }));
  const mask = await png({ width: 60, height: 60 });
  const place = reference({ filename: 'photo.png [input]', type: 'output' });
  expect(await client.upload('masked.png', mask, place, '/upload/mask')).toMatchObject({
    name: 'masked.png',
  });
  // A new file keeps its whole name.
  const uploaded = await client.upload('masked.png [temp]', mask);
  expect(uploaded).toMatchObject({ name: 'masked.png [temp]', type: 'input' });
});
