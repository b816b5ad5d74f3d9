/**
 * The process's start plus the monotonic time since. A wall clock that is set by an hour moves neither a
 * timeout, nor a lifetime, nor a measured duration, and dates still read as dates.
 */
export const systemClock = {
    now: () => Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000,
};
// Whoever waits for a job asks for its status again and again, mostly with the same times in it.
const REMEMBERED = 1024;
const times = new Array(REMEMBERED).fill(Number.NaN);
const texts = new Array(REMEMBERED).fill('');
/** An epoch-millisecond time as ISO-8601 UTC. */
export function toIso(epochMs) {
    const slot = Math.floor(epochMs) % REMEMBERED;
    if (times[slot] !== epochMs) {
        texts[slot] = new Date(epochMs).toISOString();
        times[slot] = epochMs;
    }
    return texts[slot];
}
/** The same, null for a time that has not come yet. */
export function isoOrNull(epochMs) {
    return epochMs === null || epochMs === undefined ? null : toIso(epochMs);
}
/** Milliseconds as seconds with millisecond precision. */
export function toSeconds(ms) {
    return Math.round(ms) / 1000;
}
//# sourceMappingURL=clock.js.map