import pLimit from 'p-limit';
import { toIso } from '../../utils/clock.js';
import { backoffWithJitter, sleep } from '../../utils/timers.js';
/** Deliveries on their way at the same time, and those that wait for an attempt. */
const MAX_AT_ONCE = 16;
const MAX_WAITING = 10_000;
/** Larger images are left out of a message, although they were asked for. */
const MAX_INLINE_IMAGE_BYTES = 256 * 1024;
/** Bytes of all messages that wait; beyond it images are left out. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Attempts that are remembered of one delivery; in a day there are some 30. */
const MAX_REMEMBERED = 50;
/** Tells the ends of jobs to those who asked for it, until they have heard it or a day is over. */
export class Webhooks {
    #manager;
    #sender;
    #timings;
    #clock;
    #logger;
    #limit = pLimit(MAX_AT_ONCE);
    #deliveries = new Map();
    #running = new Set();
    /** Aborted when the server ends: nobody waits for a later attempt any more. */
    #noMoreWaiting = new AbortController();
    #stop = new AbortController();
    #waitingBytes = 0;
    #describe = ({ id, status }) => ({ job_id: id, status });
    constructor(parts, timings, clock, logger) {
        this.#manager = parts.manager;
        this.#sender = parts.sender;
        this.#timings = timings;
        this.#clock = clock;
        this.#logger = logger;
        this.#manager.events.onFinished((job) => {
            if (job.request.webhook?.events.includes(job.status))
                this.#begin(job, job.request.webhook);
        });
        this.#manager.events.onRemoved((id) => this.#deliveries.delete(id));
    }
    /** Sets how a message shows its job: the same as over HTTP. */
    describeBy(describe) {
        this.#describe = describe;
    }
    /** What is wrong with a URL that a client gives; undefined when nothing is. */
    problemWith(url) {
        return this.#sender.problemWith(url);
    }
    /** How the delivery of a job's end goes; undefined before its end. */
    deliveryOf(jobId) {
        return this.#deliveries.get(jobId);
    }
    /** Makes what is under way, and one last attempt of what waits, within `graceMs`. */
    async stop(graceMs) {
        this.#noMoreWaiting.abort();
        const enough = new AbortController();
        await Promise.race([Promise.all(this.#running), sleep(graceMs, enough.signal)]);
        enough.abort();
        this.#stop.abort(new Error('the server ended'));
        await Promise.all(this.#running);
        this.#sender.close();
    }
    #begin(job, target) {
        const delivery = { state: 'delivering', attempts: [], nextAttempt: undefined };
        this.#deliveries.set(job.id, delivery);
        if (this.#running.size >= MAX_WAITING) {
            this.#giveUp(job, delivery, 'too many wait already');
            return;
        }
        const work = this.#deliver(job, target, delivery).catch((error) => {
            this.#giveUp(job, delivery, String(error));
        });
        this.#running.add(work);
        void work.finally(() => this.#running.delete(work));
    }
    async #deliver(job, target, delivery) {
        const body = await this.#bodyOf(job, target);
        const message = { id: `msg_${job.id}_${job.status}`, url: target.url, body };
        this.#waitingBytes += body.length;
        try {
            for (let failures = 0;; failures += 1) {
                const attempt = await this.#limit(() => this.#sender.send(message, this.#stop.signal));
                this.#remember(job, delivery, attempt);
                if (attempt.error === undefined)
                    return;
                const waitMs = this.#delayBehind(attempt, failures);
                delivery.nextAttempt = this.#clock.now() + waitMs;
                const isTooLate = delivery.nextAttempt > job.finishedTime + this.#timings.giveUpAfterMs;
                if (attempt.isFinal || isTooLate || this.#noMoreWaiting.signal.aborted) {
                    this.#giveUp(job, delivery, attempt.error);
                    return;
                }
                await sleep(waitMs, this.#noMoreWaiting.signal);
            }
        }
        finally {
            this.#waitingBytes -= body.length;
        }
    }
    #delayBehind({ retryAfterSeconds = 0 }, failures) {
        const { baseDelayMs, maxDelayMs } = this.#timings;
        const own = backoffWithJitter(failures, baseDelayMs, maxDelayMs);
        return Math.min(maxDelayMs, Math.max(own, 1000 * retryAfterSeconds));
    }
    #remember(job, delivery, { status, error }) {
        delivery.nextAttempt = undefined;
        delivery.attempts.push({
            time: this.#clock.now(),
            ...(status === undefined ? {} : { status }),
            ...(error === undefined ? {} : { error }),
        });
        if (delivery.attempts.length > MAX_REMEMBERED)
            delivery.attempts.shift();
        const fields = { jobId: job.id, requestId: job.request.requestId, attempts: delivery.attempts.length };
        if (error === undefined) {
            delivery.state = 'delivered';
            this.#logger.info('Webhook delivered', fields);
        }
        else
            this.#logger.debug('Webhook attempt failed', { ...fields, error });
    }
    #giveUp(job, delivery, error) {
        delivery.state = 'given_up';
        delivery.nextAttempt = undefined;
        const { requestId } = job.request;
        this.#logger.warn('Webhook given up', {
            jobId: job.id,
            requestId,
            attempts: delivery.attempts.length,
            error,
        });
    }
    async #bodyOf(job, { baseUrl, withImage }) {
        const image = withImage && job.status === 'completed' ? await this.#inlineImage(job) : {};
        const absolute = Object.fromEntries(Object.entries(this.#describe(job)).map(([name, value]) => [
            name,
            name.endsWith('_url') ? `${baseUrl}${value}` : value,
        ]));
        const timestamp = toIso(job.finishedTime);
        return JSON.stringify({ type: `job.${job.status}`, timestamp, data: { ...absolute, ...image } });
    }
    /** As in other answers; left out when it is large, or many messages wait. */
    async #inlineImage({ id }) {
        const { job, image } = await this.#manager.result(id);
        if (image.length > MAX_INLINE_IMAGE_BYTES || this.#waitingBytes > MAX_WAITING_BYTES)
            return {};
        return { image_base64: `data:${job.result.mimeType};base64,${image.toString('base64')}` };
    }
}
//# sourceMappingURL=Webhooks.js.map