import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';

/** The first server stops at once, with its prompt left on the machine. */
const LEAVES = { SHUTDOWN_TIMEOUT: '300', MAX_JOBS_PER_INSTANCE: '1' };

/** A busy test computer must not look like a machine that does not respond. */
const overrides = { follow: { quietPollMs: 4000 } };

const submit = async (client: Client) => client.submit('remove-background', await png());

const instanceOf = async (client: Client, id: string) => (await client.status(id)).comfyui_instance;

describe.runIf(requireRedis())('a prompt that another server continues', () => {
  let site: RedisSite;
  beforeEach(async () => {
    site = await RedisSite.open();
    site.simulator.setWork(1500);
  });
  afterEach(() => site.close());

  /** A job whose prompt runs, and whose server stops then. @returns its id, and the server that continues it */
  async function takenOver(env: Record<string, string> = {}): Promise<{ id: string; client: Client }> {
    const leaving = await site.start({ env: { ...LEAVES, ...env }, overrides });
    const id = await submit(leaving.client);
    await eventually(() => expect(site.simulator.executions).toHaveLength(1));
    await leaving.stop();
    const { client } = await site.start({ env: { ...LEAVES, ...env }, overrides });
    return { id, client };
  }

  it('is taken back if its job is cancelled before, although its server was killed', async () => {
    const { simulator } = site;
    simulator.setWork(60_000);
    const killed = await ServerProcess.start(site.env);
    const id = await submit(new Client(killed.baseUrl));
    await eventually(() => expect(simulator.executions).toHaveLength(1));
    const { client } = await site.start({ overrides: { follow: { ...overrides.follow, heldMs: 500 } } });
    await killed.kill();
    expect((await client.request(`/api/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(200);
    await eventually(() => expect(simulator.requests.get('POST /interrupt')).toBe(1));
  });

  it('is not executed again when it runs too long', async () => {
    site.simulator.setWork(60_000);
    const { id, client } = await takenOver({ JOB_TIMEOUT: '1500' });
    expect(await client.finished(id)).toMatchObject({ status: 'failed', error_code: 'JOB_TIMEOUT' });
    expect(site.simulator.executions).toHaveLength(1);
    expect(site.simulator.requests.get('POST /interrupt')).toBe(1);
  });

  it.each([
    ['a node fails', { type: 'ValueError', message: 'boom' }, 'execution_error'],
    ['there is no output', undefined, 'result_missing'],
  ] as const)('is not executed again when %s', async (_name, failure, category) => {
    const { faults } = site.simulator;
    if (failure) faults.failNodes.set('PreviewImage', failure);
    else faults.oddOutputs = 'alone';
    const { id, client } = await takenOver();
    expect(await client.finished(id)).toMatchObject({ status: 'failed', error_details: { category } });
    expect(site.simulator.executions).toHaveLength(1);
  });

  it('runs once more after the machine has freed its memory', async () => {
    const { faults, requests } = site.simulator;
    const failure = { type: 'torch.OutOfMemoryError', message: 'Allocation on device' };
    faults.failNodes.set('PreviewImage', failure);
    const { id, client } = await takenOver();
    await eventually(() => expect(requests.get('POST /free')).toBe(1));
    faults.failNodes.clear();
    site.simulator.setWork(10);
    expect(await client.finished(id)).toMatchObject({ status: 'completed' });
    expect(site.simulator.executions).toHaveLength(2);
  });

  describe('on one of two machines', () => {
    let other: Simulator;
    beforeEach(async () => {
      other = await startSimulator();
    });
    afterEach(() => other.stop());

    it.each([
      ['runs', 2],
      ['waits in the queue of its machine', 1],
    ])('is taken back if its job is cancelled before, while it %s', async (_, count) => {
      const machines = [site.simulator, other].slice(0, count);
      for (const machine of machines) machine.setWork(60_000);
      const env = { COMFYUI_HOST: machines.map(({ host }) => host).join(','), MAX_JOBS_PER_INSTANCE: '2' };
      const prompts = () => machines.reduce((sum, { queueRemaining }) => sum + queueRemaining, 0);
      const stopped = () =>
        machines
          .flatMap(({ requests }) => [requests.get('POST /interrupt'), requests.get('POST /queue')])
          .reduce<number>((sum, n) => sum + (n ?? 0), 0);
      const { client } = await site.start({ env: { ...env, MAX_CONCURRENT_JOBS: '1' } });
      const running = await submit(client);
      await eventually(() => expect(prompts()).toBe(1));
      // A node that was interrupted works to its end.
      for (const machine of machines) if (machine.queueRemaining === 0) machine.setWork(2000);
      const leaving = await site.start({ env: { ...LEAVES, ...env }, overrides });
      const id = await submit(leaving.client);
      await eventually(() => expect(prompts()).toBe(2));
      await leaving.stop();
      // The other server is busy.
      expect(await client.status(id)).toMatchObject({ status: 'pending', attempts: 1 });
      expect((await client.request(`/api/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(200);
      await eventually(() => expect(stopped()).toBe(1));
      await eventually(() => expect(prompts()).toBe(1));
      await eventually(() => expect(machines.flatMap(({ historyIds }) => historyIds)).toEqual([]));
      expect((await client.status(running)).status).toBe('processing');
    });

    it('uses the slot of its own machine', async () => {
      const { simulator } = site;
      simulator.setWork(5000);
      const { id } = await takenOver();
      await site.stopServers();
      const hosts = [simulator.host, other.host];
      const { client } = await site.start({ env: { ...LEAVES, COMFYUI_HOST: hosts.toReversed().join(',') } });
      await eventually(async () => expect(await instanceOf(client, id)).toBe(simulator.host));
      const second = await submit(client);
      expect((await client.finished(second)).status).toBe('completed');
      expect(await instanceOf(client, second)).toBe(other.host);
      expect(await instanceOf(client, id)).toBe(simulator.host);
      expect(await client.finished(id)).toMatchObject({
        status: 'completed',
        comfyui_instance: simulator.host,
      });
      expect(simulator.executions).toHaveLength(1);
      expect(other.executions).toHaveLength(1);
    });
  });
});
