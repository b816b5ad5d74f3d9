import type { z } from 'zod';
import { PromptError } from '../../errors.js';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
export interface TransportRequest {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    /** JSON. */
    readonly body?: Buffer;
    readonly params?: Record<string, string>;
    /** For the whole of it, from connecting to the answer's last byte. */
    readonly timeoutMs: number;
    /** Most bytes taken as the answer. */
    readonly maxBytes?: number;
    readonly signal?: AbortSignal | undefined;
}
/** What an instance answered. */
export declare class TransportAnswer {
    #private;
    readonly status: number;
    readonly bytes: Buffer;
    constructor(status: number, bytes: Buffer, action: string);
    /** @throws PromptError `instance_unavailable` for any other status than 200 */
    expectOk(): void;
    /** The body by its schema. @throws PromptError `instance_unavailable` when it is not what ComfyUI answers */
    parse<T extends z.ZodType>(schema: T): z.output<T>;
    /** The body as JSON, undefined when it is none. */
    json(): unknown;
    /** An error about an answer that an instance in order would not give. */
    unexpected(what: string): PromptError;
}
/** HTTP to one instance: kept-alive connections, a time for the whole of each request, errors by category. */
export declare class HttpTransport {
    #private;
    /** @param stallMs how long a connection may take, and how long nothing may come on it, ms */
    constructor(address: InstanceAddress, headers: Readonly<Record<string, string>>, stallMs: number);
    /**
     * Sends one request; any status is an answer.
     * @throws PromptError by category, or the signal's reason when it is aborted
     */
    request(request: TransportRequest): Promise<TransportAnswer>;
    /** Closes the kept-alive connections. */
    close(): void;
}
