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
interface MessageContent {
  readonly type: string;
  readonly timestamp: string;
  readonly data: object;
}

/** What is to be told of one job's end, and to whom. Plain data: another process may send it, also when the job is gone. */
export interface DeliveryOrder {
  readonly jobId: string;
  readonly requestId: string;
  /** Of the job, where jobs are traced. */
  readonly traceparent?: string | undefined;
  /** The same for every attempt, so that a receiver knows a message that it has already. */
  readonly messageId: string;
  readonly url: string;
  /** Who submitted the job, as limits know clients. */
  readonly client: string;
  /** When the job ended, epoch ms. */
  readonly finishedTime: number;
  /** MIME type of the image that comes with the message; undefined where none does. */
  readonly imageType: string | undefined;
  readonly content: MessageContent;
}

/** A delivery that this server makes, and no other one. */
export interface HeldDelivery {
  readonly order: DeliveryOrder;
  /** How it went so far. Whoever holds the delivery changes it, and calls `note`. */
  readonly record: DeliveryRecord;
  /**
   * Makes sure, right before an attempt, that no other server makes one. It waits while that cannot be told.
   * @returns false when another server has the delivery, or `signal` was aborted while this waited
   */
  confirm(signal: AbortSignal): Promise<boolean>;
  /** What the record says counts for everybody; a final state ends the delivery. Nobody waits for it, and it never throws. */
  note(): void;
  /** Others may make it from now on: the next attempt is due as the record says. Never throws. */
  giveBack(): void;
}

/**
 * Deliveries that are under way, and how those of jobs that are kept went. Servers may share one.
 *
 * What an implementation guarantees:
 * - A delivery is handed to one server only. It is that server's until it is final or given back; the implementation keeps the
 *   hold alive by itself, and hands the delivery to another server only when this one is gone.
 * - What `add` was given is not lost, once it resolved, by anything that the implementation survives.
 */
export interface DeliveryStore {
  /** Whether deliveries go on elsewhere, or later, when this server ends. */
  readonly outlivesServer: boolean;
  /** Hands deliveries to `listener` from now on: new ones, and those that other servers left. Called once. */
  start(listener: (delivery: HeldDelivery) => void): Promise<void>;
  /** Hands out nothing any more that others can make. */
  drain(): void;
  /** Makes sure of what was noted. What is still held goes to others when its hold ends. */
  stop(): Promise<void>;
  /** Takes a delivery in. One of the same job that is under way, or was, stays as it is. @throws what the store rejects with */
  add(order: DeliveryOrder): Promise<void>;
  /** How the deliveries of these jobs go, by job; without those that were not added. @throws as `add` */
  records(jobIds: readonly string[]): Promise<ReadonlyMap<string, Readonly<DeliveryRecord>>>;
  /**
   * Jobs whose end was recorded and is to be told, while nobody has added a delivery: their server may have died in between.
   * @throws as `add`
   */
  untold(): Promise<string[]>;
}

/** How a delivery is before its first attempt. */
export function newRecord(): DeliveryRecord {
  return { state: 'delivering', attempts: [], nextAttempt: undefined, reason: undefined };
}
