export interface WebhookMessage {
    /** The same for every attempt, so that a receiver knows a message that it has already. */
    readonly id: string;
    readonly url: string;
    /** JSON. */
    readonly body: string;
}
/** What came of one attempt. */
export interface Attempt {
    /** HTTP status, where there was an answer. */
    readonly status: number | undefined;
    /** Why it failed; undefined when it was delivered. */
    readonly error: string | undefined;
    /** Whether another attempt is of no use. */
    readonly isFinal: boolean;
    /** Seconds after which the receiver wants to be asked again. */
    readonly retryAfterSeconds: number | undefined;
}
/** Sends messages by the Standard Webhooks scheme (standardwebhooks.com), each once. */
export declare class WebhookSender {
    #private;
    /**
     * @param options.secret `whsec_` and base64
     * @param options.allowedHosts names and addresses that may be inside a private network
     * @param options.timeoutMs for the whole of an attempt
     */
    constructor(options: {
        secret: string;
        allowedHosts: readonly string[];
        timeoutMs: number;
    });
    /** What is wrong with a URL, as far as it can be told before its name is resolved; undefined when nothing is. */
    problemWith(text: string): string | undefined;
    /** Makes one attempt. Redirects are not followed: they would lead to where nobody checked. Never throws. */
    send({ id, url, body }: WebhookMessage, signal: AbortSignal): Promise<Attempt>;
    close(): void;
}
