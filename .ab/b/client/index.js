import { MiddlewareError } from './MiddlewareError.js';
import { pause, readEvents } from './waiting.js';
export { MiddlewareError };
const FINISHED = new Set(['completed', 'failed', 'cancelled']);
/** Streams that broke without a word before the client only polls. */
const MAX_MUTE_STREAMS = 2;
const POLL_MS = 1000;
const PATIENCE_MS = 60_000;
/** A client of the server, for browsers and Node: `fetch` and nothing else. */
export class MiddlewareClient {
    #baseUrl;
    #headers;
    #fetch;
    constructor({ baseUrl = '', apiKey, fetch: own } = {}) {
        this.#baseUrl = baseUrl.replace(/\/+$/, '');
        this.#headers = apiKey ? { 'X-API-Key': apiKey } : {};
        // A browser's fetch wants to be called on its window.
        this.#fetch = own ?? ((input, init) => fetch(input, init));
    }
    /**
     * Asks the server anything.
     * @returns the answer, when it is a success
     * @throws MiddlewareError for any other answer; TypeError when the server is out of reach
     */
    async request(path, init = {}) {
        const response = await this.#send(path, init);
        if (!response.ok)
            throw await MiddlewareError.from(response);
        return response;
    }
    /** The same, for an answer in JSON. */
    async json(path, init = {}) {
        return (await (await this.request(path, init)).json());
    }
    /** The server's health. A critical server answers 503 with the whole report, which is no error here. */
    async health(signal) {
        const response = await this.#send('/health', { signal: signal ?? null });
        if (!response.ok && response.status !== 503)
            throw await MiddlewareError.from(response);
        return (await response.json());
    }
    /** What can be run. */
    async workflows(signal) {
        const answer = await this.json('/api/workflows', {
            signal: signal ?? null,
        });
        return answer.workflows;
    }
    /**
     * Submits an image to a workflow and does not wait.
     * @param type such as `remove-background`
     */
    submit(type, image, options = {}) {
        const { format, parameters = {}, filename = 'image', idempotencyKey, signal } = options;
        const form = new FormData();
        for (const [name, value] of Object.entries({ ...parameters, ...(format ? { format } : {}) })) {
            form.set(name, String(value));
        }
        // A copy, since the bytes may be a part of something larger, or shared.
        form.set('imageFile', image instanceof Blob ? image : new Blob([new Uint8Array(image)]), filename);
        return this.json(`/api/async/${encodeURIComponent(type)}`, {
            method: 'POST',
            body: form,
            headers: idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey },
            signal: signal ?? null,
        });
    }
    status(jobId, signal) {
        return this.json(`${jobPath(jobId)}/status`, { signal: signal ?? null });
    }
    /**
     * Waits until a job is completed, failed or cancelled: by events, and by polling where those do not get through.
     * A server that is out of reach for a while is asked again.
     * @throws MiddlewareError when the job is not there (any more), whatever the signal was aborted with, or the
     * network's error once the patience is over
     */
    async wait(jobId, options = {}) {
        const { onStatus, signal, pollMs = POLL_MS, patienceMs = PATIENCE_MS } = options;
        let mute = 0;
        let lastHeard = Date.now();
        const heard = (status) => {
            lastHeard = Date.now();
            onStatus?.(status);
            return FINISHED.has(status.status);
        };
        for (;;) {
            try {
                if (mute < MAX_MUTE_STREAMS) {
                    mute += 1;
                    for await (const status of this.#follow(jobId, signal)) {
                        mute = 0;
                        if (heard(status))
                            return status;
                    }
                }
                const status = await this.status(jobId, signal);
                if (heard(status))
                    return status;
            }
            catch (error) {
                signal?.throwIfAborted();
                if (isFinal(error) || Date.now() - lastHeard > patienceMs)
                    throw error;
            }
            await pause(pollMs, signal);
        }
    }
    /**
     * The image of a completed job.
     * @throws MiddlewareError `JOB_NOT_COMPLETED`, `RESULT_EXPIRED`, `JOB_NOT_FOUND`
     */
    async result(jobId, signal) {
        return (await this.request(`${jobPath(jobId)}/result/image`, { signal: signal ?? null })).blob();
    }
    /** Takes a job out of the queue, or interrupts it. @throws MiddlewareError `JOB_ALREADY_FINISHED` */
    cancel(jobId, signal) {
        return this.json(`${jobPath(jobId)}/cancel`, { method: 'POST', signal: signal ?? null });
    }
    /** What happens in the whole system, by the events' names. Ends when the connection does. */
    async *events(signal) {
        const open = (either) => this.request('/api/events', { signal: either });
        for await (const { event = 'message', data } of readEvents(open, signal)) {
            yield { event, data: JSON.parse(data) };
        }
    }
    #send(path, init) {
        const headers = new Headers(init.headers);
        for (const [name, value] of Object.entries(this.#headers))
            headers.set(name, value);
        return this.#fetch(`${this.#baseUrl}${path}`, { ...init, headers });
    }
    async *#follow(jobId, signal) {
        const open = (either) => this.request(`${jobPath(jobId)}/events`, { signal: either });
        for await (const { data } of readEvents(open, signal))
            yield JSON.parse(data);
    }
}
function jobPath(jobId) {
    return `/api/jobs/${encodeURIComponent(jobId)}`;
}
/** Whether asking again would not help: the server understood, and says no. */
function isFinal(error) {
    if (!(error instanceof MiddlewareError))
        return false;
    return error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429;
}
//# sourceMappingURL=index.js.map