import { afterEach, describe, expect, it } from 'vitest';
import { ComfyApiClient, samplerGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { Stack, type StackOptions } from '../support/stack.js';

/** More than the number of other needs that the server remembers. */
const MANY = 2020;
const CONCURRENT = 20;

let stack: Stack;
let api: ComfyApiClient;
afterEach(() => stack.stop());

/** Starts a server whose checks and polls come too late to help a test. */
async function start({ simulators = [{}], env }: StackOptions = {}): Promise<void> {
  stack = await Stack.start({
    simulators,
    env: {
      HEALTH_CHECK_INTERVAL: '60000',
      JOB_PROCESSING_INTERVAL: '60000',
      MAX_JOBS_PER_INSTANCE: '1',
      ...env,
    },
  });
  api = new ComfyApiClient(stack.client.baseUrl);
}

const EMPTY = { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } };

/** A graph of three nodes, with further nodes that only change what it needs. */
const plainGraph = (others: readonly string[] = []) => ({
  '1': EMPTY,
  '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
  '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
  ...Object.fromEntries(others.map((class_type, n) => [`${n + 10}`, { class_type, inputs: {} }])),
});

/** Starts a job on every machine that does not end by itself. @returns their ids */
async function occupy(): Promise<string[]> {
  const ids: string[] = [];
  for (const [n, { faults }] of stack.simulators.entries()) {
    faults.hang = true;
    ids.push((await api.submit(samplerGraph(4, n))).id);
  }
  await eventually(() => expect(stack.simulators.map(({ promptIds }) => promptIds.length)).not.toContain(0));
  return ids;
}

const cancel = async (id: string) => (await api.post(`/api/v2/jobs/${id}/cancel`, {})).status;

/** Sets of node classes that a machine has, without savers and those of `plainGraph`. */
async function classSets(count: number): Promise<string[][]> {
  const response = await fetch(`http://${stack.simulator().host}/object_info`);
  const used = new Set(Object.values(plainGraph()).map(({ class_type }) => class_type));
  const infos = (await response.json()) as Record<string, { output_node: boolean }>;
  const names = Object.keys(infos).filter((name) => !infos[name]?.output_node && !used.has(name));
  return Array.from({ length: count }, (_, n) => names.filter((__, bit) => bit < 12 && ((n + 1) >> bit) & 1));
}

describe('a waiting graph', () => {
  it('runs, however many graphs with other needs were submitted after it', async () => {
    await start({ env: { MAX_QUEUE_SIZE: `${MANY + 10}`, RATE_LIMIT_PER_MINUTE: '0' } });
    const [first = ''] = await occupy();
    const { id } = await api.submit(plainGraph());
    const sets = await classSets(MANY);
    for (let n = 0; n < MANY; n += CONCURRENT) {
      const part = sets.slice(n, n + CONCURRENT);
      await Promise.all(part.map((others) => api.submit(plainGraph(others))));
    }
    stack.simulator().faults.hang = false;
    await cancel(first);
    expect(await api.ended(id)).toMatchObject({ status: 'succeeded' });
  }, 60_000);

  it('that was submitted while its machine was down runs as soon as the machine is back', async () => {
    await start();
    // The server notices a crash at once by a connection that it loses.
    await api.ended((await api.submit(samplerGraph())).id);
    await stack.simulator().crash();
    await eventually(() => expect(stack.services.instances.some(({ isHealthy }) => isHealthy)).toBe(false));
    const { id } = await api.submit(plainGraph());
    await stack.simulator().plugIn();
    expect(await api.ended(id)).toMatchObject({ status: 'succeeded' });
  }, 10_000);

  it('does not run on a machine that was restarted without one of its nodes', async () => {
    const withoutNodes: string[] = [];
    await start({ simulators: [{ withoutNodes }, {}] });
    const [first = '', second = ''] = await occupy();
    const { id } = await api.submit(plainGraph());
    withoutNodes.push('ImageInvert');
    await stack.simulator(0).crash();
    await eventually(() =>
      expect(stack.services.instances.map(({ isHealthy }) => isHealthy)).toContain(false),
    );
    await cancel(first);
    await stack.simulator(0).plugIn();
    await eventually(() =>
      expect(stack.services.instances.map(({ isHealthy }) => isHealthy)).toEqual([true, true]),
    );
    stack.simulator(1).faults.hang = false;
    await cancel(second);
    expect(await api.ended(id)).toMatchObject({ status: 'succeeded' });
    expect(stack.simulators.map(({ promptIds }) => promptIds.length)).toEqual([1, 2]);
  }, 10_000);
});

describe('a graph that one machine can run', () => {
  it('is accepted soon while another machine is slow to respond, which may run it later', async () => {
    await start({ simulators: [{}, {}], env: { HEALTH_CHECK_TIMEOUT: '5000' } });
    const [slow, quick] = [stack.simulator(0), stack.simulator(1)];
    slow.faults.spoil = {
      path: /^\/object_info/,
      how: 'late',
      lateMs: 3000,
      times: Number.POSITIVE_INFINITY,
    };
    quick.faults.hang = true;
    const beganAt = performance.now();
    await api.submit(samplerGraph(4, 1));
    const { id } = await api.submit(samplerGraph(4, 2));
    expect(performance.now() - beganAt).toBeLessThan(2000);
    expect(await api.ended(id)).toMatchObject({ status: 'succeeded' });
    expect([slow.promptIds.length, quick.promptIds.length]).toEqual([1, 1]);
  });

  it('is not accepted where no machine has its nodes, whichever responds first', async () => {
    await start({ simulators: [{ withoutNodes: ['ImageInvert'] }, { withoutNodes: ['ImageInvert'] }] });
    stack.simulator(0).faults.delayMs = 300;
    const response = await api.post('/api/v2/jobs', { workflow: plainGraph() });
    expect(response.status).toBe(422);
  });
});
