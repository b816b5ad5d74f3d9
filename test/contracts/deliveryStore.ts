import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeliveryStore, HeldDelivery } from '../../src/services/webhooks/DeliveryStore.js';
import { deliveryOrder } from '../support/deliveryOrder.js';
import { eventually } from '../support/eventually.js';

/** An empty store as seen by two servers. Each passes deliveries to the listener it was created with. */
export interface DeliveriesUnderTest {
  readonly store: DeliveryStore;
  /** The same object if the implementation is in one process. */
  readonly ofAnotherServer: DeliveryStore;
  /** The store of a server that has not started it yet, without others. */
  readonly ofStartingServer: DeliveryStore;
  stop(): Promise<void>;
}

/** Tests for every delivery store. */
export function testDeliveryStore(
  name: string,
  make: (listener: (delivery: HeldDelivery) => void) => Promise<DeliveriesUnderTest>,
): void {
  describe(`deliveries in ${name}`, () => {
    let under: DeliveriesUnderTest;
    let store: DeliveryStore;
    let other: DeliveryStore;
    let handed: HeldDelivery[];
    beforeEach(async () => {
      handed = [];
      under = await make((delivery) => handed.push(delivery));
      store = under.store;
      other = under.ofAnotherServer;
    });
    afterEach(() => under.stop());

    const idsHanded = () => handed.map(({ order }) => order.jobId).sort();
    const theOnly = async (): Promise<HeldDelivery> => {
      await eventually(() => expect(handed).toHaveLength(1));
      const [delivery] = handed;
      if (!delivery) throw new Error('nothing was handed out');
      return delivery;
    };
    const signal = new AbortController().signal;

    it('are handed out once, with what is to be told', async () => {
      const ids = Array.from({ length: 20 }, (_, n) => `job-${10 + n}`);
      await Promise.all(ids.map((id, n) => (n % 2 === 0 ? store : other).add(deliveryOrder(id))));
      await eventually(() => expect(idsHanded()).toEqual(ids));
      const [first] = handed;
      expect(first?.order).toEqual(deliveryOrder(first?.order.jobId ?? ''));
      expect(await first?.confirm(signal)).toBe(true);
    });

    it('tell every server how they go', async () => {
      expect((await store.records(['a'])).size).toBe(0);
      await store.add(deliveryOrder('a'));
      const delivery = await theOnly();
      expect((await other.records(['a', 'b'])).get('a')).toMatchObject({ state: 'delivering', attempts: [] });
      delivery.record.attempts.push({ time: 1, status: 500, error: 'no' });
      delivery.record.nextAttempt = 2;
      delivery.note();
      await eventually(async () => {
        expect((await other.records(['a'])).get('a')).toEqual(delivery.record);
      });
      delivery.record.state = 'given_up';
      delivery.record.reason = 'no';
      delivery.record.nextAttempt = undefined;
      delivery.note();
      for (const one of [store, other]) {
        await eventually(async () => expect((await one.records(['a'])).get('a')).toEqual(delivery.record));
      }
    });

    it('are one, however often they are added, before their end and after it', async () => {
      await Promise.all([store.add(deliveryOrder('a')), other.add(deliveryOrder('a'))]);
      const delivery = await theOnly();
      await other.add(deliveryOrder('a'));
      delivery.record.state = 'delivered';
      delivery.note();
      await eventually(async () => expect((await other.records(['a'])).get('a')?.state).toBe('delivered'));
      await store.add(deliveryOrder('a'));
      await other.add(deliveryOrder('b'));
      await eventually(() => expect(idsHanded()).toEqual(['a', 'b']));
      expect((await store.records(['a'])).get('a')?.state).toBe('delivered');
    });

    it('wait for the start of their server, and are handed out then', async () => {
      const starting = under.ofStartingServer;
      const ids = ['a', 'b', 'c'];
      for (const id of ids) await starting.add(deliveryOrder(id));
      // Time in which they would be taken and lost.
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect((await starting.records(['a'])).get('a')?.state).toBe('delivering');
      await starting.start((delivery) => handed.push(delivery));
      await eventually(() => expect(idsHanded()).toEqual(ids));
      for (const one of handed) expect(await one.confirm(signal)).toBe(true);
    });

    it('go on where they were when they are given back', async () => {
      await store.add(deliveryOrder('a'));
      const delivery = await theOnly();
      delivery.record.attempts.push({ time: 1, error: 'no' });
      delivery.note();
      delivery.giveBack();
      await eventually(() => expect(idsHanded()).toEqual(['a', 'a']));
      expect(handed[1]?.record.attempts).toEqual([{ time: 1, error: 'no' }]);
      expect(await handed[1]?.confirm(signal)).toBe(true);
    });

    it('can be withdrawn by every server: no attempt is made any more, whatever their holder says', async () => {
      await store.add(deliveryOrder('a'));
      const delivery = await theOnly();
      delivery.record.attempts.push({ time: 1, status: 500, error: 'no' });
      delivery.note();
      await eventually(async () => {
        expect((await other.records(['a'])).get('a')?.attempts).toHaveLength(1);
      });
      await other.withdraw('a', 'not wanted');
      expect(await delivery.confirm(signal)).toBe(false);
      delivery.note();
      delivery.giveBack();
      await store.add(deliveryOrder('a'));
      await other.add(deliveryOrder('b'));
      await eventually(() => expect(idsHanded()).toEqual(['a', 'b']));
      // Time in which it would be handed out again.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(idsHanded()).toEqual(['a', 'b']);
      for (const one of [store, other]) {
        expect((await one.records(['a'])).get('a')).toEqual({
          state: 'given_up',
          attempts: [{ time: 1, status: 500, error: 'no' }],
          nextAttempt: undefined,
          reason: 'not wanted',
        });
      }
    });

    it('can be withdrawn while they are due later, and before they are added', async () => {
      await store.add(deliveryOrder('a'));
      const delivery = await theOnly();
      delivery.record.nextAttempt = Date.now() + 1000;
      delivery.giveBack();
      await other.withdraw('a', 'not wanted');
      await other.withdraw('b', 'not wanted');
      await store.add(deliveryOrder('b'));
      await store.add(deliveryOrder('c'));
      await eventually(() => expect(idsHanded()).toContain('c'));
      await new Promise((resolve) => setTimeout(resolve, 2500));
      const states = [...(await store.records(['a', 'b'])).values()].map(({ state }) => state);
      expect(states).toEqual(['given_up', 'given_up']);
      for (const again of handed.slice(1)) {
        if (again.order.jobId !== 'c') expect(await again.confirm(signal)).toBe(false);
      }
    });

    it('stay delivered when they are withdrawn afterwards', async () => {
      await store.add(deliveryOrder('a'));
      const delivery = await theOnly();
      delivery.record.state = 'delivered';
      delivery.note();
      await eventually(async () => expect((await other.records(['a'])).get('a')?.state).toBe('delivered'));
      await other.withdraw('a', 'not wanted');
      expect((await store.records(['a'])).get('a')).toMatchObject({ state: 'delivered', reason: undefined });
    });

    it('are missing for no end that is told', async () => {
      await store.add(deliveryOrder('a'));
      expect(await other.untold()).toEqual([]);
    });
  });
}
