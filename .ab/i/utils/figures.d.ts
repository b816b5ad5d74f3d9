/** Figures as people read them: rounded, and null where there is no data. */
/** A number to so many decimals. */
export declare function rounded<T extends number | null>(value: T, decimals: number): T;
/** Milliseconds as seconds, to the microsecond. */
export declare function seconds(ms: number | null): number | null;
/** Milliseconds as hours, to the second or so. */
export declare function hours(ms: number): number;
/** `part` of `whole` in percent; 0 of nothing. */
export declare function share(part: number, whole: number): number;
/** An exponential moving average with one value more; the value itself when it is the first. */
export declare function movingAverage(before: number | undefined, value: number): number;
