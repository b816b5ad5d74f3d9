/**
 * Values in the order in which they came, by key. Taking the first, or any other, costs the same however many there
 * are (a Map would look through the places of those that were taken), and the rank of each is known in logarithmic
 * time: a Fenwick tree counts, for ranges of places, the values that are left there. Places are given anew when
 * they run out.
 */
export declare class RankedQueue<T> {
    #private;
    get size(): number;
    /** Adds a value behind all others. Its key must not be there already. */
    push(key: string, value: T): void;
    /** Takes a value out. */
    remove(key: string): T | undefined;
    /** 1 for the first value that is left; 0 for a key that is not there. */
    rank(key: string): number;
    /** In order; values may be taken out meanwhile, but none added. */
    values(): Generator<T>;
}
