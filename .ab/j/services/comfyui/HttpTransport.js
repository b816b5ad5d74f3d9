import { Pool } from 'undici';
import { PromptError } from '../../errors.js';
import { DeadlineExceeded, withDeadline } from '../../utils/deadline.js';
import { transportError } from './transportErrors.js';
/** Most bytes taken from an answer that is not an image: a history entry holds the whole prompt as base64. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;
/** What an instance answered. */
export class TransportAnswer {
    status;
    bytes;
    #action;
    constructor(status, bytes, action) {
        this.status = status;
        this.bytes = bytes;
        this.#action = action;
    }
    /** @throws PromptError `instance_unavailable` for any other status than 200 */
    expectOk() {
        if (this.status !== 200)
            throw this.unexpected(`answered ${this.status}`);
    }
    /** The body by its schema. @throws PromptError `instance_unavailable` when it is not what ComfyUI answers */
    parse(schema) {
        this.expectOk();
        const parsed = schema.safeParse(this.json());
        if (!parsed.success)
            throw this.unexpected('answered something that ComfyUI does not');
        return parsed.data;
    }
    /** The body as JSON, undefined when it is none. */
    json() {
        try {
            return JSON.parse(this.bytes.toString());
        }
        catch {
            return undefined;
        }
    }
    /** An error about an answer that an instance in order would not give. */
    unexpected(what) {
        return new PromptError(`${this.#action} ${what}`, { category: 'instance_unavailable', retryable: true });
    }
}
/** HTTP to one instance: kept-alive connections, a time for the whole of each request, errors by category. */
export class HttpTransport {
    #host;
    #path;
    #headers;
    #pool;
    /** @param stallMs how long a connection may take, and how long nothing may come on it, ms */
    constructor(address, headers, stallMs) {
        const { origin, pathname } = new URL(address.baseUrl);
        this.#host = address.host;
        this.#path = pathname.replace(/\/$/, '');
        this.#headers = headers;
        // A machine that vanished is noticed long before the time for a whole transfer is over.
        this.#pool = new Pool(origin, {
            connect: { timeout: stallMs },
            headersTimeout: stallMs,
            bodyTimeout: stallMs,
            pipelining: 1,
        });
    }
    /**
     * Sends one request; any status is an answer.
     * @throws PromptError by category, or the signal's reason when it is aborted
     */
    async request(request) {
        const { method, path, body, params, signal } = request;
        const action = `${method} ${path} on ${this.#host}`;
        const query = params ? `?${new URLSearchParams(params)}` : '';
        return withDeadline(request.timeoutMs, signal, async (both) => {
            try {
                const answer = await this.#pool.request({
                    method,
                    path: `${this.#path}${path}${query}`,
                    headers: body ? { ...this.#headers, 'content-type': 'application/json' } : this.#headers,
                    body: body ?? null,
                    signal: both,
                });
                const bytes = await readBody(answer.body, request.maxBytes ?? MAX_JSON_BYTES, action);
                return new TransportAnswer(answer.statusCode, bytes, action);
            }
            catch (error) {
                signal?.throwIfAborted();
                if (error instanceof PromptError)
                    throw error;
                throw transportError(action, error, both.reason instanceof DeadlineExceeded);
            }
        });
    }
    /** Closes the kept-alive connections. */
    close() {
        void this.#pool.destroy();
    }
}
/** @throws PromptError when there is more than `maxBytes` */
async function readBody(body, maxBytes, action) {
    const parts = [];
    let length = 0;
    for await (const part of body) {
        length += part.length;
        if (length > maxBytes)
            throw tooLarge(action);
        parts.push(part);
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}
function tooLarge(action) {
    return new PromptError(`The answer to ${action} is larger than is taken.`, {
        category: 'result_missing',
        retryable: false,
    });
}
//# sourceMappingURL=HttpTransport.js.map