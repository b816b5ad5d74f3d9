import type { JobEvents } from '../queue/JobEvents.js';
import {
  type DeliveryOrder,
  type DeliveryRecord,
  type DeliveryStore,
  type HeldDelivery,
  newRecord,
  withdrawnRecord,
} from './DeliveryStore.js';

/** Deliveries in this process's memory: they end with it. */
export class MemoryDeliveryStore implements DeliveryStore {
  readonly outlivesServer = false;
  readonly #records = new Map<string, DeliveryRecord>();
  /** Added before the start. */
  readonly #early: HeldDelivery[] = [];
  #handOut: (delivery: HeldDelivery) => void = (delivery) => void this.#early.push(delivery);

  /** @param events report removed jobs, whose delivery states are deleted */
  constructor(events: JobEvents) {
    events.subscribe('removed', ({ id }) => void this.#records.delete(id));
  }

  async start(listener: (delivery: HeldDelivery) => void): Promise<void> {
    this.#handOut = listener;
    for (const delivery of this.#early.splice(0)) listener(delivery);
  }

  drain(): void {
    // No other server can make them.
  }

  async stop(): Promise<void> {
    this.#handOut = () => undefined;
  }

  async add(order: DeliveryOrder): Promise<void> {
    if (this.#records.has(order.jobId)) return;
    const record = newRecord();
    this.#records.set(order.jobId, record);
    this.#hold(order, record);
  }

  async withdraw(jobId: string, reason: string): Promise<void> {
    const record = this.#records.get(jobId) ?? newRecord();
    this.#records.set(jobId, record);
    if (record.state === 'delivering') Object.assign(record, withdrawnRecord(record, reason));
  }

  async records(jobIds: readonly string[]): Promise<ReadonlyMap<string, DeliveryRecord>> {
    return new Map(
      jobIds.flatMap((id) => {
        const record = this.#records.get(id);
        return record ? [[id, record] as const] : [];
      }),
    );
  }

  async untold(): Promise<string[]> {
    return [];
  }

  #hold(order: DeliveryOrder, record: DeliveryRecord): void {
    this.#handOut({
      order,
      record,
      confirm: async () => record.state === 'delivering',
      // All readers see the record itself.
      note: () => undefined,
      giveBack: () => {
        if (record.state === 'delivering') this.#hold(order, record);
      },
    });
  }
}
