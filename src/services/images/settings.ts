import sharp from 'sharp';

/**
 * Sets sharp up for a server. Its cache is for programs that work on the same file again and again: here it would only
 * keep images. Jobs run side by side on libuv's threads, so one image gets one thread: more only take them
 * from the others.
 */
export function configureImages(): void {
  sharp.cache(false);
  sharp.concurrency(1);
}

/** How many images are being worked on, or wait for it, on libuv's threads. */
export function workOnImages(): number {
  const { queue, process } = sharp.counters();
  return queue + process;
}
