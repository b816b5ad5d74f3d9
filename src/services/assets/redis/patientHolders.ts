import type { AssetHolders } from '../AssetHolders.js';

/** The connection, as far as it is looked at here. */
interface Availability {
  readonly isAvailable: boolean;
  onChange(listener: (isAvailable: boolean) => void): () => void;
}

/** Calls that fail although Redis answers, one after the other, before the failure is told. */
const MAX_FAILURES = 5;

/**
 * The same holders, which wait for Redis where a file is to be held: what a machine made while Redis was away is not lost.
 * Whoever calls limits the time.
 */
export function patientHolders(holders: AssetHolders, redis: Availability): AssetHolders {
  const patiently = async <T>(call: () => Promise<T> | T): Promise<T> => {
    for (let failures = 0; ; failures += 1) {
      try {
        return await call();
      } catch (error) {
        if (redis.isAvailable && failures >= MAX_FAILURES) throw error;
        await available(redis);
      }
    }
  };
  return {
    take: (hash, holder) => patiently(() => holders.take(hash, holder)),
    share: (hash, holder) => patiently(() => holders.share(hash, holder)),
    release: (hash, holder) => holders.release(hash, holder),
    claim: (hash) => holders.claim(hash),
    deleted: (hash) => holders.deleted(hash),
    close: () => holders.close(),
  };
}

/** A moment where Redis has not been missed yet, and else until it is back. */
async function available(redis: Availability): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  if (redis.isAvailable) return;
  await new Promise<void>((resolve) => {
    const stop = redis.onChange((isAvailable) => {
      if (!isAvailable) return;
      stop();
      resolve();
    });
  });
}
