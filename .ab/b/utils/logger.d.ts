/** Fields of a log line that have a fixed name; others may stand beside them. */
interface LogFields {
    requestId?: string | undefined;
    jobId?: string | undefined;
    jobType?: string | undefined;
    instance?: string | undefined;
    /** Milliseconds. */
    processingDuration?: number | undefined;
    /** Bytes. */
    resultSize?: number | undefined;
    [field: string]: unknown;
}
/** What the services log through; `child` fixes the component's name. */
export interface Logger {
    error(message: string, fields?: LogFields): void;
    warn(message: string, fields?: LogFields): void;
    info(message: string, fields?: LogFields): void;
    debug(message: string, fields?: LogFields): void;
    child(fields: LogFields): Logger;
    /** Whether a debug line would be written, for whoever writes very many. */
    isDebugEnabled(): boolean;
}
/** The root logger, which also owns the files. */
export interface RootLogger extends Logger {
    /** Writes what is still buffered and closes the files. */
    close(): Promise<void>;
}
interface LoggerOptions {
    readonly level: string;
    /** Folder of `combined.log` and `error.log`; empty for the console only. */
    readonly directory: string;
    /** Readable colours in place of JSON lines on the console. */
    readonly pretty: boolean;
}
/**
 * Creates the server's logger: JSON lines (`timestamp, level, service, message, component`, …) on the console,
 * or readable ones on a terminal, and in rotating files. A folder that cannot be written is reported on the
 * console and does not stop the server.
 */
export declare function createLogger(options: LoggerOptions): RootLogger;
/** A logger that says nothing, for programs and tests that build services without a log. */
export declare const silentLogger: Logger;
export {};
