import { Bell } from '../../utils/bell.js';
import type { FinishedJob, WebhookTarget } from '../jobs/Job.js';
import type { Share } from './FairLimit.js';
import type { WebhookMessage } from './WebhookSender.js';

interface Attempted {
  /** Epoch ms. */
  readonly time: number;
  readonly status?: number;
  readonly error?: string;
}

/** How the delivery of one job's end goes, as it is shown. */
export interface DeliveryRecord {
  state: 'delivering' | 'delivered' | 'given_up';
  readonly attempts: Attempted[];
  /** Epoch ms, while another attempt is due. */
  nextAttempt: number | undefined;
  /** Why it was given up. */
  reason: string | undefined;
}

/** What a message says; an image comes with it for as long as there is room for it. */
export interface MessageContent {
  readonly type: string;
  readonly timestamp: string;
  readonly data: object;
}

/** The delivery of one job's end while it is under way. */
export class Delivery implements Share {
  readonly job: FinishedJob;
  readonly target: WebhookTarget;
  /** Who submitted the job, as limits know clients. */
  readonly client: string;
  /** Host and port of the receiver. */
  readonly host: string;
  readonly record: DeliveryRecord = {
    state: 'delivering',
    attempts: [],
    nextAttempt: undefined,
    reason: undefined,
  };
  /** `queued`: for an attempt; `sending`: in one; `resting`: until another one is due. */
  phase: 'queued' | 'sending' | 'resting' = 'queued';
  /** As a data URI. */
  image: string | undefined;
  isDropped = false;
  /** Rung to end a rest. */
  readonly bell = new Bell();

  constructor(job: FinishedJob, target: WebhookTarget) {
    this.job = job;
    this.target = target;
    this.client = job.request.client ?? '';
    this.host = new URL(target.url).host;
  }

  /** Bytes of the image. */
  get imageBytes(): number {
    return this.image?.length ?? 0;
  }

  /** The same for every attempt, unless the image is left out meanwhile. */
  message({ type, timestamp, data }: MessageContent): WebhookMessage {
    const image = this.image === undefined ? {} : { image_base64: this.image };
    return {
      id: `msg_${this.job.id}_${this.job.status}`,
      url: this.target.url,
      body: JSON.stringify({ type, timestamp, data: { ...data, ...image } }),
    };
  }
}
