/** An answer of the server that is an error, with what it says. */
export class MiddlewareError extends Error {
    /** HTTP status. */
    status;
    /** One of the server's codes; undefined where something in between answered, such as a proxy. */
    code;
    details;
    requestId;
    jobId;
    /** Seconds after which to try again, where the server says so. */
    retryAfterSeconds;
    constructor(response, body) {
        super(body.error ?? `${response.status} ${response.statusText}`.trim());
        this.name = 'MiddlewareError';
        this.status = response.status;
        this.code = body.code;
        this.details = body.details;
        this.requestId = body.requestId ?? response.headers.get('X-Request-ID') ?? undefined;
        this.jobId = body.job_id;
        const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
        this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : undefined;
    }
    /** Reads an answer that is no success. */
    static async from(response) {
        const body = await response.json().catch(() => undefined);
        const isObject = typeof body === 'object' && body !== null;
        return new MiddlewareError(response, isObject ? body : {});
    }
}
//# sourceMappingURL=MiddlewareError.js.map