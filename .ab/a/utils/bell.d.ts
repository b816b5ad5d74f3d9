/** Something to wait at: rung by whoever has news, or by the time that passed. */
export declare class Bell {
    #private;
    /** Wakes who waits, or the next one who will. */
    ring(): void;
    /** Resolves when the bell is rung, after `ms` milliseconds, or when `signal` is aborted. Never rejects. */
    wait(ms: number, signal: AbortSignal): Promise<undefined>;
}
