import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const DELETION = { method: 'POST', path: /^\/history$/ } as const;
const process = async () => stack.client.process('remove-background', await png());
const deletions = () => stack.simulator().requests.get('POST /history') ?? 0;

/** A job on a machine that does not execute the first `times` requests to delete its entry. */
async function failedDeletions(times: number, env: Record<string, string>): Promise<void> {
  stack = await Stack.start({ env });
  stack.simulator().faults.respond = { ...DELETION, status: 502, times };
  await process();
  await eventually(() => expect(deletions()).toBeGreaterThan(0));
}

describe('a history entry whose deletion failed', () => {
  it('is deleted after the next health check', async () => {
    await failedDeletions(1, { HEALTH_CHECK_INTERVAL: '300' });
    await eventually(() => expect(stack.simulator().historyIds).toEqual([]));
    expect(deletions()).toBe(2);
    // Later checks have nothing to delete.
    const checks = () => stack.simulator().requests.get('GET /system_stats') ?? 0;
    const before = checks();
    await eventually(() => expect(checks()).toBeGreaterThan(before + 2));
    expect(deletions()).toBe(2);
  });

  it('is deleted together with the next one', async () => {
    await failedDeletions(1, { HEALTH_CHECK_INTERVAL: '60000' });
    await process();
    await eventually(() => expect(stack.simulator().historyIds).toEqual([]));
    expect(deletions()).toBe(2);
  });

  it('is deleted later if that fails, too', async () => {
    await failedDeletions(3, { HEALTH_CHECK_INTERVAL: '300' });
    await eventually(() => expect(stack.simulator().historyIds).toEqual([]));
    expect(deletions()).toBe(4);
  });

  it('does not delay the shutdown', async () => {
    await failedDeletions(2, {
      HEALTH_CHECK_INTERVAL: '300',
      HEALTH_CHECK_TIMEOUT: '20000',
      SHUTDOWN_TIMEOUT: '20000',
    });
    stack.simulator().faults.spoil = { ...DELETION, how: 'never', times: 1 };
    await eventually(() => expect(deletions()).toBe(3));
    const beganAt = performance.now();
    await stack.services.stop();
    expect(performance.now() - beganAt).toBeLessThan(1000);
  });
});

describe('the history entry of a cancelled prompt', () => {
  it('is deleted also if the look for it fails', async () => {
    stack = await Stack.start({
      simulators: [{ workMs: { InspyrenetRembg: 1000 } }],
      env: { HEALTH_CHECK_INTERVAL: '60000' },
    });
    const simulator = stack.simulator();
    const id = await stack.client.submit('remove-background', await png());
    await eventually(() => expect(simulator.executions).toHaveLength(1));
    simulator.faults.spoil = { method: 'GET', path: /^\/history\//, how: 'reset', times: 1 };
    await stack.client.request(`/api/jobs/${id}`, { method: 'DELETE' });
    await eventually(() => expect(simulator.faults.spoil?.times).toBe(0));
    await eventually(() => expect([simulator.queueRemaining, simulator.historyIds]).toEqual([0, []]));
    expect(deletions()).toBe(1);
  });
});
