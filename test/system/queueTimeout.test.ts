import { afterEach, describe, expect, it } from 'vitest';
import type { Simulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

/** Requests to a machine that holds Python's lock fail after the first of these times. */
const QUICK_CHECKS = { HEALTH_CHECK_TIMEOUT: '200', HEALTH_CHECK_INTERVAL: '300' };

const submit = async () => stack.client.submit('remove-background', await png());

/** A job whose prompt waits in the queue of one of two machines. The other one is idle. */
async function waitingJob(
  env: Record<string, string>,
): Promise<{ id: string; busy: Simulator; idle: Simulator }> {
  stack = await Stack.start({
    simulators: [{}, {}],
    env: { MAX_JOBS_PER_INSTANCE: '1', JOB_TIMEOUT: '60000', ...QUICK_CHECKS, ...env },
  });
  for (const simulator of stack.simulators) simulator.occupy();
  const id = await submit();
  const ours = ({ promptIds, strangerIds }: Simulator) => promptIds.some((one) => !strangerIds.has(one));
  await eventually(() => expect(stack.simulators.filter(ours)).toHaveLength(1));
  const [first, second] = [stack.simulator(0), stack.simulator(1)];
  const [busy, idle] = ours(first) ? [first, second] : [second, first];
  idle.release();
  return { id, busy, idle };
}

describe('a prompt that has waited longer than JOB_QUEUE_TIMEOUT, on a machine that does not respond', () => {
  const env = { JOB_QUEUE_TIMEOUT: '600' };

  it('is removed when the machine responds, and only then runs on the idle one', async () => {
    const { id, busy, idle } = await waitingJob(env);
    busy.lock.hold(1800);
    // The slot of the idle machine is free for others meanwhile.
    expect((await stack.client.finished(await submit())).status).toBe('completed');
    expect(idle.executions).toHaveLength(1);
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'completed',
      attempts: 2,
      comfyui_instance: idle.host,
    });
    expect(idle.executions).toHaveLength(2);
    // The stranger's prompt.
    expect(busy.queueRemaining).toBe(1);
    busy.release();
    await eventually(() => expect(busy.queueRemaining).toBe(0));
    expect(busy.executions.filter((one) => !busy.strangerIds.has(one))).toEqual([]);
  });

  it('is followed there, if it has started meanwhile', async () => {
    const { id, busy, idle } = await waitingJob(env);
    busy.setWork(300);
    busy.lock.hold(1800);
    busy.release();
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'completed',
      attempts: 1,
      comfyui_instance: busy.host,
    });
    expect(idle.promptIds.filter((one) => !idle.strangerIds.has(one))).toEqual([]);
  });
});

describe('a prompt that has waited longer than JOB_QUEUE_TIMEOUT, and whose deletion has no response', () => {
  const env = { JOB_QUEUE_TIMEOUT: '600', JOB_MAX_ATTEMPTS: '1' };
  /** It runs on the idle machine. That is no failed attempt, and nobody is blamed. */
  const expectMoved = async (id: string, busy: Simulator, idle: Simulator) => {
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'completed',
      attempts: 2,
      comfyui_instance: idle.host,
    });
    expect(stack.services.instances.map(({ breaker }) => breaker.snapshot.failures)).toEqual([0, 0]);
    busy.release();
    await eventually(() => expect(busy.queueRemaining).toBe(0));
    expect(busy.executions.filter((one) => !busy.strangerIds.has(one))).toEqual([]);
    expect(idle.executions).toHaveLength(1);
  };

  it.each(['reset', 'never'] as const)('is moved all the same: %s', async (how) => {
    const { id, busy, idle } = await waitingJob(env);
    busy.faults.spoil = { method: 'POST', path: /^\/queue$/, how, times: 1 };
    await expectMoved(id, busy, idle);
    expect(busy.faults.spoil.times).toBe(0);
  });

  it('is moved all the same if only the check after the deletion fails', async () => {
    const { id, busy, idle } = await waitingJob({ ...env, HEALTH_CHECK_TIMEOUT: '2000' });
    busy.faults.spoil = { method: 'POST', path: /^\/queue$/, how: 'late', lateMs: 300, times: 1 };
    await eventually(() => expect(busy.queueRemaining).toBe(1));
    busy.faults.spoil = { method: 'GET', path: /^\/queue$/, how: 'reset', times: 2 };
    await expectMoved(id, busy, idle);
    expect(busy.faults.spoil.times).toBe(0);
  });
});
