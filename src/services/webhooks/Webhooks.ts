import { setMaxListeners } from 'node:events';
import type { Clock } from '../../utils/clock.js';
import { toIso } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { backoffWithJitter, sleep } from '../../utils/timers.js';
import type { FinishedJob, WebhookTarget } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import { Delivery, type DeliveryRecord, type MessageContent } from './Delivery.js';
import { DeliveryRoom } from './DeliveryRoom.js';
import { FairLimit } from './FairLimit.js';
import type { Attempt, WebhookSender } from './WebhookSender.js';

export interface WebhookOptions {
  /** The first wait; each further one is twice as long, up to `maxDelayMs`, a part of it random. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** From the job's end to the last attempt. */
  readonly giveUpAfterMs: number;
  /** Deliveries under way, those that wait for an attempt among them. */
  readonly maxDeliveries: number;
}

/** Attempts to one host and port at the same time. */
export const MAX_PER_HOST = 4;
/** Attempts at the same time: it takes four clients with nothing but slow receivers to hold up the others. */
const MAX_AT_ONCE = { total: 64, perClient: 16, perHost: MAX_PER_HOST };
/** Larger images are left out of a message, although they were asked for. */
const MAX_INLINE_IMAGE_BYTES = 256 * 1024;
/** Bytes of the images of all messages that wait; beyond it some are left out. */
const MAX_IMAGE_BYTES = 64 * 1024 * 1024;
/** Attempts that are remembered of one delivery; in a day there are some 30. */
const MAX_REMEMBERED = 50;

/**
 * Tells the ends of jobs to those who asked for it, until they have heard it or a day is over. Clients share what
 * there is of places, memory and attempts at the same time.
 */
export class Webhooks {
  readonly #manager: JobManager;
  readonly #sender: WebhookSender;
  readonly #publicUrl: string;
  readonly #options: WebhookOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #attempts = new FairLimit(MAX_AT_ONCE);
  readonly #room: DeliveryRoom;
  readonly #records = new Map<string, DeliveryRecord>();
  readonly #running = new Set<Promise<void>>();
  /** Aborted when the server ends: nobody waits for a later attempt any more. */
  readonly #noMoreWaiting = new AbortController();
  readonly #stop = new AbortController();
  readonly #describe: (job: FinishedJob) => Promise<object>;

  /**
   * @param parts.publicUrl what links in messages begin with; they are paths without it
   * @param parts.describe how a message shows its job: the same as over HTTP
   */
  constructor(
    parts: {
      manager: JobManager;
      sender: WebhookSender;
      publicUrl: string | undefined;
      describe: (job: FinishedJob) => Promise<object>;
    },
    options: WebhookOptions,
    clock: Clock,
    logger: Logger,
  ) {
    this.#manager = parts.manager;
    this.#sender = parts.sender;
    this.#publicUrl = parts.publicUrl ?? '';
    this.#describe = parts.describe;
    this.#options = options;
    this.#room = new DeliveryRoom({
      maxDeliveries: options.maxDeliveries,
      maxImageBytes: MAX_IMAGE_BYTES,
    });
    this.#clock = clock;
    this.#logger = logger;
    // As many listen as there are deliveries.
    setMaxListeners(0, this.#noMoreWaiting.signal, this.#stop.signal);
    const tell = (job: FinishedJob) => {
      if (job.request.webhook?.events.includes(job.status)) this.#begin(job, job.request.webhook);
    };
    this.#manager.events.subscribe('finished', tell, 'here');
    this.#manager.events.subscribe('removed', ({ id }) => this.#records.delete(id));
  }

  /** What is wrong with a URL that a client gives; undefined when nothing is. */
  problemWith(url: string): string | undefined {
    return this.#sender.problemWith(url);
  }

  /** How the delivery of a job's end goes; undefined before its end. */
  deliveryOf(jobId: string): Readonly<DeliveryRecord> | undefined {
    return this.#records.get(jobId);
  }

  /** Makes what is under way, and one last attempt of what waits, within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#noMoreWaiting.abort();
    const enough = new AbortController();
    await Promise.race([Promise.all(this.#running), sleep(graceMs, enough.signal)]);
    enough.abort();
    this.#stop.abort(new Error('the server ended'));
    await Promise.all(this.#running);
    this.#sender.close();
  }

  #begin(job: FinishedJob, target: WebhookTarget): void {
    const delivery = new Delivery(job, target);
    this.#records.set(job.id, delivery.record);
    const lost = this.#room.add(delivery);
    if (lost) this.#drop(lost);
    const work = this.#deliver(delivery).catch((error: unknown) => this.#giveUp(delivery, String(error)));
    this.#running.add(work);
    void work.finally(() => {
      this.#room.remove(delivery);
      this.#running.delete(work);
    });
  }

  /** Makes a delivery end that a client has too much of. */
  #drop(delivery: Delivery): void {
    delivery.isDropped = true;
    this.#room.remove(delivery);
    this.#attempts.drop(delivery);
    delivery.bell.ring();
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { job, record } = delivery;
    await this.#addImage(delivery);
    const content = await this.#contentOf(job);
    for (let failures = 0; !delivery.isDropped; failures += 1) {
      const attempt = await this.#attempt(delivery, content);
      if (!attempt) break;
      this.#remember(delivery, attempt);
      if (attempt.error === undefined) return;
      const waitMs = this.#delayBehind(attempt, failures);
      record.nextAttempt = this.#clock.now() + waitMs;
      const isTooLate = record.nextAttempt > job.finishedTime + this.#options.giveUpAfterMs;
      if (attempt.isFinal || isTooLate || this.#noMoreWaiting.signal.aborted) {
        this.#giveUp(delivery, attempt.error);
        return;
      }
      delivery.phase = 'resting';
      await delivery.bell.wait(waitMs, this.#noMoreWaiting.signal);
    }
    this.#giveUp(delivery, 'too many deliveries of this client wait');
  }

  /** One attempt, when it is this client's turn; undefined when the delivery was dropped before. */
  #attempt(delivery: Delivery, content: MessageContent): Promise<Attempt | undefined> {
    delivery.phase = 'queued';
    return this.#attempts.run(delivery, () => {
      delivery.phase = 'sending';
      return this.#sender.send(delivery.message(content), this.#stop.signal);
    });
  }

  #delayBehind({ retryAfterSeconds = 0 }: Attempt, failures: number): number {
    const { baseDelayMs, maxDelayMs } = this.#options;
    const own = backoffWithJitter(failures, baseDelayMs, maxDelayMs);
    return Math.min(maxDelayMs, Math.max(own, 1000 * retryAfterSeconds));
  }

  #remember({ job, record }: Delivery, { status, error }: Attempt): void {
    record.nextAttempt = undefined;
    record.attempts.push({
      time: this.#clock.now(),
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { error }),
    });
    if (record.attempts.length > MAX_REMEMBERED) record.attempts.shift();
    const fields = { jobId: job.id, requestId: job.request.requestId, attempts: record.attempts.length };
    if (error === undefined) {
      record.state = 'delivered';
      this.#logger.info('Webhook delivered', fields);
    } else this.#logger.debug('Webhook attempt failed', { ...fields, error });
  }

  #giveUp({ job, record }: Delivery, reason: string): void {
    record.state = 'given_up';
    record.reason = reason;
    record.nextAttempt = undefined;
    const { requestId } = job.request;
    this.#logger.warn('Webhook given up', {
      jobId: job.id,
      requestId,
      attempts: record.attempts.length,
      error: reason,
    });
  }

  /** The job as over HTTP, with whole URLs where the server knows its own. */
  async #contentOf(job: FinishedJob): Promise<MessageContent> {
    const data = withWholeUrls(await this.#describe(job), this.#publicUrl);
    return { type: `job.${job.status}`, timestamp: toIso(job.finishedTime), data };
  }

  /** As in other answers; left out when it is large, gone already, or many messages wait. */
  async #addImage(delivery: Delivery): Promise<void> {
    if (!delivery.target.withImage || delivery.job.status !== 'completed') return;
    const [{ kind, mimeType, sizeBytes }] = delivery.job.result.outputs;
    if (kind !== 'image' || sizeBytes > MAX_INLINE_IMAGE_BYTES) return;
    const found = await this.#manager.outputs.result(delivery.job.id).catch(() => undefined);
    if (found) this.#room.setImage(delivery, `data:${mimeType};base64,${found.image.toString('base64')}`);
  }
}

/** The same with whole URLs in place of paths, in lists of things too. */
function withWholeUrls(view: object, publicUrl: string): Record<string, unknown> {
  const whole = ([name, value]: [string, unknown]): [string, unknown] => {
    if (name === 'url' || name.endsWith('_url')) return [name, `${publicUrl}${value}`];
    if (!Array.isArray(value)) return [name, value];
    const items: unknown[] = value;
    return [name, items.map((one) => (isObject(one) ? withWholeUrls(one, publicUrl) : one))];
  };
  return Object.fromEntries(Object.entries(view).map(whole));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
