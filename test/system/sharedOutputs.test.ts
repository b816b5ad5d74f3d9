import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { comfyOutput } from '../../src/schemas/comfy.js';
import { assetReference, ComfyApiClient, invertGraph, savedEarly } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import { readEvents } from '../support/serverSentEvents.js';
import type { Stack } from '../support/stack.js';

describe.runIf(requireRedis())('an early output, with several servers,', { timeout: 90_000 }, () => {
  let site: RedisSite;
  let stacks: readonly [Stack, Stack];
  let apis: readonly [ComfyApiClient, ComfyApiClient];
  beforeEach(async () => {
    site = await RedisSite.open();
    const [a, b] = await Promise.all([site.start(), site.start()]);
    stacks = [a, b];
    apis = [new ComfyApiClient(a.client.baseUrl), new ComfyApiClient(b.client.baseUrl)];
  });
  afterEach(() => site.close());

  /** A job that has saved its image and still runs, and the number of the server that runs it. */
  async function begun() {
    site.simulator.faults.hang = true;
    const image = assetReference((await apis[0].asset(await png())).id);
    const { id } = await apis[0].submit(savedEarly(image));
    const { outputs } = await apis[0].until(id, (job) => job.outputs.length > 0);
    const runner = stacks.findIndex(({ services }) => services.processor.activeJobs > 0);
    return { id, output: comfyOutput.parse(outputs[0]), runner };
  }

  it('is told, listed and readable on each of them, and an input there', async () => {
    const { id, output } = await begun();
    const bytes = await apis[0].bytes(output.url);
    for (const api of apis) {
      for await (const { event, data } of readEvents(await api.client.request(`/api/v2/jobs/${id}/events`))) {
        if (event !== 'output') continue;
        expect(comfyOutput.parse(data)).toMatchObject({ id: output.id, hash: output.hash });
        break;
      }
      await eventually(async () => expect((await api.job(id)).outputs).toMatchObject([{ id: output.id }]));
      expect(await api.bytes(output.url)).toEqual(bytes);
    }
    const waiting = await Promise.all(apis.map((api) => api.submit(invertGraph(assetReference(output.id)))));
    await apis[1].client.request(`/api/v2/jobs/${id}/cancel`, { method: 'POST' });
    site.simulator.faults.hang = false;
    for (const [n, api] of apis.entries()) {
      expect(await api.ended(id)).toMatchObject({ status: 'canceled', outputs: [{ id: output.id }] });
      expect(await api.bytes(output.url)).toEqual(bytes);
      expect((await api.ended(waiting[n]?.id ?? '')).status).toBe('succeeded');
    }
  });

  it('stays when its server stops and another one continues the job', async () => {
    const { id, output, runner } = await begun();
    const bytes = await apis[0].bytes(output.url);
    const rest = apis[runner === 0 ? 1 : 0];
    await stacks[runner]?.stop();
    expect((await rest.job(id)).outputs).toMatchObject([{ id: output.id }]);
    expect(await rest.bytes(output.url)).toEqual(bytes);
    site.simulator.faults.hang = false;
    const job = await rest.ended(id);
    expect(job).toMatchObject({ status: 'succeeded', outputs: [{ id: output.id }, { node_id: '5' }] });
    expect(await rest.bytes(output.url)).toEqual(bytes);
  });
});
