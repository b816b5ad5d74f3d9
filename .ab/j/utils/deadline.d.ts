/** The reason of a signal whose time ran out. */
export declare class DeadlineExceeded extends Error {
    name: string;
}
/**
 * Runs `work` with a signal that is aborted after `ms` milliseconds (reason: `DeadlineExceeded`) or together with
 * `parent` (its reason). Unlike `AbortSignal.timeout` and `any` it leaves no timer and no listener behind.
 */
export declare function withDeadline<T>(ms: number, parent: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
/** The promise's value, or a rejection with the signal's reason if that is aborted first. */
export declare function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T>;
