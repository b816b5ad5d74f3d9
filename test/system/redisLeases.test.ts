import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { testSlotLeases } from '../contracts/slotLeases.js';
import { eventually } from '../support/eventually.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { leasesOnRedis } from '../support/redisLeases.js';

describe.runIf(requireRedis())('places on machines, counted in Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  testSlotLeases('in Redis', async () => {
    const prefix = `{${randomUUID()}}`;
    const [here, there] = [await leasesOnRedis(server, prefix), await leasesOnRedis(server, prefix)];
    return {
      leases: here.leases,
      ofAnotherServer: there.leases,
      killOther: there.stop,
      stop: async () => {
        await Promise.all([here.stop(), there.stop()]);
      },
    };
  });

  it('leave no key behind, whether they are given back or expire', async () => {
    const prefix = `{${randomUUID()}}`;
    const [one, two] = [await leasesOnRedis(server, prefix), await leasesOnRedis(server, prefix)];
    const keys = () => one.client.keys(`${prefix}:*`);
    const given = await one.leases.acquire('a:1', 5, 5);
    await two.leases.acquire('b:1', 5, 5);
    expect((await keys()).sort()).toEqual([`${prefix}:slots`, `${prefix}:slots:a:1`, `${prefix}:slots:b:1`]);
    if (typeof given !== 'string') given.release();
    await two.stop();
    await eventually(async () => expect(await keys()).toEqual([]));
    await one.stop();
  });

  it('are still counted after Redis was killed, and none is taken while it is away', async () => {
    const own = await RedisServer.start();
    const prefix = `{${randomUUID()}}`;
    const [here, there] = [await leasesOnRedis(own, prefix), await leasesOnRedis(own, prefix)];
    const held = await here.leases.acquire('a:1', 1, 5);
    const early = await here.leases.acquire('b:1', 1, 5);
    await own.kill();
    await expect(there.leases.acquire('a:1', 1, 5)).rejects.toThrow();
    // It ends while Redis is unreachable.
    if (typeof early !== 'string') early.release();
    await own.restart();
    await eventually(async () => expect(await there.leases.acquire('a:1', 1, 5)).toBe('limit of host'));
    await eventually(async () => expect(await there.leases.acquire('b:1', 1, 5)).toBeTypeOf('object'));
    // Messages arrive again, too.
    const heard: string[] = [];
    there.leases.onReleased((host) => heard.push(host));
    await eventually(() => expect(there.leases.used().get('a:1')).toBe(1));
    if (typeof held !== 'string') held.release();
    await eventually(() => expect(heard).toContain('a:1'));
    await Promise.all([here.stop(), there.stop()]);
    await own.stop();
  });

  it('stay free if they are given back while Redis has forgotten its scripts', async () => {
    const own = await RedisServer.start();
    const { leases, client, stop } = await leasesOnRedis(own, '{p}');
    for (let n = 0; n < 10; n += 1) {
      const lease = await leases.acquire('a:1', 1, 5);
      if (typeof lease === 'string') throw new Error(lease);
      const renewal = new Promise<void>((resolve) => {
        const send = client.sendCommand.bind(client);
        const spy = vi.spyOn(client, 'sendCommand').mockImplementation((command, stream) => {
          const answer = send(command, stream);
          if (!command.name.startsWith('eval')) return answer;
          spy.mockRestore();
          resolve();
          return answer;
        });
      });
      await client.script('FLUSH');
      await renewal;
      // Redis has the renewal, but its answer is not here yet.
      lease.release();
      await eventually(async () => expect(await client.exists('{p}:slots')).toBe(0), 1000);
    }
    await stop();
    await own.stop();
  });

  it('are not taken by a call that Redis did not answer', async () => {
    const own = await RedisServer.start();
    const { leases, client, stop } = await leasesOnRedis(own, '{p}');
    own.pause();
    await expect(leases.acquire('a:1', 1, 5)).rejects.toThrow();
    own.resume();
    await eventually(async () => expect(await client.exists('{p}:slots')).toBe(0));
    await stop();
    await own.stop();
  });
});
