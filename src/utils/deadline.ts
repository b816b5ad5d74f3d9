/** The reason of a signal whose time is over. */
export class DeadlineExceeded extends Error {
  override name = 'DeadlineExceeded';
}

/** Number of parts of a deadline. */
const PARTS = 8;

/**
 * Calls `onOver` after `ms` milliseconds. Time in which this process could not run (it was paused, or busy) counts at
 * most as an eighth: a response that arrived meanwhile is still in its socket.
 * @returns a function that cancels it
 */
export function countDown(ms: number, onOver: () => void): () => void {
  let left = PARTS;
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  const next = () => {
    timer = setTimeout(() => {
      left -= 1;
      // Sockets are read first.
      if (left === 0) immediate = setImmediate(onOver);
      else next();
    }, ms / PARTS);
  };
  next();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/**
 * Runs `work` with a signal that is aborted after `ms` milliseconds in which this process could run (reason:
 * `DeadlineExceeded`), or together with `parent` (its reason). Unlike `AbortSignal.timeout` and `any` it leaves no
 * timer and no listener behind.
 */
export async function withDeadline<T>(
  ms: number,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onParent = () => controller.abort(parent?.reason);
  if (parent?.aborted) onParent();
  const stop = countDown(ms, () => controller.abort(new DeadlineExceeded(`not done within ${ms} ms`)));
  parent?.addEventListener('abort', onParent, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    stop();
    parent?.removeEventListener('abort', onParent);
  }
}

/** The value of the promise, or a rejection with the signal's reason if the signal is aborted first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // The promise may reject later, when nobody waits for it: an unhandled rejection would end the process.
  if (signal.aborted) promise.catch(() => undefined);
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The value of the promise, if it settles within `ms` milliseconds. The work continues in any case.
 * @throws DeadlineExceeded after that time
 */
export async function settledWithin<T>(ms: number, promise: Promise<T>): Promise<T> {
  // Work in memory settles in the same turn; a timer would cost more than the work.
  let isSettled = false;
  const mark = () => {
    isSettled = true;
  };
  promise.then(mark, mark);
  await Promise.resolve();
  if (isSettled) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceeded(`not done within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
