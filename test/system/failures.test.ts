import { afterEach, describe, expect, it } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { OUT_OF_MEMORY } from '../../src/simulator/index.js';
import { graphOf } from '../../src/workflows/graph.js';
import { removeBackground } from '../../src/workflows/removeBackground.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const slow = (ms: number) => ({ workMs: { InspyrenetRembg: ms, ImageUpscaleWithModel: ms } });
const health = (status = 200) => stack.client.json('/health', healthAnswer, { status });

describe('a job that ComfyUI fails', () => {
  it('ends failed with the class and message of its node, and the job beside it is not touched', async () => {
    stack = await Stack.start({ simulators: [slow(60)] });
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom\n' });
    const failing = await stack.client.submit('remove-background', await png());
    const beside = await stack.client.submit('upscale-image', await png({ colour: colourOf(7) }));
    expect(await stack.client.finished(failing)).toMatchObject({
      status: 'failed',
      error: 'InspyrenetRembg (node 2) failed: boom',
      error_code: 'WORKFLOW_FAILED',
      error_details: {
        category: 'execution_error',
        node_id: '2',
        node_class: 'InspyrenetRembg',
        exception_type: 'ValueError',
        message: 'boom',
      },
      attempts: 1,
    });
    expect((await stack.client.finished(beside)).status).toBe('completed');
  });

  it('is a 502 with the node for a client that waits', async () => {
    stack = await Stack.start();
    stack.simulator().faults.failNodes.set('InspyrenetRembg', OUT_OF_MEMORY);
    const body = await stack.client.refused('/api/remove-background', await png(), 502);
    expect(body).toMatchObject({
      code: 'WORKFLOW_FAILED',
      details: { node_id: '2', node_class: 'InspyrenetRembg', category: 'out_of_memory' },
      job_id: expect.any(String),
    });
    expect(body.status_url).toBe(`/api/jobs/${body.job_id}/status`);
  });

  it('fails by polling too, when no message comes', async () => {
    stack = await Stack.start();
    stack.simulator().faults.muteSockets = true;
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
    const id = await stack.client.submit('remove-background', await png());
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'failed',
      error: 'InspyrenetRembg (node 2) failed: boom',
    });
  });

  it("is refused with ComfyUI's own words, at once and once", async () => {
    const bogus = {
      ...removeBackground,
      build: () =>
        graphOf({
          '2': { class_type: 'InspyrenetRembg', inputs: { torchscript_jit: 'bogus' } },
          '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } },
        }),
    };
    stack = await Stack.start({ overrides: { workflows: [bogus] } });
    const id = await stack.client.submit('remove-background', await png());
    const status = await stack.client.finished(id);
    expect(status).toMatchObject({
      status: 'failed',
      error_code: 'WORKFLOW_INVALID',
      error_details: { category: 'workflow_validation', node_id: '2', node_class: 'InspyrenetRembg' },
      attempts: 1,
    });
    expect(status).toHaveProperty('error', expect.stringContaining('Required input is missing: image'));
    expect((await health()).comfyui_instances.healthy).toBe(1);
  });
});

describe('an instance that fails', () => {
  it('with a 5xx loses its job to another one', async () => {
    stack = await Stack.start({ simulators: [{}, {}] });
    stack.simulator(0).faults.respond = { path: /^\/prompt$/, status: 500, times: 1 };
    stack.simulator(1).faults.respond = { path: /^\/prompt$/, status: 500, times: 0 };
    const ids = await Promise.all([1, 2].map(async () => stack.client.submit('upscale-image', await png())));
    for (const id of ids) expect((await stack.client.finished(id)).status).toBe('completed');
  });

  it('is tried as often as is configured, then the job fails with the reason', async () => {
    stack = await Stack.start({
      env: { JOB_MAX_ATTEMPTS: '2', BREAKER_FAILURE_THRESHOLD: '10' },
      simulators: [{}],
    });
    stack.simulator().faults.respond = { path: /^\/prompt$/, status: 500, times: 2 };
    const id = await stack.client.submit('upscale-image', await png());
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'failed',
      error_code: 'WORKFLOW_FAILED',
      error_details: { category: 'instance_unavailable' },
      attempts: 2,
    });
  });

  it('opens its breaker, gets no jobs meanwhile, and is let back in by one probe', async () => {
    stack = await Stack.start({ simulators: [{}, {}] });
    await stack.simulator(0).crash();
    await eventually(async () => {
      const [down] = (await health()).comfyui_instances.instances;
      expect(down).toMatchObject({ status: 'unhealthy', circuit_breaker: { state: 'OPEN' } });
    });
    const degraded = await health();
    expect(degraded.status).toBe('degraded');
    expect(degraded.issues).toEqual([`Instance ${stack.simulator(0).host} is unhealthy.`]);
    for (const n of [1, 2, 3, 4]) {
      const { body } = await stack.client.process('upscale-image', await png({ colour: colourOf(n) }));
      expect(body.comfyui_instance).toBe(stack.simulator(1).host);
    }
    await stack.simulator(0).restart();
    await eventually(async () => expect((await health()).status).toBe('healthy'));
    const used = new Set<string>();
    for (const n of [1, 2]) {
      const { body } = await stack.client.process('upscale-image', await png({ colour: colourOf(n + 9) }));
      used.add(body.comfyui_instance);
    }
    expect(used.size).toBe(2);
  });

  it('has its jobs wait while nobody is healthy, and they go on when it is back', async () => {
    stack = await Stack.start({ simulators: [{}] });
    await stack.simulator().crash();
    await eventually(async () => expect((await health(503)).status).toBe('critical'));
    const id = await stack.client.submit('remove-background', await png());
    const refused = await stack.client.post('/api/remove-background', await png());
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'NO_HEALTHY_INSTANCES' });
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(await stack.client.status(id)).toMatchObject({ status: 'pending', attempts: 0 });
    await stack.simulator().restart();
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('is checked before a job when its last success is not fresh, and the check counts as no attempt', async () => {
    stack = await Stack.start({
      simulators: [{}, {}],
      env: { HEALTH_CHECK_INTERVAL: '3600000' },
      overrides: { health: { freshMs: 0, recheckMs: 40 } },
    });
    await stack.simulator(0).crash();
    await stack.simulator(1).crash();
    const id = await stack.client.submit('remove-background', await png());
    await eventually(async () => expect((await health(503)).status).toBe('critical'));
    await stack.simulator(1).restart();
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('that never answers a check is given up for unhealthy', async () => {
    stack = await Stack.start({ simulators: [{}], env: { HEALTH_CHECK_TIMEOUT: '100' } });
    stack.simulator().faults.neverAnswer = true;
    await eventually(async () => expect((await health(503)).status).toBe('critical'));
    stack.simulator().faults.neverAnswer = false;
    await eventually(async () => expect((await health()).status).toBe('healthy'));
  });
});

describe('an instance that asks for a header', () => {
  const requireHeader = { name: 'x-key', value: 'open sesame' };

  it('gets it with every request and on its sockets', async () => {
    stack = await Stack.start({
      simulators: [{ requireHeader }],
      env: { COMFYUI_AUTH_HEADER: 'X-Key: open sesame' },
      // The server learns of the end by its socket alone, also on a busy computer.
      overrides: { follow: { quietPollMs: 60_000, queueCheckMs: 60_000 } },
    });
    await stack.client.process('remove-background', await png());
    expect(stack.services.connections.stats()[stack.simulator().host]?.connected).toBe(1);
    expect(stack.simulator().requests.get('GET /history')).toBeUndefined();
  });

  it('is unhealthy for a server that does not know it', async () => {
    stack = await Stack.start({ simulators: [{ requireHeader }] });
    expect((await health(503)).status).toBe('critical');
  });
});

describe('an instance that lacks a node or a model', () => {
  it('is not sent the workflows that need it, and health says what is missing', async () => {
    stack = await Stack.start({
      simulators: [{ withoutNodes: ['InspyrenetRembg'] }, { models: ['other.pth'] }],
    });
    const { body } = await stack.client.process('remove-background', await png());
    expect(body.comfyui_instance).toBe(stack.simulator(1).host);
    const upscaled = await stack.client.process('upscale-image', await png());
    expect(upscaled.body.comfyui_instance).toBe(stack.simulator(0).host);
    const { comfyui_instances, issues, status } = await health();
    expect(status).toBe('degraded');
    expect(comfyui_instances.instances.map(({ missing_nodes }) => missing_nodes)).toEqual([
      ['InspyrenetRembg'],
      ['UpscaleModelLoader: 4x_NMKD-Siax_200k.pth'],
    ]);
    expect(issues).toEqual([
      `Instance ${stack.simulator(0).host} lacks the node InspyrenetRembg (workflows remove-background, upscale-remove-bg).`,
      `Instance ${stack.simulator(1).host} lacks the model file 4x_NMKD-Siax_200k.pth for the node UpscaleModelLoader (workflows upscale-image, upscale-remove-bg).`,
    ]);
    const refused = await stack.client.refused('/api/upscale-remove-bg', await png(), 503);
    expect(refused.error).toContain('InspyrenetRembg');
    const waiting = await stack.client.submit('upscale-remove-bg', await png());
    const behind = await stack.client.submit('upscale-image', await png());
    expect((await stack.client.finished(behind)).status).toBe('completed');
    expect((await stack.client.status(waiting)).status).toBe('pending');
  });
});

describe('a job that takes too long', () => {
  it('is interrupted on ComfyUI and fails, and the next one runs', async () => {
    stack = await Stack.start({ simulators: [slow(10)], env: { JOB_TIMEOUT: '300' } });
    const { faults, historyIds } = stack.simulator();
    faults.hang = true;
    const body = await stack.client.refused('/api/remove-background', await png(), 504);
    expect(body.code).toBe('JOB_TIMEOUT');
    faults.hang = false;
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(0));
    expect(historyIds).toEqual([]);
    await stack.client.process('remove-background', await png({ colour: colourOf(4) }));
  });

  it('goes on behind a client that was only willing to wait so long', async () => {
    stack = await Stack.start({ simulators: [slow(400)], env: { SYNC_TIMEOUT: '100' } });
    const { code, job_id, status_url } = await stack.client.refused(
      '/api/remove-background',
      await png(),
      504,
    );
    expect({ code, status_url }).toEqual({
      code: 'SYNC_TIMEOUT',
      status_url: `/api/jobs/${job_id}/status`,
    });
    expect((await stack.client.finished(String(job_id))).status).toBe('completed');
  });
});
