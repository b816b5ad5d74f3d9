import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SharedSlots } from '../../src/services/jobs/SharedSlots.js';
import type { LimitReached, SlotLease, SlotLeases } from '../../src/services/queue/SlotLeases.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { type LeasesOnRedis, leasesOnRedis } from '../support/redisLeases.js';
import { Stack, type StackOptions } from '../support/stack.js';

/** A prompt has left the queue when its end is reported. */
const AT_ONCE: SimulatorOptions = { historyDelayMs: 0 };

let machines: Simulator[] = [];
let stacks: Stack[] = [];

async function startMachines(...options: SimulatorOptions[]): Promise<void> {
  machines = await Promise.all(options.map((one) => startSimulator({ ...AT_ONCE, ...one })));
}

/** Starts a server for the machines of the test. */
async function startServer(slotLeases: SlotLeases, { env, ...others }: StackOptions = {}): Promise<Stack> {
  const stack = await Stack.start({
    simulators: [],
    ...others,
    env: {
      COMFYUI_HOST: machines.map(({ host }) => host).join(','),
      JOB_PROCESSING_INTERVAL: '20',
      ...env,
    },
    overrides: { slotLeases },
  });
  stacks.push(stack);
  return stack;
}

afterEach(async () => {
  await Promise.all(stacks.map((stack) => stack.stop()));
  await Promise.all(machines.map((machine) => machine.stop()));
  stacks = [];
  machines = [];
});

const prompts = () => machines.map(({ promptIds }) => promptIds.length);
const machine = (index: number): Simulator => {
  const found = machines[index];
  if (!found) throw new Error(`there is no machine ${index}`);
  return found;
};

async function submitMany(stack: Stack, count: number): Promise<string[]> {
  const image = await png();
  return Promise.all(Array.from({ length: count }, () => stack.client.submit('upscale-image', image)));
}

describe.runIf(requireRedis())('two servers with the same machines', () => {
  let redis: RedisServer;
  let shared: LeasesOnRedis[] = [];
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.stop());
  afterEach(async () => {
    await Promise.all(shared.map((one) => one.stop()));
    shared = [];
  });

  async function startTwo(env: Record<string, string>): Promise<[Stack, Stack]> {
    const prefix = `{${randomUUID()}}`;
    const start = async () => {
      const one = await leasesOnRedis(redis, prefix);
      shared.push(one);
      return startServer(one.leases, { env });
    };
    return [await start(), await start()];
  }

  it('never give a machine more jobs than it may have, and do them all without asking in vain all the time', async () => {
    await startMachines({ workMs: { ImageUpscaleWithModel: 20 } });
    const two = await startTwo({ MAX_JOBS_PER_INSTANCE: '1', JOB_PROCESSING_INTERVAL: '60000' });
    // Triggered when a prompt has to wait behind another one.
    machine(0).traps.waiting = { name: 'never finishes', at: 'pending', afterMs: 0, output: '' };
    const asked = shared.map(({ leases }) => vi.spyOn(leases, 'acquire'));
    const taken = two.map(({ services }) => vi.spyOn(services.manager.queue, 'take'));
    const startedAt = performance.now();
    const each = 6;
    const ends = two.map(async (stack) => {
      const ids = await submitMany(stack, each);
      return Promise.all(ids.map((id) => stack.client.finished(id)));
    });
    for (const { status, attempts } of (await Promise.all(ends)).flat()) {
      expect([status, attempts]).toEqual(['completed', 1]);
    }
    expect(machine(0).traps.sprung).toBeUndefined();
    expect(machine(0).executions).toHaveLength(2 * each);
    const seconds = Math.ceil((performance.now() - startedAt) / 1000);
    // A refusal applies until this or another server releases a slot, or a second has passed.
    for (const { mock } of asked)
      expect(mock.calls.length).toBeLessThanOrEqual(each + 1 + 2 * each + seconds);
    // What wakes a server: its jobs, each of their ends, slots released and refused, checks of the machine.
    for (const { mock } of taken) expect(mock.calls.length).toBeLessThanOrEqual(10 * 2 * each + 10 * seconds);
    for (const { client } of shared) {
      await eventually(async () => expect(await client.dbsize()).toBe(0));
    }
  });

  it('together have no more jobs than MAX_CONCURRENT_JOBS, and the next begins when one ends anywhere', async () => {
    await startMachines({}, {});
    const [one, two] = await startTwo({ MAX_CONCURRENT_JOBS: '1', JOB_PROCESSING_INTERVAL: '60000' });
    for (const { faults } of machines) faults.hang = true;
    const [first = ''] = await submitMany(one, 1);
    await eventually(() => {
      expect(prompts()).toEqual([1, 0]);
      expect([...(shared[1]?.leases.used() ?? [])]).toEqual([[machine(0).host, 1]]);
    });
    const take = vi.spyOn(two.services.manager.queue, 'take');
    const [second = ''] = await submitMany(two, 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(prompts()).toEqual([1, 0]);
    // The server knew: it took no entry only to return it.
    expect(take).not.toHaveBeenCalled();
    await one.client.request(`/api/jobs/${first}/cancel`, { method: 'POST' });
    for (const { faults } of machines) faults.hang = false;
    expect((await two.client.finished(second)).status).toBe('completed');
  });

  it('choose the machine with fewer jobs of both', async () => {
    await startMachines({}, {});
    const [one, two] = await startTwo({});
    machine(0).faults.hang = true;
    const [first = ''] = await submitMany(one, 1);
    await eventually(() => {
      expect(prompts()).toEqual([1, 0]);
      expect([...(shared[1]?.leases.used() ?? [])]).toEqual([[machine(0).host, 1]]);
    });
    const ids = await submitMany(two, 1);
    for (const id of ids) expect((await two.client.finished(id)).comfyui_instance).toBe(machine(1).host);
    await one.client.request(`/api/jobs/${first}/cancel`, { method: 'POST' });
  });

  describe('that choose at the same moment', () => {
    /** Starts two servers whose first choices both exist before either of them has its slot. */
    async function startTogether(): Promise<readonly [Stack, Stack]> {
      const two = await startTwo({ MAX_JOBS_PER_INSTANCE: '2', JOB_PROCESSING_INTERVAL: '60000' });
      let open: () => void = () => undefined;
      const areBoth = new Promise<void>((resolve) => {
        open = resolve;
      });
      let waiting = 0;
      for (const { leases } of shared) {
        const acquire = leases.acquire.bind(leases);
        vi.spyOn(leases, 'acquire').mockImplementation(async (...args) => {
          waiting += 1;
          if (waiting === 2) open();
          await areBoth;
          return acquire(...args);
        });
      }
      for (const { faults } of machines) faults.hang = true;
      return two;
    }

    async function cancelAll(two: readonly Stack[], ids: readonly string[]): Promise<void> {
      for (const [n, id] of ids.entries()) {
        await two[n]?.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
      }
    }

    it('do not both use the machine that was idle', async () => {
      await startMachines({}, {});
      const two = await startTogether();
      const ids = (await Promise.all(two.map((stack) => submitMany(stack, 1)))).flat();
      await eventually(() => expect(prompts()).toEqual([1, 1]));
      await cancelAll(two, ids);
    });

    it('both use the only machine, and no job goes through the queue again', async () => {
      await startMachines({});
      const two = await startTogether();
      const settled = two.map(({ services }) => vi.spyOn(services.manager.runs, 'settle'));
      const ids = (await Promise.all(two.map((stack) => submitMany(stack, 1)))).flat();
      await eventually(() => expect(prompts()).toEqual([2]));
      for (const settle of settled) expect(settle).not.toHaveBeenCalled();
      await cancelAll(two, ids);
    });
  });

  it('begin nothing while Redis is away, say so once, and go on when it is back', async () => {
    const own = await RedisServer.start();
    await startMachines({});
    const logger = new RecordingLogger();
    const one = await leasesOnRedis(own, '{p}');
    shared.push(one);
    const stack = await startServer(one.leases, { logger });
    await own.kill();
    const ask = vi.spyOn(one.leases, 'acquire');
    const ids = await submitMany(stack, 3);
    await eventually(() => expect(ask.mock.calls.length).toBeGreaterThan(2));
    expect(prompts()).toEqual([0]);
    expect(logger.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'No job can be taken from the queue' },
    ]);
    await own.restart();
    for (const id of ids)
      expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    await own.stop();
  });
});

/** Leases that refuse, as if other servers held the slots. */
class RefusingLeases implements SlotLeases {
  readonly asked: string[] = [];
  readonly #listeners = new Set<(host: string) => void>();
  readonly #refuse: (host: string) => LimitReached | undefined;

  constructor(refuse: (host: string) => LimitReached | undefined) {
    this.#refuse = refuse;
  }

  async acquire(host: string): Promise<SlotLease | LimitReached> {
    this.asked.push(host);
    return this.#refuse(host) ?? { release: () => undefined };
  }

  onReleased(listener: (host: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  used(): ReadonlyMap<string, number> {
    return new Map();
  }

  tell(host: string): void {
    for (const listener of this.#listeners) listener(host);
  }
}

describe('a slot that another server releases', () => {
  it('is noticed a moment later, and several once, because that server looks first', async () => {
    const leases = new RefusingLeases(() => undefined);
    const slots = new SharedSlots(leases, { perHost: () => 1, ofAll: 10 });
    let looks = 0;
    slots.onFree(() => {
      looks += 1;
    });
    for (let n = 0; n < 5; n += 1) leases.tell('gpu-1:8188');
    expect(looks).toBe(0);
    await eventually(() => expect(looks).toBe(1));
    leases.tell('gpu-1:8188');
    slots.stop();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(looks).toBe(1);
  });
});

describe('a place that is refused', () => {
  it.each(['limit of host', 'limit of all'] as const)(
    'because of the %s is asked for once in a second, and the job keeps its place in the queue',
    async (refusal) => {
      await startMachines({});
      let isRefused = true;
      const leases = new RefusingLeases(() => (isRefused ? refusal : undefined));
      const env = { MAX_CONCURRENT_JOBS: '1', JOB_PROCESSING_INTERVAL: '60000' };
      const stack = await startServer(leases, { env });
      const { queue } = stack.services.manager;
      const take = vi.spyOn(queue, 'take');
      const startedAt = performance.now();
      const ids = [...(await submitMany(stack, 1)), ...(await submitMany(stack, 1))];
      await eventually(() => expect(leases.asked.length).toBeGreaterThan(2));
      const seconds = (performance.now() - startedAt) / 1000;
      expect(seconds).toBeGreaterThan(0.95 * (leases.asked.length - 1));
      expect(take.mock.calls.length).toBeLessThan(10 * (leases.asked.length + seconds));
      await eventually(async () => {
        expect(await Promise.all(ids.map((id) => queue.position(id)))).toEqual([1, 2]);
      });
      isRefused = false;
      leases.tell(machine(0).host);
      for (const id of ids) {
        expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
      }
    },
  );

  it('costs no time where another machine has one', async () => {
    await startMachines({}, {});
    const leases = new RefusingLeases((host) => (host === machine(0).host ? 'limit of host' : undefined));
    const stack = await startServer(leases, { env: { JOB_PROCESSING_INTERVAL: '60000' } });
    const [id = ''] = await submitMany(stack, 1);
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'completed',
      attempts: 1,
      comfyui_instance: machine(1).host,
    });
    expect(leases.asked).toEqual([machine(0).host, machine(1).host]);
  });
});
