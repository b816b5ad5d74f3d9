import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { circuitBreakersAnswer } from '../../src/schemas/metrics.js';
import { describeQueues } from '../support/describeQueues.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const slow = (ms: number) => ({ workMs: { InspyrenetRembg: ms, ImageUpscaleWithModel: ms } });
const TWO = [{}, {}];

/** Noise cannot be compressed. */
const noiseOf = (width: number, height: number) =>
  sharp({
    create: { width, height, channels: 3, background: '#808080', noise: { type: 'gaussian', sigma: 90 } },
  });

/** An image of about 8 KB. */
const noise = () => noiseOf(64, 48).png().toBuffer();

async function breakerStates(): Promise<string[]> {
  const { circuit_breakers } = await stack.client.json('/api/circuit-breakers', circuitBreakersAnswer);
  return Object.values(circuit_breakers).map(({ state }) => state);
}

/** Submits an image in the n-th colour. */
const submit = async (n: number, type = 'remove-background') =>
  stack.client.submit(type, await png({ colour: colourOf(n) }));

/** Waits until a job is completed with an image in the n-th colour. @returns the number of attempts */
async function completed(id: string, n: number): Promise<number> {
  const status = await stack.client.finished(id);
  expect(status).toMatchObject({ status: 'completed' });
  expect(distance(await middle(await stack.client.resultImage(id)), colourOf(n))).toBeLessThan(8);
  return status.attempts;
}

/** Runs jobs one after the other. @returns the number of attempts of each */
async function oneByOne(count: number): Promise<number[]> {
  const attempts: number[] = [];
  for (let n = 0; n < count; n += 1) attempts.push(await completed(await submit(n), n));
  return attempts;
}

describe('a prompt that another user of the machine interrupts', () => {
  it('is run again, and nobody is blamed', async () => {
    stack = await Stack.start({ simulators: [slow(100)], env: { BREAKER_FAILURE_THRESHOLD: '1' } });
    const id = await submit(1);
    await eventually(() => expect(stack.simulator().executions).toHaveLength(1));
    stack.simulator().interruptAnything();
    expect(await completed(id, 1)).toBe(2);
    expect(await breakerStates()).toEqual(['CLOSED']);
  });
});

describe('a branch that a node blocks', () => {
  it('ends as ComfyUI says why, when the result is on it', async () => {
    stack = await Stack.start();
    stack.simulator().faults.blockNodes.add('InspyrenetRembg');
    const status = await stack.client.finished(await submit(1));
    expect(status).toMatchObject({
      status: 'failed',
      attempts: 1,
      error_details: { category: 'result_missing' },
    });
    expect(JSON.stringify(status)).toContain('Execution Blocked');
    expect(await breakerStates()).toEqual(['CLOSED']);
  });
});

describe('a machine with a fault of its own', () => {
  it.each([
    ['a GPU with errors', { gpuFailsEvery: 1 }],
    ['a full disk', { disk: 'full' }],
    ['a broken disk', { disk: 'broken' }],
  ] as const)('such as %s costs no job, and is taken out of service', async (_, fault) => {
    stack = await Stack.start({
      simulators: TWO,
      env: { BREAKER_RESET_TIMEOUT: '60000', BREAKER_MAX_RESET_TIMEOUT: '60000' },
    });
    Object.assign(stack.simulator().faults, fault);
    const attempts = await oneByOne(10);
    expect(attempts.filter((count) => count === 2)).toHaveLength(3);
    expect(Math.max(...attempts)).toBe(2);
    expect(await breakerStates()).toEqual(['OPEN', 'CLOSED']);
  });

  it('costs no job while it is tried again and again', async () => {
    stack = await Stack.start({
      simulators: TWO,
      env: { BREAKER_RESET_TIMEOUT: '20', BREAKER_MAX_RESET_TIMEOUT: '40' },
    });
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'odd state' });
    // Until the breaker opens, an exception of a node may also be the fault of the image.
    while ((await breakerStates())[0] === 'CLOSED') await stack.client.finished(await submit(0));
    expect(Math.max(...(await oneByOne(12)))).toBeLessThanOrEqual(2);
  });

  it('that fails every other prompt costs none either', async () => {
    stack = await Stack.start({ simulators: TWO });
    stack.simulator().faults.gpuFailsEvery = 2;
    expect(Math.max(...(await oneByOne(10)))).toBeLessThanOrEqual(2);
  });
});

describe('outputs that are odd', () => {
  it.each(['before', 'after'] as const)('%s the image are ignored', async (where) => {
    stack = await Stack.start();
    stack.simulator().faults.oddOutputs = where;
    expect(await completed(await submit(4), 4)).toBe(1);
    expect(stack.simulator().executions).toHaveLength(1);
  });

  it('in place of the image fail the job once, and not the machine', async () => {
    stack = await Stack.start({ env: { BREAKER_FAILURE_THRESHOLD: '2' } });
    stack.simulator().faults.oddOutputs = 'alone';
    expect(await stack.client.finished(await submit(1))).toMatchObject({
      status: 'failed',
      attempts: 1,
      error_details: { category: 'result_missing' },
    });
    expect(await breakerStates()).toEqual(['CLOSED']);
  });
});

describe('a picture that the loader cannot read', () => {
  it('fails its job and says nothing about the machine', async () => {
    stack = await Stack.start({ env: { BREAKER_FAILURE_THRESHOLD: '1' } });
    const failure = { type: 'PIL.UnidentifiedImageError', message: 'cannot identify image file' };
    stack.simulator().faults.failNodes.set('LoadImage', failure);
    for (let n = 0; n < 4; n += 1) {
      expect(await stack.client.finished(await submit(n))).toMatchObject({ status: 'failed', attempts: 1 });
    }
    expect(await breakerStates()).toEqual(['CLOSED']);
  });
});

describe('the time for a job', () => {
  it('begins when ComfyUI begins, however long the prompt waited there', async () => {
    stack = await Stack.start({
      simulators: [slow(320)],
      env: { JOB_TIMEOUT: '2000', MAX_JOBS_PER_INSTANCE: '8', MAX_CONCURRENT_JOBS: '8' },
    });
    const ids = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((n) => submit(n)));
    for (const [n, id] of ids.entries()) expect(await completed(id, n)).toBe(1);
    expect(await breakerStates()).toEqual(['CLOSED']);
  });

  it('in the queue of a machine is limited where another one has a place', async () => {
    stack = await Stack.start({ simulators: [{}, slow(50)], env: { JOB_QUEUE_TIMEOUT: '200' } });
    stack.simulator(0).addStrangers(1, 30);
    const ids = await Promise.all([0, 1].map((n) => submit(n)));
    for (const [n, id] of ids.entries()) expect(await completed(id, n)).toBeLessThanOrEqual(2);
    expect(stack.simulator(0).queueRemaining).toBe(1);
    expect(stack.simulator(1).executions).toHaveLength(2);
    expect(await breakerStates()).toEqual(['CLOSED', 'CLOSED']);
  });

  it('in the queues of all machines does not send it to and fro', async () => {
    stack = await Stack.start({ simulators: TWO, env: { JOB_QUEUE_TIMEOUT: '100' } });
    for (const simulator of stack.simulators) simulator.addStrangers(1, 1.5);
    expect(await completed(await submit(3), 3)).toBeLessThanOrEqual(2);
  });

  it('in the queue of the only machine is not', async () => {
    stack = await Stack.start({ env: { JOB_QUEUE_TIMEOUT: '50' } });
    stack.simulator().addStrangers(1, 0.6);
    expect(await completed(await submit(3), 3)).toBe(1);
    expect(stack.simulator().promptIds).toHaveLength(1);
  });

  it('leaves prompts of others alone when it is over', async () => {
    stack = await Stack.start({ simulators: [slow(5000)], env: { JOB_TIMEOUT: '300' } });
    const id = await submit(1);
    await eventually(() => expect(stack.simulator().executions).toHaveLength(1));
    stack.simulator().addStrangers(1, 30);
    expect(await stack.client.finished(id)).toMatchObject({ status: 'failed', error_code: 'JOB_TIMEOUT' });
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(1));
  });
});

describe('a node that holds the lock of the whole process', () => {
  const env = { HEALTH_CHECK_TIMEOUT: '200', HEALTH_CHECK_INTERVAL: '300', JOB_TIMEOUT: '20000' };
  const connections = { heartbeatMs: 300 };

  it('delays its job and runs it once', async () => {
    stack = await Stack.start({ simulators: [slow(300), {}], env, overrides: { connections } });
    const id = await submit(1);
    await eventually(() => expect(stack.simulators.flatMap(({ executions }) => executions)).toHaveLength(1));
    const at = stack.simulators.find(({ executions }) => executions.length === 1);
    at?.lock.hold(2500);
    expect(await completed(id, 1)).toBe(1);
    expect(stack.simulators.flatMap(({ executions }) => executions)).toHaveLength(1);
  });

  it('delays the result of a job that ended meanwhile, and runs nothing twice', async () => {
    stack = await Stack.start({ simulators: [{}, {}], env, overrides: { connections } });
    for (const simulator of stack.simulators) {
      simulator.traps.waiting = { name: 'Python lock held', at: 'success', afterMs: 0, output: '' };
    }
    const ids = await Promise.all([0, 1, 2, 3].map((n) => submit(n)));
    for (const [n, id] of ids.entries()) await completed(id, n);
    const executions = stack.simulators.flatMap((one) => one.executions);
    expect(executions).toHaveLength(4);
  });

  it('and outlasts the job leaves its result to the next attempt, where no other machine is free', async () => {
    stack = await Stack.start({
      simulators: [slow(300)],
      env: { ...env, JOB_TIMEOUT: '1000' },
      overrides: { connections, follow: { queueCheckMs: 5000 } },
    });
    const id = await submit(1);
    await eventually(() => expect(stack.simulator().executions).toHaveLength(1));
    stack.simulator().lock.hold(4000);
    expect(await completed(id, 1)).toBe(2);
    expect(stack.simulator().executions).toHaveLength(1);
    await eventually(() => expect(stack.simulator().historyIds).toEqual([]));
  });

  it('is given up when it lasts longer than a job may', async () => {
    stack = await Stack.start({
      simulators: [slow(300), {}],
      env: { ...env, JOB_TIMEOUT: '1500' },
      overrides: { connections },
    });
    const id = await submit(1);
    await eventually(() => expect(stack.simulators.flatMap(({ executions }) => executions)).toHaveLength(1));
    stack.simulators.find(({ executions }) => executions.length === 1)?.lock.hold(20_000);
    expect(await completed(id, 1)).toBe(2);
  });
});

describeQueues('an upload that no machine accepts', (queue) => {
  it('fails at once, and the jobs after it run', async () => {
    stack = await Stack.start({ simulators: [{ maxUploadBytes: 4000 }], env: queue() });
    for (let n = 0; n < 2; n += 1) {
      const id = await stack.client.submit('remove-background', await noise());
      expect(await stack.client.finished(id)).toMatchObject({
        status: 'failed',
        error: expect.stringContaining('upload of this size'),
      });
      await completed(await submit(n), n);
    }
  });
});

describe('an upload that is larger than a machine accepts', () => {
  const limited = { maxUploadBytes: 4000 };

  it('goes to one that accepts it', async () => {
    stack = await Stack.start({ simulators: [limited, {}] });
    for (let n = 0; n < 4; n += 1) await stack.client.process('remove-background', await noise());
    expect(stack.simulator(0).executions).toEqual([]);
    // Small images can go to either machine.
    expect(await oneByOne(2)).toEqual([1, 1]);
    expect(stack.simulator(0).executions).toHaveLength(1);
  });

  it('and waits for one that accepts it does not hold up those that others may have', async () => {
    stack = await Stack.start({ simulators: [limited, slow(1500)], env: { MAX_JOBS_PER_INSTANCE: '1' } });
    const large = [];
    for (let n = 0; n < 2; n += 1) {
      large.push(await stack.client.submit('remove-background', await noise()));
    }
    await completed(await submit(1), 1);
    expect(stack.simulator(0).executions).toHaveLength(1);
    expect(await stack.client.status(large[1] ?? '')).toMatchObject({ status: 'pending' });
  });

  it('is sent elsewhere when the machine, or a proxy before it, only says so then', async () => {
    stack = await Stack.start({ simulators: TWO, env: { BREAKER_FAILURE_THRESHOLD: '1' } });
    stack.simulator(0).faults.respond = { path: /^\/upload/, status: 413, times: 1 };
    const attempts = await oneByOne(4);
    expect(attempts.filter((count) => count === 2)).toHaveLength(1);
    expect(await breakerStates()).toEqual(['CLOSED', 'CLOSED']);
  });

  it('says nothing about smaller ones, when it only became so large by its conversion', async () => {
    stack = await Stack.start();
    const photo = (width: number) => noiseOf(width, 64).jpeg({ quality: 30 });
    const converted = await photo(64).withIccProfile('p3').toBuffer();
    const plain = await photo(160).toBuffer();
    expect(plain.length).toBeGreaterThan(converted.length);
    stack.simulator().faults.respond = { path: /^\/upload/, status: 413, times: 3 };
    const refused = await stack.client.submit('remove-background', converted);
    expect(await stack.client.finished(refused)).toMatchObject({ status: 'failed', attempts: 3 });
    await stack.client.process('remove-background', plain);
  });
});
