import { setMaxListeners } from 'node:events';
import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { FairLimit } from '../../utils/FairLimit.js';
import type { Logger } from '../../utils/logger.js';
import { backoffWithJitter, sleep } from '../../utils/timers.js';
import { type FinishedJob, isFinished, type Job } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import { Delivery } from './Delivery.js';
import { DeliveryOutcomes } from './DeliveryOutcomes.js';
import { DeliveryRoom } from './DeliveryRoom.js';
import type { DeliveryRecord, DeliveryStore, HeldDelivery } from './DeliveryStore.js';
import { messageType, orderOf, outlivesDeletion } from './messages.js';
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
const TOO_MANY = 'too many deliveries of this client wait';
const JOB_DELETED = 'the job was deleted';

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
 * and concurrent attempts. If servers share a store, each end is sent by one of them. A job that expires keeps its
 * delivery; one that is deleted on request loses it, because nobody may get its result any more.
 */
export class Webhooks {
  readonly #parts: Parts;
  readonly #options: WebhookOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #attempts = new FairLimit(MAX_AT_ONCE);
  readonly #room: DeliveryRoom;
  readonly #untold: UntoldEnds;
  readonly #outcomes: DeliveryOutcomes;
  readonly #running = new Map<Delivery, Promise<void>>();
  /** Those of `#running`, by job. */
  readonly #byJob = new Map<string, Delivery>();
  /** Ends on their way into the store, by job. */
  readonly #telling = new Map<string, Promise<void>>();
  /** Aborted when the server shuts down: no later attempt is awaited. */
  readonly #noMoreWaiting = new AbortController();
  readonly #stop = new AbortController();

  constructor(parts: Parts, options: WebhookOptions, clock: Clock, logger: Logger) {
    this.#parts = parts;
    this.#options = options;
    this.#room = new DeliveryRoom({
      maxDeliveries: options.maxDeliveries,
      maxImageBytes: MAX_IMAGE_BYTES,
    });
    this.#clock = clock;
    this.#logger = logger;
    this.#outcomes = new DeliveryOutcomes(clock, logger);
    // There are as many listeners as deliveries.
    setMaxListeners(0, this.#noMoreWaiting.signal, this.#stop.signal);
    const { manager, store } = parts;
    this.#untold = new UntoldEnds({ manager, store, logger }, options.untoldCheckMs, (job) =>
      this.#tell(job),
    );
    manager.events.subscribe('finished', (job) => this.#tellOrLeave(job), 'here');
    manager.removals.beforeDeletion((job) => this.#withdraw(job));
    manager.removals.beforeExpiry((ids) => this.#untold.tellLast(ids));
    // Whichever server deleted it.
    manager.events.subscribe('removed', ({ id, why }) => {
      if (why === 'deleted') this.#dropDeleted(id);
    });
  }

  /** Starts to send. @throws the rejection of a shared store */
  async start(): Promise<void> {
    await this.#parts.store.start((held) => this.#begin(held));
    if (this.#parts.store.outlivesServer) this.#untold.start();
  }

  /** Counts since this server started. */
  get figures(): WebhookFigures {
    return { waiting: this.#running.size, ...this.#outcomes.counts };
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
    const told = Promise.all(this.#telling.values()).then(() => Promise.all(this.#running.values()));
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
    this.#telling.set(job.id, telling);
    void telling.finally(() => this.#telling.delete(job.id));
  }

  /** @throws the rejection of the store */
  async #tell(job: FinishedJob): Promise<void> {
    const target = job.request.webhook;
    if (!target?.events.includes(job.status)) return;
    const view = await this.#parts.describe(job);
    await this.#parts.store.add(orderOf(job, target, view, this.#parts.publicUrl ?? ''));
  }

  /** Ends the delivery of a job that is about to be deleted. @throws the rejection of the store */
  async #withdraw(job: FinishedJob): Promise<void> {
    if (!job.request.webhook?.events.includes(job.status)) return;
    await this.#telling.get(job.id);
    if (outlivesDeletion(messageType(job.status))) {
      // Later nobody could.
      if ((await this.#parts.store.untold([job.id])).length > 0) await this.#tell(job);
      return;
    }
    await this.#parts.store.withdraw(job.id, JOB_DELETED);
  }

  #dropDeleted(jobId: string): void {
    const delivery = this.#byJob.get(jobId);
    if (delivery && !outlivesDeletion(delivery.order.content.type)) this.#drop(delivery, JOB_DELETED);
  }

  #begin(held: HeldDelivery): void {
    const delivery = new Delivery(held);
    const lost = this.#room.add(delivery);
    if (lost) this.#drop(lost, TOO_MANY);
    const work = this.#deliver(delivery).catch((error: unknown) =>
      this.#outcomes.giveUp(delivery, String(error)),
    );
    this.#running.set(delivery, work);
    this.#byJob.set(held.order.jobId, delivery);
    void work.finally(() => {
      this.#room.remove(delivery);
      this.#running.delete(delivery);
      if (this.#byJob.get(held.order.jobId) === delivery) this.#byJob.delete(held.order.jobId);
    });
  }

  /** Ends a delivery without further attempts. */
  #drop(delivery: Delivery, reason: string): void {
    delivery.droppedBecause = reason;
    this.#room.remove(delivery);
    this.#attempts.drop(delivery);
    delivery.bell.ring();
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { record, held } = delivery;
    await this.#addImage(delivery);
    // Another server may have tried before.
    await this.#rest(delivery);
    while (delivery.droppedBecause === undefined) {
      if (this.#isLeft()) return held.giveBack();
      const attempt = await this.#attempt(delivery);
      // An attempt that was under way may still succeed.
      if (delivery.droppedBecause !== undefined && (!attempt || attempt.error !== undefined)) break;
      if (!attempt || this.#isCutOff(attempt)) return held.giveBack();
      this.#outcomes.remember(delivery, attempt);
      if (attempt.error === undefined) return held.note();
      record.nextAttempt = this.#clock.now() + this.#delayBehind(attempt, record.attempts.length - 1);
      const isTooLate = record.nextAttempt > delivery.order.finishedTime + this.#options.giveUpAfterMs;
      if (attempt.isFinal || isTooLate || (this.#noMoreWaiting.signal.aborted && !this.#isLeft())) {
        return this.#outcomes.giveUp(delivery, attempt.error);
      }
      held.note();
      await this.#rest(delivery);
    }
    const { droppedBecause } = delivery;
    if (droppedBecause === JOB_DELETED) this.#outcomes.withdraw(delivery, droppedBecause);
    else this.#outcomes.giveUp(delivery, droppedBecause);
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

  /** Adds the image, as in other responses; omitted if it has expired, or many messages wait. */
  async #addImage(delivery: Delivery): Promise<void> {
    const { imageType, jobId } = delivery.order;
    if (imageType === undefined) return;
    const found = await this.#parts.manager.outputs.result(jobId).catch(() => undefined);
    if (found) this.#room.setImage(delivery, `data:${imageType};base64,${found.image.toString('base64')}`);
  }
}
