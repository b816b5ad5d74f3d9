interface Attempted {
  /** Epoch ms. */
  readonly time: number;
  readonly status?: number;
  readonly error?: string;
}

/** State of the delivery of one job's end, for display. */
export interface DeliveryRecord {
  state: 'delivering' | 'delivered' | 'given_up';
  readonly attempts: Attempted[];
  /** Epoch ms, while another attempt is due. */
  nextAttempt: number | undefined;
  /** Why it was abandoned. */
  reason: string | undefined;
}

/** The content of a message; it includes an image as long as there is room for it. */
interface MessageContent {
  readonly type: string;
  readonly timestamp: string;
  readonly data: object;
}

/**
 * A message about one job's end, and its receiver. Plain data: another process may send it, even if the job is gone.
 */
export interface DeliveryOrder {
  readonly jobId: string;
  readonly requestId: string;
  /** Of the job, if jobs are traced. */
  readonly traceparent?: string | undefined;
  /** The same for every attempt, so that a receiver can detect duplicates. */
  readonly messageId: string;
  readonly url: string;
  /** The client that submitted the job, in the sense of limits. */
  readonly client: string;
  /** When the job ended, epoch ms. */
  readonly finishedTime: number;
  /** MIME type of the image in the message; undefined for none. */
  readonly imageType: string | undefined;
  readonly content: MessageContent;
}

/** A delivery that belongs to this server only. */
export interface HeldDelivery {
  readonly order: DeliveryOrder;
  /** Its state. The holder of the delivery changes it, and calls `note`. */
  readonly record: DeliveryRecord;
  /**
   * Confirms, right before an attempt, that no other server makes one, and that the delivery was not withdrawn. It waits
   * while that is unknown.
   * @returns false if another server has the delivery, it was withdrawn, or `signal` was aborted before
   */
  confirm(signal: AbortSignal): Promise<boolean>;
  /** The state is valid for everyone; a final state ends the delivery. Not awaited; never throws. */
  note(): void;
  /** Releases the delivery to others at once: the next holder waits until the attempt in the state is due. Never throws. */
  giveBack(): void;
}

/**
 * Deliveries in progress, and the state of those of kept jobs. Servers may share a store.
 * ¶ Guarantees of an implementation:
 * - A delivery is handed to one server only. It belongs to that server until it is final or released; the
 * implementation keeps the hold alive, and hands the delivery to another server only if this one is gone.
 * - After `add` has resolved, the delivery survives everything that the implementation survives.
 */
export interface DeliveryStore {
  /** Whether deliveries continue elsewhere, or later, when this server ends. */
  readonly outlivesServer: boolean;
  /**
   * Hands deliveries to `listener` from now on: new ones, those that were added before, and those of other servers. Called
   * once.
   */
  start(listener: (delivery: HeldDelivery) => void): Promise<void>;
  /** Stops handing out deliveries that others can make. */
  drain(): void;
  /** Flushes the states. Deliveries that are still held go to others when their hold expires. */
  stop(): Promise<void>;
  /** Adds a delivery. An earlier one of the same job stays unchanged. @throws the rejection of the store */
  add(order: DeliveryOrder): Promise<void>;
  /**
   * Gives up the delivery of a job, on whichever server it is, unless it is final. From then on no attempt is confirmed;
   * a delivery that is added later is given up from the beginning. @throws like `add`
   */
  withdraw(jobId: string, reason: string): Promise<void>;
  /** Returns the state of the deliveries of these jobs, by job; without those that were not added. @throws like `add` */
  records(jobIds: readonly string[]): Promise<ReadonlyMap<string, Readonly<DeliveryRecord>>>;
  /**
   * Jobs with a recorded end and a webhook, but without a delivery: their server may have died in between.
   * @param among only these jobs; without it, all
   * @throws like `add`
   */
  untold(among?: readonly string[]): Promise<string[]>;
}

/** Returns the state of a delivery before its first attempt. */
export function newRecord(): DeliveryRecord {
  return { state: 'delivering', attempts: [], nextAttempt: undefined, reason: undefined };
}

/** Returns the state of a delivery that was given up before its end. */
export function withdrawnRecord(
  { attempts }: Pick<DeliveryRecord, 'attempts'>,
  reason: string,
): DeliveryRecord {
  return { state: 'given_up', attempts, nextAttempt: undefined, reason };
}
