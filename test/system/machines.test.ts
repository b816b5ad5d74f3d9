import { afterEach, describe, expect, it } from 'vitest';
import { circuitBreakersAnswer } from '../../src/schemas/metrics.js';
import { ComfyApiClient, samplerGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

/** Certainly the machine's fault, and no restart is required. */
const GPU_FAULT = { type: 'RuntimeError', message: 'cuDNN error: CUDNN_STATUS_EXECUTION_FAILED' };
/** Either the machine's or the image's fault. */
const BOOM = { type: 'ValueError', message: 'boom' };
const BREAKER_LONG = { BREAKER_RESET_TIMEOUT: '60000', BREAKER_MAX_RESET_TIMEOUT: '60000' };

async function breakerStates(): Promise<string[]> {
  const { circuit_breakers } = await stack.client.json('/api/circuit-breakers', circuitBreakersAnswer);
  return Object.values(circuit_breakers).map(({ state }) => state);
}

/** Sends images one after the other. @returns the end of each job */
async function oneByOne(count: number, type = 'remove-background'): Promise<string[]> {
  const ends: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const id = await stack.client.submit(type, await png({ colour: colourOf(n) }));
    ends.push((await stack.client.finished(id)).status);
  }
  return ends;
}

describe('a client whose parameter makes a node fail', () => {
  it('opens no breaker, while the machines complete jobs of others', async () => {
    stack = await Stack.start({ simulators: [{}, {}], env: BREAKER_LONG });
    const workflow = {
      '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 0 } },
      '2': { class_type: 'RaiseError', inputs: { image: ['1', 0], message: 'bad value' } },
      '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
    };
    const fail = async () => {
      const headers = { 'content-type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify({ workflow }) };
      const { id } = (await (await stack.client.request('/api/v2/jobs', init)).json()) as { id: string };
      expect((await stack.client.finished(id.replace('job_', ''))).status).toBe('failed');
    };
    // Only the first machine gets bad jobs, and only the second one gets good ones.
    const drain = (name: string, state: string) =>
      stack.client.request(`/api/instances/${name}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ state }),
      });
    for (let n = 0; n < 5; n += 1) {
      await drain('instance-2', 'draining');
      await drain('instance-1', 'active');
      await fail();
      await drain('instance-2', 'active');
      await drain('instance-1', 'draining');
      expect(await oneByOne(1)).toEqual(['completed']);
    }
    expect(stack.simulator(0).promptIds).toHaveLength(5);
    expect(await breakerStates()).toEqual(['CLOSED', 'CLOSED']);
  });
});

describe('a machine that is out of memory', () => {
  it('is asked to free it, and its job is tried once more, on the other one', async () => {
    stack = await Stack.start({ simulators: [{}, {}] });
    for (const { faults } of stack.simulators) faults.memoryFull = true;
    const id = await stack.client.submit('remove-background', await png());
    // Both machines are full, so the second attempt fails, too: both are asked to free memory.
    const status = await stack.client.finished(id);
    expect(status).toMatchObject({
      status: 'failed',
      attempts: 2,
      error_code: 'WORKFLOW_FAILED',
      error_details: { category: 'out_of_memory', node_class: 'InspyrenetRembg' },
    });
    expect(stack.simulators.map(({ requests }) => requests.get('POST /free'))).toEqual([1, 1]);
    expect(stack.simulators.map(({ promptIds }) => promptIds.length)).toEqual([1, 1]);
    expect(await oneByOne(2)).toEqual(['completed', 'completed']);
  });

  it('alone gets the job back once its memory was freed', async () => {
    stack = await Stack.start();
    stack.simulator().faults.memoryFull = true;
    const id = await stack.client.submit('upscale-image', await png({ colour: colourOf(3) }));
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(distance(await middle(await stack.client.resultImage(id)), colourOf(3))).toBeLessThan(8);
  });

  it('fails the job at once where only one attempt is allowed', async () => {
    stack = await Stack.start({ simulators: [{}, {}], env: { JOB_MAX_ATTEMPTS: '1' } });
    for (const { faults } of stack.simulators) faults.memoryFull = true;
    const id = await stack.client.submit('upscale-image', await png());
    expect(await stack.client.finished(id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  it('and does not take the request to free it still has its job tried again', async () => {
    stack = await Stack.start();
    stack.simulator().faults.memoryFull = true;
    stack.simulator().faults.respond = { path: /^\/free$/, status: 500, times: 1 };
    const id = await stack.client.submit('upscale-image', await png());
    expect(await stack.client.finished(id)).toMatchObject({ status: 'failed', attempts: 2 });
  });
});

describe('a machine that fails job after job while its checks pass', () => {
  it('is opened while the other one works, and gets no more jobs', async () => {
    stack = await Stack.start({ simulators: [{}, {}], env: BREAKER_LONG });
    stack.simulator(0).faults.failNodes.set('InspyrenetRembg', BOOM);
    // Every second job goes to the broken machine, until its third failure in a row.
    const ends = await oneByOne(8);
    expect(ends.filter((end) => end === 'failed')).toHaveLength(3);
    expect(await breakerStates()).toEqual(['OPEN', 'CLOSED']);
    expect(stack.simulator(0).promptIds).toHaveLength(3);
  });

  it("costs no job where the fault can only be the machine's", async () => {
    stack = await Stack.start({ simulators: [{}, {}], env: BREAKER_LONG });
    stack.simulator(0).faults.failNodes.set('InspyrenetRembg', GPU_FAULT);
    expect(new Set(await oneByOne(8))).toEqual(new Set(['completed']));
    expect(await breakerStates()).toEqual(['OPEN', 'CLOSED']);
    expect(stack.simulator(0).promptIds).toHaveLength(3);
  });

  it('is let back in on trial: one job decides, and one that goes well is enough', async () => {
    // Longer than the jobs below take: otherwise the next trial starts before they end.
    const env = { BREAKER_RESET_TIMEOUT: '1500', BREAKER_MAX_RESET_TIMEOUT: '6000' };
    stack = await Stack.start({ simulators: [{}, {}], env });
    const { faults } = stack.simulator(0);
    faults.failNodes.set('InspyrenetRembg', BOOM);
    await oneByOne(6);
    expect(await breakerStates()).toEqual(['OPEN', 'CLOSED']);
    await eventually(async () => expect(await breakerStates()).toEqual(['CLOSED', 'CLOSED']));
    const before = stack.simulator(0).promptIds.length;
    // The trial fails and costs the job only a second attempt.
    expect(await oneByOne(3)).toEqual(['completed', 'completed', 'completed']);
    expect(stack.simulator(0).promptIds.length - before).toBe(1);
    expect(await breakerStates()).toEqual(['OPEN', 'CLOSED']);
    faults.failNodes.clear();
    await eventually(async () => expect(await breakerStates()).toEqual(['CLOSED', 'CLOSED']));
    expect(new Set(await oneByOne(4))).toEqual(new Set(['completed']));
    faults.failNodes.set('InspyrenetRembg', BOOM);
    await oneByOne(4);
    // Two failures in a row are fewer than three: the trial is over.
    expect(await breakerStates()).toEqual(['CLOSED', 'CLOSED']);
  });

  it('is opened by jobs that never end, also when there is no other', async () => {
    stack = await Stack.start({ env: { ...BREAKER_LONG, JOB_TIMEOUT: '100' } });
    stack.simulator().faults.hang = true;
    expect(await oneByOne(3)).toEqual(['failed', 'failed', 'failed']);
    expect(await breakerStates()).toEqual(['OPEN']);
  });
});

describe('jobs that fail wherever they run', () => {
  it('open no breaker if they are long jobs of one client', async () => {
    const slow = { workMs: { KSampler: 3000 } };
    const API_KEYS = 'bad:bad-key-0123456789,good:good-key-0123456789';
    stack = await Stack.start({
      simulators: [slow, slow],
      env: {
        ...BREAKER_LONG,
        API_KEYS,
        ALLOW_RAW_WORKFLOWS: 'all',
        JOB_TIMEOUT: '300',
        MAX_JOBS_PER_INSTANCE: '1',
      },
    });
    const bad = new ComfyApiClient(stack.client.baseUrl, 'bad-key-0123456789');
    const jobs = await Promise.all(Array.from({ length: 8 }, (_, n) => bad.submit(samplerGraph(4, n))));
    for (const { id } of jobs) expect((await bad.ended(id)).status).toBe('failed');
    const states = stack.services.fleet.instances.map(({ breaker }) => breaker.state);
    expect(states).toEqual(['CLOSED', 'CLOSED']);
  });

  it('open no breaker, however many they are', async () => {
    stack = await Stack.start({ simulators: [{}, {}], env: BREAKER_LONG });
    for (const { faults } of stack.simulators) faults.failNodes.set('InspyrenetRembg', BOOM);
    expect(new Set(await oneByOne(12))).toEqual(new Set(['failed']));
    expect(await breakerStates()).toEqual(['CLOSED', 'CLOSED']);
    expect(await oneByOne(2, 'upscale-image')).toEqual(['completed', 'completed']);
  });

  it('leave the only machine in service', async () => {
    stack = await Stack.start({ env: BREAKER_LONG });
    stack.simulator().faults.failNodes.set('InspyrenetRembg', BOOM);
    await oneByOne(5);
    expect(await breakerStates()).toEqual(['CLOSED']);
  });

  it('are not held against the second machine that one of them is tried on', async () => {
    stack = await Stack.start({
      simulators: [{}, {}],
      env: { ...BREAKER_LONG, BREAKER_FAILURE_THRESHOLD: '2' },
    });
    // Too large for either machine, while other jobs succeed on both.
    for (let n = 0; n < 4; n += 1) {
      for (const { faults } of stack.simulators) faults.memoryFull = true;
      const id = await stack.client.submit('upscale-image', await png({ colour: colourOf(n) }));
      expect(await stack.client.finished(id)).toMatchObject({ status: 'failed', attempts: 2 });
      for (const { faults } of stack.simulators) faults.memoryFull = false;
    }
    expect(await breakerStates()).toEqual(['CLOSED', 'CLOSED']);
  });
});
