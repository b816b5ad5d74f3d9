/**
 * Collects garbage now. V8 looks for it as memory is asked for, so a server that has nothing to do would keep the
 * images that expired for as long as nobody sends another. Holds up the event loop for as long as the heap takes,
 * some 10 ms for what is usual: only for a moment in which nobody waits.
 */
export declare function collectGarbage(): void;
