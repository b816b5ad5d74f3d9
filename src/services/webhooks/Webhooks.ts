import { setMaxListeners } from 'node:events';
import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { FairLimit } from '../../utils/FairLimit.js';
import type { Logger } from '../../utils/logger.js';
import { backoffWithJitter, sleep } from '../../utils/timers.js';
import { type FinishedJob, isFinished, type Job } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import { traceIdOf } from '../tracing/traceId.js';
import { Delivery } from './Delivery.js';
import { DeliveryRoom } from './DeliveryRoom.js';
import type { DeliveryOrder, DeliveryRecord, DeliveryStore, HeldDelivery } from './DeliveryStore.js';
import { orderOf } from './messages.js';
import { UntoldEnds } from './UntoldEnds.js';
import type { Attempt, WebhookSender } from './WebhookSender.js';

export interface WebhookOptions {
  /** The first delay; each further one is twice as long, up to `maxDelayMs`, with jitter. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** From the job's end to the last attempt. */
  readonly giveUpAfterMs: number;
  /** Deliveries in progress on this server, including those that wait for an attempt. */
  readonly maxDeliveries: number;
  /** Interval of the check for unsent webhooks, ms. */
  readonly untoldCheckMs: number;
}

/** Counts of a server's webhooks since it started. */
export interface WebhookFigures {
  /** Not delivered yet: they wait for an attempt, or are in one. */
  readonly waiting: number;
  readonly delivered: number;
  readonly failedAttempts: number;
  readonly givenUp: number;
}

/** Attempts to one host and port at the same time. */
export const MAX_PER_HOST = 4;
/** Concurrent attempts: it takes four clients with only slow receivers to delay the others. */
const MAX_AT_ONCE = { total: 64, perClient: 16, perHost: MAX_PER_HOST };
/** Bytes of the images of all waiting messages; beyond it some are omitted. */
const MAX_IMAGE_BYTES = 64 * 1024 * 1024;
/** Attempts to remember per delivery; in a day there are about 30. */
const MAX_REMEMBERED = 50;

interface Parts {
  readonly manager: JobManager;
  readonly store: DeliveryStore;
  readonly sender: WebhookSender;
  /** Prefix of links in messages; without it they are paths. */
  readonly publicUrl: string | undefined;
  /** How a message shows its job: the same as over HTTP. */
  readonly describe: (job: FinishedJob) => Promise<object>;
}

/**
 * Sends the ends of jobs to their webhooks, until they are delivered or a day is over. Clients share slots, memory
 * and concurrent attempts. If servers share a store, each end is sent by one of them.
 */
export class Webhooks {
  readonly #parts: Parts;
  readonly #options: WebhookOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #attempts = new FairLimit(MAX_AT_ONCE);
  readonly #room: DeliveryRoom;
  readonly #untold: UntoldEnds;
  readonly #running = new Map<Delivery, Promise<void>>();
  /** Ends on their way into the store. */
  readonly #telling = new Set<Promise<void>>();
  /** Aborted when the server shuts down: no later attempt is awaited. */
  readonly #noMoreWaiting = new AbortController();
  readonly #stop = new AbortController();
  readonly #counts = { delivered: 0, failedAttempts: 0, givenUp: 0 };

  constructor(parts: Parts, options: WebhookOptions, clock: Clock, logger: Logger) {
    this.#parts = parts;
    this.#options = options;
    this.#room = new DeliveryRoom({
      maxDeliveries: options.maxDeliveries,
      maxImageBytes: MAX_IMAGE_BYTES,
    });
    this.#clock = clock;
    this.#logger = logger;
    // There are as many listeners as deliveries.
    setMaxListeners(0, this.#noMoreWaiting.signal, this.#stop.signal);
    const { manager, store } = parts;
    this.#untold = new UntoldEnds({ manager, store, logger }, options.untoldCheckMs, (job) =>
      this.#tell(job),
    );
    manager.events.subscribe('finished', (job) => this.#tellOrLeave(job), 'here');
  }

  /** Starts to send. @throws the rejection of a shared store */
  async start(): Promise<void> {
    await this.#parts.store.start((held) => this.#begin(held));
    if (this.#parts.store.outlivesServer) this.#untold.start();
  }

  /** Counts since this server started. */
  get figures(): WebhookFigures {
    return { waiting: this.#running.size, ...this.#counts };
  }

  /** Returns the problem with a URL of a client; `undefined` if it is valid. */
  problemWith(url: string): string | undefined {
    return this.#parts.sender.problemWith(url);
  }

  /** Returns the state of the deliveries of some jobs, by job; without those of jobs that have not ended, or have no webhook. */
  async deliveriesOf(jobs: readonly Job[]): Promise<ReadonlyMap<string, Readonly<DeliveryRecord>>> {
    const ids = jobs.filter((job) => isFinished(job) && job.request.webhook).map(({ id }) => id);
    return ids.length === 0 ? new Map() : this.#parts.store.records(ids);
  }

  /**
   * Finishes attempts in progress within `graceMs`. Waiting deliveries get one last attempt; in a store that outlives
   * the server, they are left to others or to the next start.
   */
  async stop(graceMs: number): Promise<void> {
    const { store, sender } = this.#parts;
    this.#untold.stop();
    store.drain();
    this.#noMoreWaiting.abort();
    if (store.outlivesServer) for (const delivery of this.#running.keys()) this.#attempts.drop(delivery);
    const enough = new AbortController();
    const told = Promise.all(this.#telling).then(() => Promise.all(this.#running.values()));
    await Promise.race([told, sleep(graceMs, enough.signal)]);
    enough.abort();
    this.#stop.abort(new Error('the server ended'));
    await Promise.all(this.#running.values());
    sender.close();
    await store.stop();
  }

  /** Stores a delivery. In a shared store, `UntoldEnds` finds those that cannot be stored now. */
  #tellOrLeave(job: FinishedJob): void {
    const telling = this.#tell(job).catch((error: unknown) =>
      this.#logger.debug('The webhook of a job could not be stored yet', {
        jobId: job.id,
        error: messageOf(error),
      }),
    );
    this.#telling.add(telling);
    void telling.finally(() => this.#telling.delete(telling));
  }

  /** @throws the rejection of the store */
  async #tell(job: FinishedJob): Promise<void> {
    const target = job.request.webhook;
    if (!target?.events.includes(job.status)) return;
    const view = await this.#parts.describe(job);
    await this.#parts.store.add(orderOf(job, target, view, this.#parts.publicUrl ?? ''));
  }

  #begin(held: HeldDelivery): void {
    const delivery = new Delivery(held);
    const lost = this.#room.add(delivery);
    if (lost) this.#drop(lost);
    const work = this.#deliver(delivery).catch((error: unknown) => this.#giveUp(delivery, String(error)));
    this.#running.set(delivery, work);
    void work.finally(() => {
      this.#room.remove(delivery);
      this.#running.delete(delivery);
    });
  }

  /** Ends a delivery of a client with too many. */
  #drop(delivery: Delivery): void {
    delivery.isDropped = true;
    this.#room.remove(delivery);
    this.#attempts.drop(delivery);
    delivery.bell.ring();
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { record, held } = delivery;
    await this.#addImage(delivery);
    // Another server may have tried before.
    await this.#rest(delivery);
    while (!delivery.isDropped) {
      if (this.#isLeft()) return held.giveBack();
      const attempt = await this.#attempt(delivery);
      if (delivery.isDropped) break;
      if (!attempt || this.#isCutOff(attempt)) return held.giveBack();
      this.#remember(delivery, attempt);
      if (attempt.error === undefined) return held.note();
      record.nextAttempt = this.#clock.now() + this.#delayBehind(attempt, record.attempts.length - 1);
      const isTooLate = record.nextAttempt > delivery.order.finishedTime + this.#options.giveUpAfterMs;
      if (attempt.isFinal || isTooLate || (this.#noMoreWaiting.signal.aborted && !this.#isLeft())) {
        return this.#giveUp(delivery, attempt.error);
      }
      held.note();
      await this.#rest(delivery);
    }
    this.#giveUp(delivery, 'too many deliveries of this client wait');
  }

  /** Waits until the next attempt is due, the delivery is dropped, or the server shuts down. */
  async #rest(delivery: Delivery): Promise<void> {
    const waitMs = (delivery.record.nextAttempt ?? 0) - this.#clock.now();
    if (waitMs <= 0) return;
    delivery.phase = 'resting';
    await delivery.bell.wait(waitMs, this.#noMoreWaiting.signal);
  }

  /** Whether waiting deliveries are left to others, because this server shuts down. */
  #isLeft(): boolean {
    return this.#noMoreWaiting.signal.aborted && this.#parts.store.outlivesServer;
  }

  /** Whether the attempt failed only because this server shuts down, which says nothing about the receiver. */
  #isCutOff({ error }: Attempt): boolean {
    return error !== undefined && this.#stop.signal.aborted && this.#parts.store.outlivesServer;
  }

  /** Makes one attempt at this client's turn; `undefined` if the delivery was dropped before, or belongs to another server. */
  #attempt(delivery: Delivery): Promise<Attempt | undefined> {
    delivery.phase = 'queued';
    return this.#attempts.run(delivery, async () => {
      delivery.phase = 'sending';
      if (!(await delivery.held.confirm(this.#noMoreWaiting.signal))) return undefined;
      return this.#parts.sender.send(delivery.message(), this.#stop.signal);
    });
  }

  #delayBehind({ retryAfterSeconds = 0 }: Attempt, failures: number): number {
    const { baseDelayMs, maxDelayMs } = this.#options;
    const own = backoffWithJitter(failures, baseDelayMs, maxDelayMs);
    return Math.min(maxDelayMs, Math.max(own, 1000 * retryAfterSeconds));
  }

  #remember({ order, record }: Delivery, { status, error }: Attempt): void {
    record.nextAttempt = undefined;
    record.attempts.push({
      time: this.#clock.now(),
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { error }),
    });
    if (record.attempts.length > MAX_REMEMBERED) record.attempts.shift();
    const fields = logFields(order, record);
    if (error === undefined) {
      this.#counts.delivered += 1;
      record.state = 'delivered';
      this.#logger.info('Webhook delivered', fields);
      return;
    }
    this.#counts.failedAttempts += 1;
    this.#logger.debug('Webhook attempt failed', { ...fields, error });
  }

  #giveUp({ order, record, held }: Delivery, reason: string): void {
    this.#counts.givenUp += 1;
    record.state = 'given_up';
    record.reason = reason;
    record.nextAttempt = undefined;
    held.note();
    this.#logger.warn('Webhook given up', { ...logFields(order, record), error: reason });
  }

  /** Adds the image, as in other responses; omitted if it has expired, or many messages wait. */
  async #addImage(delivery: Delivery): Promise<void> {
    const { imageType, jobId } = delivery.order;
    if (imageType === undefined) return;
    const found = await this.#parts.manager.outputs.result(jobId).catch(() => undefined);
    if (found) this.#room.setImage(delivery, `data:${imageType};base64,${found.image.toString('base64')}`);
  }
}

/** Returns the fields of the log lines about a delivery. */
function logFields({ jobId, requestId, traceparent }: DeliveryOrder, { attempts }: DeliveryRecord) {
  return { jobId, requestId, traceId: traceIdOf(traceparent), attempts: attempts.length };
}
