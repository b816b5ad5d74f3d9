import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { workOnImages } from '../../src/services/images/settings.js';
import { Thumbnails, UndecodableImage } from '../../src/services/images/Thumbnails.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack | undefined;
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
});

const LIMITS = { maxPixels: 1e8, maxBytes: 1e6 };

/** An image that keeps a thread busy for a while. */
const large = () => png({ width: 2000, height: 2000 });

/**
 * Number of images that are processed or wait for a thread. sharp reads its two counters one after the other, so an image
 * that moves from one to the other in between counts twice. Of two readings, the lower one is right.
 */
const busyThreads = () => Math.min(workOnImages(), workOnImages());

describe('a thumbnail', () => {
  it('is made once, however many ask for it and whenever', async () => {
    const thumbnails = new Thumbnails(LIMITS);
    const picture = await large();
    let loaded = 0;
    const load = async () => {
      loaded += 1;
      return picture;
    };
    const all = await Promise.all(Array.from({ length: 200 }, () => thumbnails.get('a', load, 'client')));
    all.push(await thumbnails.get('a', load, 'client'));
    expect(loaded).toBe(1);
    expect(new Set(all).size).toBe(1);
    expect(await sharp(all[0]).metadata()).toMatchObject({ format: 'webp', width: 192, height: 192 });
    thumbnails.forget('a');
    expect(thumbnails.bytes).toBe(0);
    await thumbnails.get('a', load, 'client');
    expect(loaded).toBe(2);
  });

  it('is made one after the other, so that jobs find threads', async () => {
    const thumbnails = new Thumbnails(LIMITS);
    const picture = await large();
    // Work that another test file left in this process.
    await eventually(() => expect(busyThreads()).toBe(0));
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, busyThreads());
    }, 1);
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => thumbnails.get(String(n), async () => picture, 'client')),
    );
    clearInterval(watch);
    expect(most).toBe(1);
  });

  it('is made for clients in turn, however many one of them requests', async () => {
    const thumbnails = new Thumbnails(LIMITS);
    const picture = await png();
    const made: string[] = [];
    const get = (name: string) => {
      const load = async () => {
        made.push(name);
        return picture;
      };
      return thumbnails.get(name, load, name.charAt(0));
    };
    await Promise.all(['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map(get));
    // The first one starts before the others are there.
    expect(made).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  });

  it('is kept within a bound: what was not asked for goes first', async () => {
    const picture = await png();
    const thumbnails = new Thumbnails(LIMITS);
    const size = (await thumbnails.get('size', async () => picture, 'client')).length;
    const few = new Thumbnails({ ...LIMITS, maxBytes: 3 * size });
    let loaded = '';
    const get = (id: string) =>
      few.get(
        id,
        async () => {
          loaded += id;
          return picture;
        },
        'client',
      );
    for (const id of ['a', 'b', 'c', 'a', 'd', 'a', 'b']) await get(id);
    expect(loaded).toBe('abcdb');
    expect(few.bytes).toBe(3 * size);
  });

  it('that failed is made again, and one that is forgotten meanwhile is not kept', async () => {
    const thumbnails = new Thumbnails(LIMITS);
    const picture = await large();
    const failing = thumbnails.get('a', async () => Promise.reject(new Error('no such result')), 'client');
    await expect(failing).rejects.toThrow('no such result');
    const damaged = thumbnails.get('a', async () => picture.subarray(0, 40), 'client');
    await expect(damaged).rejects.toBeInstanceOf(UndecodableImage);
    const making = thumbnails.get('a', async () => picture, 'client');
    thumbnails.forget('a');
    await making;
    expect(thumbnails.bytes).toBe(0);
  });
});

describe('the thumbnail of a job', () => {
  it('goes with the job, and with its result', async () => {
    const image = await png();
    stack = await Stack.start({ env: { MAX_RESULT_MEMORY: '20000', MAX_RESULT_SIZE: '20000' } });
    const { client, services } = stack;
    const make = async (n: number) => {
      const id = await client.submit('remove-background', await png({ colour: colourOf(n) }));
      await client.finished(id);
      const path = `/api/jobs/${id}/result/thumbnail`;
      const response = await client.request(path);
      expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'image/webp']);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
      return { id, path };
    };
    const removed = await make(1);
    expect(services.thumbnails.bytes).toBeGreaterThan(0);
    await services.manager.remove(removed.id);
    expect(services.thumbnails.bytes).toBe(0);
    await client.error(removed.path, 404);

    const dropped = await make(2);
    const one = services.thumbnails.bytes;
    for (let n = 3; n < 100; n += 1) {
      await client.finished(await client.submit('upscale-image', image));
      if (services.thumbnails.bytes < one) break;
    }
    expect(services.thumbnails.bytes).toBe(0);
    await eventually(async () => {
      expect((await client.error(dropped.path, 410)).code).toBe('RESULT_EXPIRED');
    });
  });
});
