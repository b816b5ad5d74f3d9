import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { FinishedJob } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { WebhookSender } from './WebhookSender.js';
export interface WebhookTimings {
    /** The first wait; each further one is twice as long, up to `maxDelayMs`, a part of it random. */
    readonly baseDelayMs: number;
    readonly maxDelayMs: number;
    /** From the job's end to the last attempt. */
    readonly giveUpAfterMs: number;
}
type DeliveryState = 'delivering' | 'delivered' | 'given_up';
interface Attempted {
    /** Epoch ms. */
    readonly time: number;
    readonly status?: number;
    readonly error?: string;
}
/** How the delivery of one job's end goes. */
interface Delivery {
    state: DeliveryState;
    readonly attempts: Attempted[];
    /** Epoch ms, while another attempt is due. */
    nextAttempt: number | undefined;
}
/** Tells the ends of jobs to those who asked for it, until they have heard it or a day is over. */
export declare class Webhooks {
    #private;
    constructor(parts: {
        manager: JobManager;
        sender: WebhookSender;
    }, timings: WebhookTimings, clock: Clock, logger: Logger);
    /** Sets how a message shows its job: the same as over HTTP. */
    describeBy(describe: (job: FinishedJob) => object): void;
    /** What is wrong with a URL that a client gives; undefined when nothing is. */
    problemWith(url: string): string | undefined;
    /** How the delivery of a job's end goes; undefined before its end. */
    deliveryOf(jobId: string): Readonly<Delivery> | undefined;
    /** Makes what is under way, and one last attempt of what waits, within `graceMs`. */
    stop(graceMs: number): Promise<void>;
}
export {};
