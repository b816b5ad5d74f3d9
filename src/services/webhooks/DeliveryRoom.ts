import type { Delivery } from './Delivery.js';

interface RoomLimits {
  readonly maxDeliveries: number;
  /** Bytes of all images of waiting messages. */
  readonly maxImageBytes: number;
}

interface Holdings {
  /** Oldest first. */
  readonly deliveries: Set<Delivery>;
  imageBytes: number;
}

/**
 * The deliveries in progress. Clients share slots and memory: when they are exhausted, the client that uses most loses a
 * delivery or an image, never a client that uses less.
 */
export class DeliveryRoom {
  readonly #limits: RoomLimits;
  readonly #clients = new Map<string, Holdings>();
  #size = 0;
  #imageBytes = 0;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /**
   * Adds a delivery.
   * @returns the delivery that must be dropped for it, possibly itself; undefined if there is room
   */
  add(delivery: Delivery): Delivery | undefined {
    const holdings = this.#clients.get(delivery.client) ?? { deliveries: new Set(), imageBytes: 0 };
    this.#clients.set(delivery.client, holdings);
    holdings.deliveries.add(delivery);
    this.#size += 1;
    if (this.#size <= this.#limits.maxDeliveries) return undefined;
    return leastUseful(this.#largest(({ deliveries }) => deliveries.size)) ?? delivery;
  }

  /** Removes a finished delivery. */
  remove(delivery: Delivery): void {
    this.setImage(delivery, undefined);
    const holdings = this.#clients.get(delivery.client);
    if (!holdings?.deliveries.delete(delivery)) return;
    this.#size -= 1;
    if (holdings.deliveries.size === 0) this.#clients.delete(delivery.client);
  }

  /** Adds the image of a delivery. If there are too many, the newest of the client with most are omitted. */
  setImage(delivery: Delivery, image: string | undefined): void {
    const holdings = this.#clients.get(delivery.client);
    if (!holdings?.deliveries.has(delivery)) return;
    const change = (image?.length ?? 0) - delivery.imageBytes;
    delivery.image = image;
    holdings.imageBytes += change;
    this.#imageBytes += change;
    if (this.#imageBytes <= this.#limits.maxImageBytes) return;
    const largest = this.#largest(({ imageBytes }) => imageBytes);
    const newest = [...largest].findLast((one) => one.image !== undefined);
    if (newest) this.setImage(newest, undefined);
  }

  #largest(sizeOf: (holdings: Holdings) => number): ReadonlySet<Delivery> {
    let largest: Holdings | undefined;
    for (const holdings of this.#clients.values()) {
      if (!largest || sizeOf(holdings) > sizeOf(largest)) largest = holdings;
    }
    return largest?.deliveries ?? new Set();
  }
}

/**
 * Returns the oldest delivery that failed before, as it will most likely fail again; otherwise the newest to the host
 * with most.
 */
function leastUseful(deliveries: ReadonlySet<Delivery>): Delivery | undefined {
  const byHost = new Map<string, Delivery[]>();
  for (const delivery of deliveries) {
    if (delivery.phase === 'resting') return delivery;
    if (delivery.phase !== 'queued') continue;
    const others = byHost.get(delivery.host);
    if (others) others.push(delivery);
    else byHost.set(delivery.host, [delivery]);
  }
  let most: Delivery[] = [];
  for (const queued of byHost.values()) if (queued.length > most.length) most = queued;
  return most.at(-1);
}
