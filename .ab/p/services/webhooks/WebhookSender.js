import { Webhook } from 'standardwebhooks';
import { Agent, request } from 'undici';
import { messageOf } from '../../errors.js';
import { DeadlineExceeded, withDeadline } from '../../utils/deadline.js';
import { guardedLookup, hostOf, isRefusedLiteral, RefusedAddress } from './publicAddress.js';
/** What a receiver says is not read, but for this much, so that the connection can be used again. */
const MAX_ANSWER_BYTES = 16 * 1024;
const CONNECTIONS_PER_RECEIVER = 4;
/** Sends messages by the Standard Webhooks scheme (standardwebhooks.com), each once. */
export class WebhookSender {
    #webhook;
    #allowed;
    #timeoutMs;
    #agent;
    /**
     * @param options.secret `whsec_` and base64
     * @param options.allowedHosts names and addresses that may be inside a private network
     * @param options.timeoutMs for the whole of an attempt
     */
    constructor(options) {
        this.#webhook = new Webhook(options.secret);
        this.#allowed = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
        this.#timeoutMs = options.timeoutMs;
        this.#agent = new Agent({
            connections: CONNECTIONS_PER_RECEIVER,
            connect: { lookup: guardedLookup(this.#allowed), timeout: options.timeoutMs },
        });
    }
    /** What is wrong with a URL, as far as it can be told before its name is resolved; undefined when nothing is. */
    problemWith(text) {
        const url = URL.canParse(text) ? new URL(text) : undefined;
        if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password) {
            return 'takes an http or https URL without credentials';
        }
        if (isRefusedLiteral(hostOf(url), this.#allowed))
            return 'takes no address inside a private network';
        return undefined;
    }
    /** Makes one attempt. Redirects are not followed: they would lead to where nobody checked. Never throws. */
    async send({ id, url, body }, signal) {
        const now = new Date();
        const headers = {
            'content-type': 'application/json',
            'user-agent': 'comfyui-express-middleware',
            'webhook-id': id,
            'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
            'webhook-signature': this.#webhook.sign(id, now, body),
        };
        try {
            return await withDeadline(this.#timeoutMs, signal, async (both) => {
                const answer = await request(url, {
                    method: 'POST',
                    headers,
                    body,
                    dispatcher: this.#agent,
                    signal: both,
                });
                await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal: both });
                return outcomeOf(answer.statusCode, answer.headers['retry-after']);
            });
        }
        catch (error) {
            return failureOf(error);
        }
    }
    close() {
        void this.#agent.destroy();
    }
}
function outcomeOf(status, retryAfter) {
    const isDelivered = status >= 200 && status < 300;
    const seconds = Number(retryAfter);
    return {
        status,
        error: isDelivered ? undefined : `the receiver answered ${status}`,
        // "Gone": the receiver does not want any more of them.
        isFinal: isDelivered || status === 410,
        retryAfterSeconds: retryAfter !== undefined && Number.isFinite(seconds) ? seconds : undefined,
    };
}
function failureOf(error) {
    const isTimeout = error instanceof DeadlineExceeded;
    return {
        status: undefined,
        error: isTimeout ? 'the receiver took too long' : messageOf(error).slice(0, 200),
        isFinal: error instanceof RefusedAddress,
        retryAfterSeconds: undefined,
    };
}
//# sourceMappingURL=WebhookSender.js.map