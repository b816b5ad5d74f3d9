/**
 * Reads an event stream.
 * @throws whatever breaks the stream, an abort or a silence among it
 */
export declare function readEvents(open: (signal: AbortSignal) => Promise<Response>, signal: AbortSignal | undefined): AsyncGenerator<{
    event: string | undefined;
    data: string;
}>;
/** Resolves after `ms`. @throws the signal's reason when it is aborted */
export declare function pause(ms: number, signal: AbortSignal | undefined): Promise<void>;
