import sharp from 'sharp';

/** Loaders of libvips for the files that clients and machines send. Any other is a way in: an SVG is a program that draws. */
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((name) => `VipsForeignLoad${name}`);

/**
 * Configures sharp for a server, for the whole process. Only `LOADERS` read files. Its cache is for programs that process the same file repeatedly: here it would only
 * keep images. Jobs run in parallel on libuv's threads, so one image uses one thread.
 */
export function configureImages(): void {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: LOADERS });
  sharp.cache(false);
  sharp.concurrency(1);
}

/** Returns the number of images in progress, or waiting for one of libuv's threads. */
export function workOnImages(): number {
  const { queue, process } = sharp.counters();
  return queue + process;
}
