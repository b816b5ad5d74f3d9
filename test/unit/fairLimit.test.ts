import { describe, expect, it } from 'vitest';
import { Delivery } from '../../src/services/webhooks/Delivery.js';
import { DeliveryRoom } from '../../src/services/webhooks/DeliveryRoom.js';
import { newRecord } from '../../src/services/webhooks/DeliveryStore.js';
import { FairLimit } from '../../src/utils/FairLimit.js';
import { deliveryOrder } from '../support/deliveryOrder.js';
import { eventually } from '../support/eventually.js';

/** Work that runs until the test ends it. */
class Work {
  readonly begun: string[] = [];
  readonly #limit: FairLimit;
  readonly #ends: (() => void)[] = [];

  constructor(limits: ConstructorParameters<typeof FairLimit>[0]) {
    this.#limit = new FairLimit(limits);
  }

  /** @param name client and host, such as `a@x` */
  add(name: string): { result: Promise<string | undefined>; drop: () => void } {
    const [client = '', host = ''] = name.split('@');
    const share = { client, host };
    const result = this.#limit.run(share, async () => {
      this.begun.push(name);
      await new Promise<void>((end) => this.#ends.push(end));
      return name;
    });
    return { result, drop: () => this.#limit.drop(share) };
  }

  /** Ends the oldest running work, `count` times. @returns the names in the order of their start */
  async finish(count: number): Promise<string[]> {
    for (let done = 0; done < count; done += 1) {
      await eventually(() => expect(this.#ends.length).toBeGreaterThan(0));
      this.#ends.shift()?.();
    }
    return this.begun;
  }
}

describe('work that is shared out', () => {
  it('is done for clients in turn, however much one of them has', async () => {
    const work = new Work({ total: 1, perClient: 1, perHost: 1 });
    // The first one starts before the others are added.
    for (const name of ['a@x', 'a@x', 'a@x', 'a@x', 'b@x', 'b@x', 'c@y']) work.add(name);
    expect(await work.finish(7)).toEqual(['a@x', 'a@x', 'b@x', 'c@y', 'a@x', 'b@x', 'a@x']);
  });

  it('is done at the hosts of a client in turn', async () => {
    const work = new Work({ total: 1, perClient: 1, perHost: 1 });
    for (const name of ['a@x', 'a@x', 'a@x', 'a@y', 'a@z']) work.add(name);
    expect(await work.finish(5)).toEqual(['a@x', 'a@x', 'a@y', 'a@z', 'a@x']);
  });

  it('keeps to what is left for a host and for a client', async () => {
    const work = new Work({ total: 6, perClient: 3, perHost: 2 });
    for (const name of ['a@x', 'a@x', 'a@x', 'a@y', 'a@z', 'b@x', 'b@y', 'b@z']) work.add(name);
    await eventually(() => expect(work.begun).toEqual(['a@x', 'a@x', 'a@y', 'b@y', 'b@z']));
    expect((await work.finish(8)).slice(5).sort()).toEqual(['a@x', 'a@z', 'b@x']);
  });

  it('is not done once it was dropped, and holds up nothing then', async () => {
    const work = new Work({ total: 1, perClient: 1, perHost: 1 });
    const first = work.add('a@x');
    const second = work.add('b@x');
    work.add('c@x');
    second.drop();
    // It has started and continues.
    first.drop();
    expect(await second.result).toBeUndefined();
    expect(await work.finish(2)).toEqual(['a@x', 'c@x']);
    expect(await first.result).toBe('a@x');
  });

  it('makes room again when it fails', async () => {
    const limit = new FairLimit({ total: 1, perClient: 1, perHost: 1 });
    const share = { client: 'a', host: 'x' };
    await expect(limit.run(share, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await limit.run(share, async () => 'yes')).toBe('yes');
  });
});

describe('the images of messages that wait', () => {
  function delivery(client: string): Delivery {
    return new Delivery({
      order: deliveryOrder(client, { client }),
      record: newRecord(),
      confirm: async () => true,
      note: () => undefined,
      giveBack: () => undefined,
    });
  }

  it('are left out of the newest ones of whoever has most', () => {
    const room = new DeliveryRoom({ maxDeliveries: 100, maxImageBytes: 100 });
    const [one, two, three, small] = [delivery('a'), delivery('a'), delivery('a'), delivery('b')];
    for (const each of [one, two, three, small]) room.add(each);
    for (const each of [one, two]) room.setImage(each, 'x'.repeat(45));
    room.setImage(small, 'x'.repeat(40));
    expect([one, two, small].map(({ imageBytes }) => imageBytes)).toEqual([45, 0, 40]);
    room.setImage(three, 'x'.repeat(60));
    expect([one, three, small].map(({ imageBytes }) => imageBytes)).toEqual([45, 0, 40]);
    room.remove(one);
    room.setImage(three, 'x'.repeat(60));
    expect([three, small].map(({ imageBytes }) => imageBytes)).toEqual([60, 40]);
  });
});
