import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instancesAnswer } from '../../src/schemas/instances.js';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { circuitBreakersAnswer } from '../../src/schemas/metrics.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { MODELS, modelWorkflows } from '../support/modelWorkflows.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

describe.runIf(requireRedis())('machines that are changed by hand with QUEUE=redis', () => {
  let site: RedisSite;
  let second: Simulator;
  beforeEach(async () => {
    site = await RedisSite.open();
    second = await startSimulator();
  });
  afterEach(async () => {
    await site.close();
    await second.stop();
  });

  const list = async ({ client }: Stack) => (await client.json('/api/instances', instancesAnswer)).instances;
  const send = async ({ client }: Stack, method: string, name: string, body?: object) => {
    const response = await client.request(`/api/instances${name}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}),
    });
    return response.status;
  };

  it('are the same on all servers, also on one that starts later', async () => {
    const [a, b] = [await site.start(), await site.start()];
    expect(await send(a, 'POST', '', { url: second.host, name: 'second' })).toBe(201);
    await eventually(async () =>
      expect((await list(b)).map(({ name }) => name)).toEqual(['instance-1', 'second']),
    );
    expect(await send(b, 'POST', '', { url: second.host })).toBe(409);
    expect(await send(b, 'PATCH', '/second', { state: 'draining', max_jobs: 7 })).toBe(200);
    expect(await send(b, 'DELETE', '/instance-1')).toBe(200);
    const expected = [{ name: 'second', state: 'draining', max_jobs: 7 }];
    for (const stack of [a, b, await site.start()])
      await eventually(async () => expect(await list(stack)).toMatchObject(expected));
    expect(await send(a, 'DELETE', '/second')).toBe(200);
    for (const stack of [a, b]) await eventually(async () => expect(await list(stack)).toEqual([]));
  });

  it.each<[string, (requests: readonly (() => Promise<number>)[]) => Promise<number[]>]>([
    [
      'one right after the other',
      async (requests) => {
        const statuses: number[] = [];
        for (const request of requests) statuses.push(await request());
        return statuses;
      },
    ],
    ['all at once', (requests) => Promise.all(requests.map((request) => request()))],
  ])('keep the changes of both servers, %s', async (_, sendAll) => {
    const [a, b] = [await site.start(), await site.start()];
    for (let n = 1; n <= 5; n += 1) {
      const patches = [
        { state: n % 2 === 1 ? 'draining' : 'active' },
        { labels: [`x${n}`] },
        { max_jobs: n },
      ];
      const requests = patches.map(
        (patch, at) => () => send(at % 2 === 0 ? a : b, 'PATCH', '/instance-1', patch),
      );
      expect(await sendAll(requests)).toEqual([200, 200, 200]);
      const expected = [Object.assign({}, ...patches)];
      for (const stack of [a, b])
        await eventually(async () => expect(await list(stack)).toMatchObject(expected));
    }
  });

  it('are not brought back by the change of a server that did not know of their removal', async () => {
    const [a, b] = [await site.start(), await site.start()];
    expect(await send(a, 'POST', '', { url: second.host, name: 'second' })).toBe(201);
    await eventually(async () => expect(await list(b)).toHaveLength(2));
    expect(await send(a, 'DELETE', '/second')).toBe(200);
    expect(await send(b, 'PATCH', '/second', { max_jobs: 3 })).toBe(404);
    expect(await send(b, 'DELETE', '/second')).toBe(404);
    for (const stack of [a, b])
      await eventually(async () =>
        expect((await list(stack)).map(({ name }) => name)).toEqual(['instance-1']),
      );
  });

  it('can be changed through another server at once', async () => {
    const [a, b] = [await site.start(), await site.start()];
    expect(await send(a, 'POST', '', { url: second.host, name: 'second' })).toBe(201);
    expect(await send(b, 'PATCH', '/second', { max_jobs: 3 })).toBe(200);
    expect(await send(a, 'DELETE', '/second')).toBe(200);
    expect(await send(b, 'POST', '', { url: second.host, name: 'second' })).toBe(201);
  });

  it.each([
    ['name', (host: string, n: number) => ({ url: n === 0 ? host : 'http://127.0.0.1:1', name: 'second' })],
    ['address', (host: string, n: number) => ({ url: host, name: `second-${n}` })],
  ])('are added once if several requests have the same %s', async (_what, entryOf) => {
    const [a, b] = [await site.start(), await site.start()];
    const sent = [a, b, a, b].map((stack, n) => send(stack, 'POST', '', entryOf(second.host, n)));
    expect((await Promise.all(sent)).toSorted()).toEqual([201, 409, 409, 409]);
    expect(await send(b, 'POST', '', entryOf(second.host, 0))).toBe(409);
    const lists = await Promise.all([a, b].map(list));
    expect(lists[0]).toHaveLength(2);
    expect(lists[1]?.map(({ host }) => host)).toEqual(lists[0]?.map(({ host }) => host));
  });

  it('are as in their own lists on all servers if Redis loses its data, and can be changed again', async () => {
    const [a, b] = [await site.start(), await site.start()];
    expect(await send(a, 'POST', '', { url: second.host, name: 'second' })).toBe(201);
    expect(await send(b, 'PATCH', '/instance-1', { state: 'draining' })).toBe(200);
    expect((await a.client.request('/api/circuit-breakers/instance-1/open', { method: 'POST' })).status).toBe(
      200,
    );
    const states = async (stack: Stack) => (await list(stack)).map(({ name, state }) => [name, state]);
    const isForced = async ({ client }: Stack) =>
      (await client.json('/api/circuit-breakers', circuitBreakersAnswer)).circuit_breakers['instance-1']
        ?.forced;
    for (const stack of [a, b])
      await eventually(async () =>
        expect([await states(stack), await isForced(stack)]).toEqual([
          [
            ['instance-1', 'draining'],
            ['second', 'active'],
          ],
          true,
        ]),
      );
    await site.redis.empty();
    for (const stack of [a, b])
      await eventually(async () =>
        expect([await states(stack), await isForced(stack)]).toEqual([[['instance-1', 'active']], false]),
      );
    expect(await send(b, 'PATCH', '/instance-1', { state: 'draining' })).toBe(200);
    for (const stack of [a, b])
      await eventually(async () => expect(await states(stack)).toEqual([['instance-1', 'draining']]));
  });

  it('stay as they are while Redis is away: a change is refused, and not half made', async () => {
    const a = await site.start();
    await site.redis.kill();
    expect(await send(a, 'POST', '', { url: second.host })).toBe(503);
    expect(await send(a, 'DELETE', '/instance-1')).toBe(503);
    expect((await list(a)).map(({ name, state }) => [name, state])).toEqual([['instance-1', 'active']]);
    await site.redis.restart();
    await eventually(async () => expect(await send(a, 'POST', '', { url: second.host })).toBe(201), 10_000);
  });
});

describe.runIf(requireRedis())('servers with QUEUE=redis', () => {
  let site: RedisSite;
  beforeEach(async () => {
    site = await RedisSite.open();
  });
  afterEach(() => site.close());

  const start = () => site.start({ overrides: { workflows: modelWorkflows() } });

  async function run({ client }: Stack, type: string, colour: number): Promise<void> {
    const response = await client.request(`/api/async/${type}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ inputs: { colour } }),
    });
    const { job_id } = asyncAnswer.parse(await response.json());
    expect((await client.finished(job_id)).status).toBe('completed');
  }

  const known = async ({ client }: Stack) =>
    (await client.json('/api/instances', instancesAnswer)).instances.map((one) => ({
      loaded: one.loaded_models,
      measured: Object.keys(one.seconds_by_workflow),
    }));

  it('tell each other what their jobs loaded on a machine, and how long they took there', async () => {
    const [a, b] = [await start(), await start()];
    const expectKnown = async (loaded: string, measured: readonly string[]) => {
      for (const stack of [a, b])
        await eventually(async () => expect(await known(stack)).toEqual([{ loaded: [loaded], measured }]));
    };
    // Either of them takes the jobs. The second one of a workflow is measured with its model loaded.
    for (const colour of [1, 2]) await run(a, 'x', colour);
    await expectKnown(MODELS.x, ['x']);
    for (const colour of [3, 4]) await run(b, 'y', colour);
    await expectKnown(MODELS.y, ['x', 'y']);
  });
});
