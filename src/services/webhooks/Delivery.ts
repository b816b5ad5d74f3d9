import { Bell } from '../../utils/bell.js';
import type { Share } from '../../utils/FairLimit.js';
import type { DeliveryOrder, DeliveryRecord, HeldDelivery } from './DeliveryStore.js';
import type { WebhookMessage } from './WebhookSender.js';

/** A delivery in progress on this server. */
export class Delivery implements Share {
  readonly held: HeldDelivery;
  /** The client that submitted the job, in the sense of limits. */
  readonly client: string;
  /** Host and port of the receiver. */
  readonly host: string;
  /** `queued`: for an attempt; `sending`: in one; `resting`: until the next one is due. */
  phase: 'queued' | 'sending' | 'resting' = 'queued';
  /** As a data URI. */
  image: string | undefined;
  /** Why it ends without further attempts. */
  droppedBecause: string | undefined;
  /** Rings to end a delay. */
  readonly bell = new Bell();

  constructor(held: HeldDelivery) {
    this.held = held;
    this.client = held.order.client;
    this.host = new URL(held.order.url).host;
  }

  get order(): DeliveryOrder {
    return this.held.order;
  }

  get record(): DeliveryRecord {
    return this.held.record;
  }

  /** Bytes of the image. */
  get imageBytes(): number {
    return this.image?.length ?? 0;
  }

  /** Returns the same message for every attempt, unless the image is omitted in the meantime. */
  message(): WebhookMessage {
    const { messageId, url, content, traceparent } = this.order;
    const { type, timestamp, data } = content;
    const image = this.image === undefined ? {} : { image_base64: this.image };
    const body = JSON.stringify({ type, timestamp, data: { ...data, ...image } });
    return { id: messageId, url, body, traceparent };
  }
}
