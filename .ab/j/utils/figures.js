/** Figures as people read them: rounded, and null where there is no data. */
/** A number to so many decimals. */
export function rounded(value, decimals) {
    if (value === null)
        return value;
    const factor = 10 ** decimals;
    return (Math.round(value * factor) / factor);
}
/** Milliseconds as seconds, to the microsecond. */
export function seconds(ms) {
    return ms === null ? null : rounded(ms / 1000, 6);
}
/** Milliseconds as hours, to the second or so. */
export function hours(ms) {
    return rounded(ms / 3_600_000, 4);
}
/** `part` of `whole` in percent; 0 of nothing. */
export function share(part, whole) {
    return whole === 0 ? 0 : rounded((100 * part) / whole, 2);
}
/** Weight of the newest value in a moving average. */
const NEWEST_WEIGHT = 0.2;
/** An exponential moving average with one value more; the value itself when it is the first. */
export function movingAverage(before, value) {
    return before === undefined ? value : before + NEWEST_WEIGHT * (value - before);
}
//# sourceMappingURL=figures.js.map