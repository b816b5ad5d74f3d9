import { describe, expect, it } from 'vitest';
import { ImageViews } from '../../src/services/images/ImageViews.js';
import { imageView } from '../../src/services/images/imageView.js';
import { png } from '../support/pictures.js';

describe('the form in which a client wants to see a picture', () => {
  it.each([
    [undefined, undefined, undefined],
    [undefined, 'rgba', undefined],
    [undefined, 'other', undefined],
    [undefined, 'rgb', 'png-rgb'],
    [undefined, 'a', 'png-a'],
    ['', undefined, 'webp-90-rgba'],
    ['webp;80', undefined, 'webp-80-rgba'],
    ['webp;80', 'rgb', 'webp-80-rgb'],
    ['jpeg;75', undefined, 'jpeg-75-rgb'],
    ['jpeg;75', 'rgba', 'webp-75-rgba'],
    ['jpeg;75', 'a', 'webp-75-rgba'],
    ['jpeg;0', undefined, 'jpeg-1-rgb'],
    ['jpeg;999', undefined, 'jpeg-100-rgb'],
    ['jpeg;best', undefined, 'jpeg-90-rgb'],
    ['jpeg;-5', undefined, 'jpeg-90-rgb'],
    ['avif;70', undefined, 'webp-70-rgba'],
    ['60', undefined, 'webp-60-rgba'],
  ])('of preview %s and channel %s is %s', (preview, channel, expected) => {
    const view = imageView(preview, channel);
    const { format, quality, channels } = view ?? {};
    const known = view && [format, ...(format === 'png' ? [] : [quality]), channels].join('-');
    expect(known).toBe(expected);
  });
});

const VIEW = { format: 'webp', quality: 90, channels: 'rgba' } as const;
const MAX_PIXELS = 1e8;

/** A promise that resolves when the test wants it to. */
function held<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('pictures in another form', () => {
  it.each(['view', 'masked'] as const)(
    'are made for clients in turn, however many one of them requests (%s)',
    async (kind) => {
      const views = new ImageViews();
      const picture = await png();
      const made: string[] = [];
      const make = async (name: string) => {
        const sender = { client: name.charAt(0) };
        if (kind === 'view') await views.view(async () => picture, VIEW, MAX_PIXELS, sender);
        else await views.masked(async () => picture, picture, MAX_PIXELS, sender);
        made.push(name);
      };
      await Promise.all(['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map(make));
      expect(made).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
    },
  );

  it('do not wait for the file of another client', async () => {
    const views = new ImageViews();
    const picture = await png();
    const { promise, resolve } = held<Buffer>();
    const slow = views.view(() => promise, VIEW, MAX_PIXELS, { client: 'slow' });
    await views.view(async () => picture, VIEW, MAX_PIXELS, { client: 'other' });
    resolve(picture);
    await slow;
  });

  it('are not made for a client that has gone before its turn', async () => {
    const views = new ImageViews();
    const picture = await png();
    const { promise, resolve } = held<Buffer>();
    const first = views.view(() => promise, VIEW, MAX_PIXELS, { client: 'one' });
    const gone = new AbortController();
    let isLoaded = false;
    const load = async () => {
      isLoaded = true;
      return picture;
    };
    const second = views.view(load, VIEW, MAX_PIXELS, { client: 'one', signal: gone.signal });
    gone.abort(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    resolve(picture);
    await first;
    expect(isLoaded).toBe(false);
  });
});
