import { afterEach, describe, expect, it } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const LASTING = { type: 'RuntimeError', message: 'CUDA error: device-side assert triggered\nCompile with' };
const PROBLEM = /^its GPU failed, and only a restart of ComfyUI helps$/;

const submit = async (n: number) =>
  stack.client.submit('remove-background', await png({ colour: colourOf(n) }));

async function instances() {
  const response = await stack.client.request('/health');
  return healthAnswer.parse(await response.json()).comfyui_instances.instances;
}

/** Waits until the machine was checked so many more times. */
async function checked(times: number): Promise<void> {
  let last = (await instances())[0]?.last_check;
  for (let n = 0; n < times; n += 1) {
    await eventually(async () => expect((await instances())[0]?.last_check).not.toBe(last));
    last = (await instances())[0]?.last_check;
  }
}

/** Two machines; the first one's GPU breaks with its first prompt. No job fails. */
async function breakGpu(
  env: Record<string, string> = {},
  options: Partial<StackOptions> = {},
): Promise<void> {
  stack = await Stack.start({
    simulators: [{}, {}],
    env: { HEALTH_CHECK_INTERVAL: '100', ...env },
    ...options,
  });
  const { faults, promptIds } = stack.simulator(0);
  faults.gpuFails = true;
  for (let n = 0; promptIds.length === 0; n += 1) {
    expect(await stack.client.finished(await submit(n))).toMatchObject({ status: 'completed' });
  }
  expect(stack.simulator(0).promptIds).toHaveLength(1);
}

describe('a machine whose GPU broke', () => {
  it('gets no more jobs, with the reason, however well its checks go', async () => {
    await breakGpu();
    for (let n = 0; n < 5; n += 1) await stack.client.finished(await submit(n));
    await checked(3);
    const [broken] = await instances();
    expect(broken).toMatchObject({
      status: 'unhealthy',
      problem: expect.stringMatching(PROBLEM),
      problem_since: expect.any(String),
    });
    for (const n of [1, 2]) await stack.client.finished(await submit(n));
    expect(stack.simulator(0).promptIds).toHaveLength(1);
  });

  it('is used again once it was restarted', async () => {
    await breakGpu();
    await stack.simulator(0).crash();
    await eventually(async () => expect((await instances())[0]?.circuit_breaker.failures).toBeGreaterThan(0));
    expect((await instances())[0]?.problem).toMatch(PROBLEM);
    await stack.simulator(0).plugIn();
    await eventually(async () => expect((await instances())[0]?.status).toBe('healthy'));
    expect((await instances())[0]?.problem).toBeUndefined();
    const ids = await Promise.all([1, 2, 3, 4].map(submit));
    for (const id of ids) expect((await stack.client.finished(id)).attempts).toBe(1);
    expect(stack.simulator(0).promptIds.length).toBeGreaterThan(1);
  });

  it('is not taken for restarted because it was too busy to answer', async () => {
    await breakGpu({ HEALTH_CHECK_TIMEOUT: '100' });
    stack.simulator(0).faults.neverAnswer = true;
    await eventually(async () => expect((await instances())[0]?.circuit_breaker.failures).toBeGreaterThan(0));
    stack.simulator(0).faults.neverAnswer = false;
    await eventually(async () => expect((await instances())[0]?.circuit_breaker.failures).toBe(0));
    expect((await instances())[0]?.problem).toMatch(PROBLEM);
  });

  it('is used again when somebody closes its breaker', async () => {
    await breakGpu();
    await stack.client.request('/api/circuit-breakers/instance-1/close', { method: 'POST' });
    expect((await instances())[0]).toMatchObject({ status: 'healthy' });
  });
});

describe('a machine with a GPU fault, after a while', () => {
  const overrides = { gpuFaults: { trialMs: 300, maxTrialMs: 60_000 } };
  const waits = (logger: RecordingLogger) => logger.lines.flatMap(({ fields }) => fields['trialInMs'] ?? []);

  /** Submits jobs until the first machine has had one more prompt. Each of them completes. */
  async function untilTried(): Promise<void> {
    const before = stack.simulator(0).promptIds.length;
    await eventually(async () => {
      expect(await stack.client.finished(await submit(9))).toMatchObject({ status: 'completed' });
      expect(stack.simulator(0).promptIds.length).toBeGreaterThan(before);
    });
  }

  it('is back in service if a job succeeds: a prompt only imitated the fault', async () => {
    const logger = new RecordingLogger();
    const env = { HEALTH_CHECK_INTERVAL: '100' };
    stack = await Stack.start({ simulators: [{}, {}], env, overrides, logger });
    for (const { faults } of stack.simulators) faults.failNodes.set('InspyrenetRembg', LASTING);
    expect(await stack.client.finished(await submit(1))).toMatchObject({ status: 'failed', attempts: 2 });
    expect(waits(logger)).toEqual([300, 300]);
    for (const { faults } of stack.simulators) faults.failNodes.clear();
    const ids = await Promise.all([1, 2, 3, 4].map(submit));
    for (const id of ids) expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    await eventually(async () => {
      await stack.client.finished(await submit(5));
      for (const { status } of await instances()) expect(status).toBe('healthy');
    });
  });

  it('gets one job for each trial, and waits longer each time', async () => {
    const logger = new RecordingLogger();
    await breakGpu({}, { overrides, logger });
    await untilTried();
    await untilTried();
    expect(stack.simulator(0).promptIds).toHaveLength(3);
    expect(waits(logger)).toEqual([300, 600, 1200]);
  });

  it('starts anew once it was restarted', async () => {
    const logger = new RecordingLogger();
    await breakGpu({}, { overrides: { gpuFaults: { trialMs: 600_000, maxTrialMs: 3_600_000 } }, logger });
    await stack.simulator(0).crash();
    await eventually(async () => expect((await instances())[0]?.circuit_breaker.failures).toBeGreaterThan(0));
    await stack.simulator(0).plugIn();
    await eventually(async () => expect((await instances())[0]?.status).toBe('healthy'));
    stack.simulator(0).faults.gpuFails = true;
    await untilTried();
    expect(waits(logger)).toEqual([600_000, 600_000]);
  });
});

describe('a client that writes of broken GPUs', () => {
  it('stops no machine when a node repeats its text', async () => {
    stack = await Stack.start({ simulators: [{}, {}] });
    const texts = ['my CUDA device lost', 'CUDA error: device-side assert triggered'];
    for (const message of texts) {
      const workflow = {
        '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 0 } },
        '2': { class_type: 'RaiseError', inputs: { image: ['1', 0], message } },
        '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
      };
      const body = JSON.stringify({ workflow });
      const headers = { 'content-type': 'application/json' };
      const response = await stack.client.request('/api/v2/jobs', { method: 'POST', headers, body });
      const { id } = (await response.json()) as { id: string };
      expect(await stack.client.finished(id.replace('job_', ''))).toMatchObject({
        status: 'failed',
        attempts: 1,
      });
    }
    for (const { status } of await instances()) expect(status).toBe('healthy');
    expect(await stack.client.finished(await submit(1))).toMatchObject({ status: 'completed' });
  });
});

describe('a job that breaks GPUs', () => {
  it('gets a second machine, and not a third', async () => {
    const logger = new RecordingLogger();
    stack = await Stack.start({ simulators: [{}, {}, {}], logger });
    for (const { faults } of stack.simulators) faults.failNodes.set('InspyrenetRembg', LASTING);
    expect(await stack.client.finished(await submit(1))).toMatchObject({ status: 'failed', attempts: 2 });
    const problems = (await instances()).flatMap(({ problem }) => problem ?? []);
    expect(problems).toHaveLength(2);
    for (const problem of problems) expect(problem).toMatch(PROBLEM);
    // The message may quote a prompt: only the log has it.
    expect(await (await stack.client.request('/health')).text()).not.toContain('device-side assert');
    const logged = logger.lines.filter(({ message }) => message === 'Instance gets no jobs');
    expect(logged.map(({ fields }) => fields['error'])).toEqual(
      Array(2).fill(expect.stringMatching(/device-side assert triggered$/)),
    );
  });

  it('costs the job beside it no attempt', async () => {
    stack = await Stack.start({ simulators: [{}, {}], env: { JOB_MAX_ATTEMPTS: '1' } });
    const [first, second] = [stack.simulator(0), stack.simulator(1)];
    first.faults.hang = true;
    second.faults.hang = true;
    const ids = await Promise.all([1, 2, 3, 4].map(submit));
    await eventually(() => expect(first.promptIds.length + second.promptIds.length).toBe(4));
    // The running prompt started before the fault; the one behind it meets a broken GPU.
    first.faults.failNodes.set('PreviewImage', LASTING);
    first.faults.hang = false;
    second.faults.hang = false;
    const ends = await Promise.all(ids.map((id) => stack.client.finished(id)));
    const failed = ends.filter(({ status }) => status === 'failed');
    expect(failed).toHaveLength(1);
    expect(ends.filter(({ status }) => status === 'completed')).toHaveLength(3);
  });
});
