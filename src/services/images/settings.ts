import sharp from 'sharp';

/**
 * Configures sharp for a server. Its cache is for programs that process the same file repeatedly: here it would only
 * keep images. Jobs run in parallel on libuv's threads, so one image uses one thread.
 */
export function configureImages(): void {
  sharp.cache(false);
  sharp.concurrency(1);
}

/** Returns the number of images in progress, or waiting for one of libuv's threads. */
export function workOnImages(): number {
  const { queue, process } = sharp.counters();
  return queue + process;
}
