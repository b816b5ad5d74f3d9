import { setTimeout as delay } from 'node:timers/promises';

/** Maximum delay of a Node timer; beyond it `setTimeout` fires immediately. */
export const MAX_TIMER_MS = 2_147_483_647;

/**
 * Waits `ms` milliseconds.
 * @returns true if the time is over, false if `signal` was aborted first. Never rejects.
 */
export async function sleep(ms: number, signal?: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, signal ? { signal } : {});
    return true;
  } catch {
    return false;
  }
}

/** A backoff of `base * 2^failures` up to `max`, with jitter over its upper half. */
export function backoffWithJitter(failures: number, base: number, max: number): number {
  const ceiling = Math.min(max, base * 2 ** Math.min(failures, 30));
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}
