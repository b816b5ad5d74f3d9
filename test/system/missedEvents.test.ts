import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CuttableProxy } from '../support/CuttableProxy.js';
import { eventually } from '../support/eventually.js';
import { NativeClient } from '../support/NativeClient.js';
import { png } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

describe.runIf(requireRedis())('a server that was cut off from Redis', () => {
  let site: RedisSite;
  let proxy: CuttableProxy;
  let cutOff: Stack;
  beforeEach(async () => {
    site = await RedisSite.open();
    proxy = await CuttableProxy.start(site.redis.port);
    cutOff = await site.start({
      env: { COMFYUI_API_PORT: '0', REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    });
  });
  afterEach(async () => {
    proxy.heal();
    await site.close();
    await proxy.stop();
  });

  /** Cuts it off, lets something happen, and connects it again. */
  const meanwhile = async (work: () => Promise<void>) => {
    const answer = async () => (await cutOff.client.request('/api/jobs/list')).status;
    proxy.cut();
    await eventually(async () => expect(await answer()).toBe(503));
    await work();
    proxy.heal();
    await eventually(async () => expect(await answer()).toBe(200));
  };

  it('stops the prompt of a job that another server cancelled meanwhile', async () => {
    site.simulator.setWork(20_000);
    const id = await cutOff.client.submit('upscale-image', await png());
    await eventually(() => expect(site.simulator.executions).toHaveLength(1));
    const other = await site.start();
    await meanwhile(async () => {
      const cancelled = await other.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
      expect(cancelled.status).toBe(200);
    });
    await eventually(() => expect(site.simulator.queueRemaining).toBe(0), 10_000);
    await eventually(() => expect(cutOff.services.processor.activeJobs).toBe(0));
    expect((await cutOff.client.status(id)).status).toBe('cancelled');
  });

  describe('ComfyUI’s own API', () => {
    let native: NativeClient;
    beforeEach(() => {
      native = new NativeClient(cutOff.nativeHost);
    });
    afterEach(() => native.close());
    const graph = {
      '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
    };

    it('forgets prompts whose jobs another server removed meanwhile', async () => {
      const socket = await native.connect('someone');
      const { json } = await native.submit({ prompt: graph, client_id: 'someone' });
      await socket.ended(json.prompt_id);
      const list = await cutOff.client.request('/api/jobs/list');
      const [job] = ((await list.json()) as { jobs: { id: string }[] }).jobs;
      const other = await site.start();
      await meanwhile(async () => {
        const removed = await other.client.request(`/api/jobs/${job?.id}`, { method: 'DELETE' });
        expect(removed.status).toBe(200);
      });
      await eventually(async () => expect(await native.json('/history')).toEqual({}));
    });

    it('ends prompts whose jobs Redis has lost', async () => {
      await cutOff.services.processor.stop(0, 0);
      const socket = await native.connect('someone');
      const { json } = await native.submit({ prompt: graph, client_id: 'someone' });
      await meanwhile(() => site.redis.empty());
      await socket.ended(json.prompt_id);
      expect(socket.kinds(json.prompt_id)).toContain('execution_interrupted');
      expect((await native.json('/queue')).queue_pending).toEqual([]);
    });
  });

  it('ends the requests for a job that Redis has lost', async () => {
    await cutOff.services.processor.stop(0, 0);
    const { events: jobEvents } = cutOff.services.manager;
    const before = jobEvents.listeners;
    const waiting = cutOff.client.post('/api/upscale-image', await png());
    let id = '';
    await eventually(async () => {
      const list = await cutOff.client.request('/api/jobs/list');
      id = ((await list.json()) as { jobs: { id: string }[] }).jobs[0]?.id ?? '';
      expect(id).not.toBe('');
    });
    const events = await cutOff.client.request(`/api/jobs/${id}/events`);
    let told = '';
    const read = (async () => {
      for await (const chunk of events.body ?? []) told += Buffer.from(chunk).toString();
    })();
    await eventually(() => {
      expect(told).toContain('event:status');
      // The request and the stream.
      expect(jobEvents.listeners).toBe(before + 2);
    });
    await meanwhile(() => site.redis.empty());
    const answer = await waiting;
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([404, 'JOB_NOT_FOUND']);
    await read;
  });
});
