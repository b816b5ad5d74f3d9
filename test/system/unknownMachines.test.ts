import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { ComfyApiClient, invertGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

/** Jobs that wait at the same time: the machine runs one after the other. */
const JOBS = 4;
const WORK_MS = 400;
/** Enough for the checks of a machine, but not for `noise`. */
const SMALL_BYTES = 20_000;

/** A picture of about 100 KB. */
const noise = () =>
  sharp({
    create: {
      width: 200,
      height: 200,
      channels: 3,
      background: 'grey',
      noise: { type: 'gaussian', mean: 128, sigma: 30 },
    },
  })
    .png()
    .toBuffer();

const EMPTY = { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } };
/** A graph that inverts an image; each has another colour, so that no machine knows the result. */
const graph = (color: number) => ({
  ...invertGraph(undefined, 'PreviewImage'),
  '1': { ...EMPTY, inputs: { ...EMPTY.inputs, color } },
});

describe.runIf(requireRedis())('a machine that one of two servers does not know yet', () => {
  let site: RedisSite;
  let old: Simulator;
  let added: Simulator;
  let addedLacks: string[];
  beforeEach(async () => {
    site = await RedisSite.open();
    old = await startSimulator({ withoutNodes: ['ImageInvert'], maxUploadBytes: SMALL_BYTES });
    addedLacks = [];
    added = await startSimulator({ withoutNodes: addedLacks });
    added.setWork(WORK_MS);
  });
  afterEach(async () => {
    await site.close();
    await old.stop();
    await added.stop();
  });

  /** Starts a server with these machines, and waits until it may run jobs on them. */
  async function start(...machines: readonly Simulator[]): Promise<Stack> {
    const env = {
      COMFYUI_HOST: machines.map(({ host }) => host).join(),
      MAX_JOBS_PER_INSTANCE: '1',
      HEALTH_CHECK_INTERVAL: '200',
    };
    const stack = await site.start({ env });
    await eventually(async () => expect(await healthyOn(stack)).toBe(machines.length));
    return stack;
  }

  const healthyOn = async ({ client }: Stack) =>
    (await client.json('/health', healthAnswer)).comfyui_instances.healthy;

  it('gets every waiting job that only it can run', async () => {
    await start(old);
    const { client } = await start(old, added);
    const api = new ComfyApiClient(client.baseUrl);
    const ids: string[] = [];
    for (let n = 0; n < JOBS; n += 1) ids.push((await api.submit(graph(n))).id);
    const ends = await Promise.all(ids.map((id) => api.ended(id)));
    expect(ends.map(({ status }) => status)).toEqual(Array(JOBS).fill('succeeded'));
  });

  it('gets every waiting job whose file only it accepts', async () => {
    await start(old);
    const { client } = await start(old, added);
    const ids: string[] = [];
    for (let n = 0; n < JOBS; n += 1) ids.push(await client.submit('remove-background', await noise()));
    const ends = await Promise.all(ids.map((id) => client.finished(id)));
    expect(ends.map(({ status }) => status)).toEqual(Array(JOBS).fill('completed'));
  });

  it('is not waited for once it lacks what a job needs and both servers know it', async () => {
    const servers = [await start(old, added), await start(old, added)];
    const api = new ComfyApiClient(servers[0]?.client.baseUrl ?? '');
    added.faults.hang = true;
    await api.submit(graph(0));
    await eventually(() => expect(added.promptIds).toHaveLength(1));
    const { id } = await api.submit(graph(1));
    addedLacks.push('ImageInvert');
    await added.crash();
    for (const stack of servers) await eventually(async () => expect(await healthyOn(stack)).toBe(1));
    await added.plugIn();
    expect(await api.ended(id)).toMatchObject({
      status: 'failed',
      error: { message: 'No ComfyUI instance has what the graph needs: ImageInvert.' },
    });
  });
});
