import { setTimeout as delay } from 'node:timers/promises';
/** Largest delay that a Node timer keeps; beyond it `setTimeout` fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;
/**
 * Waits `ms` milliseconds.
 * @returns true when the time passed, false when `signal` was aborted first. Never rejects.
 */
export async function sleep(ms, signal) {
    try {
        await delay(ms, undefined, signal ? { signal } : {});
        return true;
    }
    catch {
        return false;
    }
}
/** A backoff of `base * 2^failures` up to `max`, of which the upper half is random so that clients spread out. */
export function backoffWithJitter(failures, base, max) {
    const ceiling = Math.min(max, base * 2 ** Math.min(failures, 30));
    return ceiling / 2 + (Math.random() * ceiling) / 2;
}
//# sourceMappingURL=timers.js.map