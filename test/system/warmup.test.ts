import { afterEach, describe, expect, it } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { scrape, sumOf } from '../support/prometheus.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const WARMUP = { WARMUP: 'true', WORKFLOWS_DIR: '' };

async function start({ env, ...options }: StackOptions = {}): Promise<void> {
  stack = await Stack.start({ ...options, env: { ...WARMUP, ...env } });
}

async function machine(index = 0) {
  const response = await stack.client.request('/health');
  const body = healthAnswer.parse(await response.json());
  const instance = body.comfyui_instances.instances[index];
  if (!instance) throw new Error(`there is no machine ${index}`);
  return { ...instance, issues: body.issues };
}

/** Restarts the machine's process and waits until the server has noticed. */
async function restart(): Promise<void> {
  await stack.simulator().crash();
  await eventually(async () => expect((await machine()).circuit_breaker.failures).toBeGreaterThan(0));
  await stack.simulator().plugIn();
}

const isHealthy = () => eventually(async () => expect((await machine()).status).toBe('healthy'));

describe('a machine that came up', () => {
  it('runs every workflow once before its first job, and that is no job', async () => {
    await start();
    await isHealthy();
    expect(stack.simulator().promptIds).toHaveLength(3);
    const id = await stack.client.submit('remove-background', await png());
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(sumOf(await scrape(stack.client), 'jobs_total')).toBe(1);
    await eventually(() => expect(stack.simulator().historyIds).toEqual([]));
  });

  it('gets no jobs meanwhile, and says so', async () => {
    await start();
    await isHealthy();
    stack.simulator().faults.hang = true;
    await restart();
    await eventually(() => expect(stack.simulator().executions.length).toBeGreaterThan(3));
    await eventually(async () => expect((await machine()).state).toBe('warming'));
    const { host } = stack.simulator();
    expect(await machine()).toMatchObject({
      status: 'unhealthy',
      issues: expect.arrayContaining([`Instance ${host} is warming up.`]),
    });
    const id = await stack.client.submit('remove-background', await png());
    expect(await stack.client.status(id)).toMatchObject({ status: 'pending', attempts: 0 });
    stack.simulator().faults.hang = false;
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect((await machine()).state).toBeUndefined();
  });

  it('gets jobs although a workflow fails there, or does not end', async () => {
    await start({ env: { JOB_TIMEOUT: '300' } });
    await isHealthy();
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
    await restart();
    await isHealthy();
    stack.simulator().faults.failNodes.clear();
    stack.simulator().faults.hang = true;
    await restart();
    await eventually(async () => expect((await machine()).state).toBe('warming'));
    await isHealthy();
    expect((await machine()).circuit_breaker.state).toBe('CLOSED');
  });

  it('is spared workflows that it lacks something for', async () => {
    await start({ simulators: [{ withoutNodes: ['InspyrenetRembg'] }] });
    await isHealthy();
    expect(stack.simulator().promptIds).toHaveLength(1);
  });
});
