import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisConnection } from '../../src/services/queue/redis/RedisConnection.js';
import type { HeldDelivery } from '../../src/services/webhooks/DeliveryStore.js';
import { RedisDeliveryStore } from '../../src/services/webhooks/redis/RedisDeliveryStore.js';
import { systemClock } from '../../src/utils/clock.js';
import { type Logger, silentLogger } from '../../src/utils/logger.js';
import { testDeliveryStore } from '../contracts/deliveryStore.js';
import { deliveryOrder } from '../support/deliveryOrder.js';
import { eventually } from '../support/eventually.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

const QUICK = { openMs: 60_000, finalMs: 60_000 };
const CONNECTION = { heartbeatMs: 100, reconnectMaxMs: 200 };

/** Connects one server to the deliveries, which it has not started to take. */
async function open(
  redis: RedisServer,
  base: string,
  { holdMs, logger = silentLogger }: { holdMs: number; logger?: Logger },
) {
  const connection = new RedisConnection(redis.url, '{test}', silentLogger, CONNECTION);
  await connection.start();
  const store = new RedisDeliveryStore({ connection, base, logger }, { ...QUICK, holdMs });
  const stop = async () => {
    await store.stop();
    await connection.stop();
  };
  return { store, connection, stop };
}

/** Connects one server that takes deliveries. */
async function connect(
  redis: RedisServer,
  base: string,
  { listener, ...options }: { holdMs: number; listener: (delivery: HeldDelivery) => void; logger?: Logger },
) {
  const opened = await open(redis, base, options);
  await opened.store.start(listener);
  return opened;
}

describe.runIf(requireRedis())('with one Redis for two servers', { timeout: 60_000 }, () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server?.stop());

  testDeliveryStore('Redis', async (listener) => {
    const base = `{${randomUUID()}}`;
    const [here, there, starting] = await Promise.all([
      connect(server, base, { holdMs: 30_000, listener }),
      connect(server, base, { holdMs: 30_000, listener }),
      open(server, `{${randomUUID()}}`, { holdMs: 30_000 }),
    ]);
    const stop = async () => {
      await Promise.all([here.stop(), there.stop(), starting.stop()]);
    };
    const stores = { store: here.store, ofAnotherServer: there.store, ofStartingServer: starting.store };
    return { ...stores, stop };
  });

  /** Two servers, each with the deliveries that it was given. At first only the first one is connected. */
  async function twoServers(redis: RedisServer, holdMs: number) {
    const base = `{${randomUUID()}}`;
    const [byFirst, bySecond]: [HeldDelivery[], HeldDelivery[]] = [[], []];
    const first = await connect(redis, base, { holdMs, listener: (one) => byFirst.push(one) });
    const startSecond = () => connect(redis, base, { holdMs, listener: (one) => bySecond.push(one) });
    return { base, first, byFirst, startSecond, bySecond };
  }

  it('what a server gives back goes to another one at once, with the time of its next attempt', async () => {
    const { first, byFirst, startSecond, bySecond } = await twoServers(server, 30_000);
    await first.store.add(deliveryOrder('a'));
    await eventually(() => expect(byFirst).toHaveLength(1));
    first.store.drain();
    const second = await startSecond();
    // Only the clock of Redis tells when it is due, which BullMQ does not ask.
    const nextAttempt = systemClock.now() + 3_600_000;
    const [given] = byFirst;
    if (given) given.record.nextAttempt = nextAttempt;
    given?.giveBack();
    await eventually(() => expect(bySecond.map(({ record }) => record.nextAttempt)).toEqual([nextAttempt]));
    expect(await bySecond[0]?.confirm(new AbortController().signal)).toBe(true);
    expect(byFirst).toHaveLength(1);
    await first.stop();
    await second.stop();
  });

  it('one that cannot be read is reported and removed, and delays no other one', async () => {
    const { base, first } = await twoServers(server, 1000);
    first.store.drain();
    for (const id of ['a', 'b', 'c', 'd']) await first.store.add(deliveryOrder(id));
    const { commands } = first.connection;
    const lane = `${base}:deliveries:webhooks`;
    await commands.hset(`${lane}:b`, 'data', '{"jobId":"b');
    await commands.hset(`${lane}:c`, 'opts', '{');
    const given: string[] = [];
    const logger = new RecordingLogger();
    const listener = ({ order }: HeldDelivery) => given.push(order.jobId);
    const second = await connect(server, base, { holdMs: 1000, listener, logger });
    await eventually(() => expect(given).toEqual(['a', 'd']));
    expect((await commands.lrange(`${lane}:active`, 0, -1)).sort()).toEqual(['a', 'd']);
    expect(await commands.exists(`${lane}:b`, `${lane}:b:lock`, `${lane}:c`, `${lane}:c:lock`)).toBe(0);
    const told = logger.lines.filter(({ message }) => message === 'A webhook delivery cannot be read');
    expect(told.map(({ fields }) => fields['jobId'])).toEqual(['b', 'c']);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('what a server held goes to another one when it is gone, with its attempts', async () => {
    const { first, byFirst, startSecond, bySecond } = await twoServers(server, 4000);
    await first.store.add(deliveryOrder('a'));
    await first.store.add(deliveryOrder('b'));
    await eventually(() => expect(byFirst).toHaveLength(2));
    const [a, b] = byFirst;
    a?.record.attempts.push({ time: 1, status: 500, error: 'no' });
    a?.note();
    if (b) b.record.state = 'delivered';
    b?.note();
    await eventually(async () => {
      const records = await first.store.records(['a', 'b']);
      expect(records.get('a')?.attempts).toHaveLength(1);
      expect(records.get('b')?.state).toBe('delivered');
    });
    // Nothing is returned or renewed anymore.
    await first.stop();
    const second = await startSecond();
    await eventually(() => expect(bySecond).toHaveLength(1), 30_000);
    expect(bySecond[0]?.order).toEqual(deliveryOrder('a'));
    expect(bySecond[0]?.record.attempts).toEqual([{ time: 1, status: 500, error: 'no' }]);
    await second.stop();
  });

  it('what is held is renewed for as long as its server lives', async () => {
    const { first, byFirst, startSecond, bySecond } = await twoServers(server, 4000);
    await first.store.add(deliveryOrder('a'));
    await eventually(() => expect(byFirst).toHaveLength(1));
    const second = await startSecond();
    await new Promise((resolve) => setTimeout(resolve, 9000));
    expect(await byFirst[0]?.confirm(new AbortController().signal)).toBe(true);
    expect(bySecond).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('a server that lost its hold makes no attempt any more, and says nothing of the delivery', async () => {
    const { base, first, byFirst, startSecond, bySecond } = await twoServers(server, 30_000);
    await first.store.add(deliveryOrder('a'));
    await eventually(() => expect(byFirst).toHaveLength(1));
    // As if it had been paused for longer than a hold lasts.
    await first.connection.commands.del(`${base}:deliveries:webhooks:a:lock`);
    const second = await startSecond();
    expect(await byFirst[0]?.confirm(new AbortController().signal)).toBe(false);
    const [lost] = byFirst;
    if (lost) lost.record.state = 'given_up';
    lost?.note();
    await eventually(() => expect(byFirst.length + bySecond.length).toBe(2), 30_000);
    expect((await first.store.records(['a'])).get('a')?.state).toBe('delivering');
    await Promise.all([first.stop(), second.stop()]);
  });

  it('while Redis is away, nothing is sent or forgotten', async () => {
    const own = await RedisServer.start();
    const { first, byFirst } = await twoServers(own, 30_000);
    await first.store.add(deliveryOrder('a'));
    await first.store.add(deliveryOrder('b'));
    await eventually(() => expect(byFirst).toHaveLength(2));
    await own.kill();
    await expect(first.store.add(deliveryOrder('c'))).rejects.toThrow();
    const [a, b] = byFirst;
    if (a) a.record.state = 'delivered';
    a?.note();
    let isConfirmed: boolean | undefined;
    const confirmed = b?.confirm(new AbortController().signal).then((answer) => {
      isConfirmed = answer;
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(isConfirmed).toBeUndefined();
    await own.restart();
    await confirmed;
    expect(isConfirmed).toBe(true);
    await eventually(async () => {
      expect((await first.store.records(['a'])).get('a')?.state).toBe('delivered');
    });
    await first.stop();
    await own.stop();
  });
});
