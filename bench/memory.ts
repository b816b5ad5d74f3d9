import { ApiClient } from './ApiClient.js';
import { FOR_EVER_MS, Machines, UNTIL_STOPPED } from './machines.js';
import { perSecond } from './measure.js';
import { WIDTH } from './pair.js';
import { LARGE, Picture } from './pictures.js';
import { type Effort, type Row, row } from './rows.js';
import { residentBytes } from './system.js';

/** The same as in the container: see the performance guide. */
const GIVING_BACK = { MALLOC_MMAP_THRESHOLD_: '32768' };

/**
 * The memory of a 1 MB job while it waits and after it is finished, and what remains after its expiry. Both cases run at once:
 * they measure memory, not time.
 */
export async function memory({ isQuick }: Effort): Promise<Row[]> {
  // Uncollected garbage of V8, tens of MB, counts as theirs: with more jobs it matters less.
  const images = isQuick ? 120 : 500;
  const picture = await Picture.ofSize(LARGE);
  const perJob = (name: string, bytes: number): Row => {
    const comparedWith = `the image: ${(picture.bytes / 1e6).toFixed(2)} MB`;
    const parts = { measured: `${(bytes / images / 1e6).toFixed(2)} MB`, comparedWith };
    return row(name, { ...parts, ratio: bytes / (images * picture.bytes) }, '<=1.15');
  };
  const [pending, { idle, full, after }] = await Promise.all([
    pendingBytes(images, picture),
    finishedBytes(images, picture),
  ]);
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  const left = { measured: megabytes(after), comparedWith: megabytes(idle), ratio: after / idle };
  return [
    perJob('memory, a pending job of 1 MB', pending),
    perJob('memory, a finished one', full - idle),
    row('memory behind their expiry', left, '<=1.15'),
  ];
}

/** The growth of a server's memory by `images` waiting jobs. */
async function pendingBytes(images: number, picture: Picture): Promise<number> {
  const machines = await Machines.start([FOR_EVER_MS], { ...UNTIL_STOPPED, ...GIVING_BACK });
  const api = new ApiClient(machines.server);
  await perSecond(40, WIDTH, () => api.submit(picture.next()));
  const before = residentBytes(machines.pid);
  await perSecond(images, WIDTH, () => api.submit(picture.next()));
  const grown = residentBytes(machines.pid) - before;
  await api.close();
  await machines.stop();
  return grown;
}

/** Memory without jobs, with `images` finished ones, and after their expiry. */
async function finishedBytes(
  images: number,
  picture: Picture,
): Promise<{ idle: number; full: number; after: number }> {
  // Longer than creating them takes.
  const lifetimeMs = images * 60;
  const machines = await Machines.start([0], { JOB_CLEANUP_INTERVAL: String(lifetimeMs), ...GIVING_BACK });
  const api = new ApiClient(machines.server);
  const fill = () => perSecond(images, WIDTH, () => api.process(picture.next()));
  // As many as are measured: memory that a process needs once, for its first hundreds of images, must not count.
  await fill();
  await allExpired(api, lifetimeMs);
  const idle = residentBytes(machines.pid);
  await fill();
  if ((await api.list()).total < images)
    throw new Error('the first images expired before the last were made');
  const full = residentBytes(machines.pid);
  await allExpired(api, lifetimeMs);
  const after = residentBytes(machines.pid);
  await api.close();
  await machines.stop();
  return { idle, full, after };
}

/** Waits until all jobs have expired, and for the garbage collection after that. */
async function allExpired(api: ApiClient, lifetimeMs: number): Promise<void> {
  const deadline = performance.now() + 3 * lifetimeMs;
  while ((await api.list()).total > 0) {
    if (performance.now() > deadline) throw new Error('jobs do not expire');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
}
