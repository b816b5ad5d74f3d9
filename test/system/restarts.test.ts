import { afterEach, describe, expect, it } from 'vitest';
import { circuitBreakersAnswer } from '../../src/schemas/metrics.js';
import { healthAnswer } from '../../src/schemas/status.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

/** Intervals longer than the test, except for the checks whether a machine is back. */
const PATIENT = {
  HEALTH_CHECK_INTERVAL: '3600000',
  BREAKER_RESET_TIMEOUT: '3600000',
  BREAKER_MAX_RESET_TIMEOUT: '3600000',
};

async function start(options: StackOptions = {}): Promise<void> {
  const health = { recheckMs: 40, lookMs: 20 };
  stack = await Stack.start({ ...options, env: { ...PATIENT, ...options.env }, overrides: { health } });
  await eventually(() => expect(stack.simulator().sockets.size).toBe(1));
}

const submit = async (n: number) =>
  stack.client.submit('remove-background', await png({ colour: colourOf(n) }));

async function machine(index = 0) {
  const response = await stack.client.request('/health');
  const instance = healthAnswer.parse(await response.json()).comfyui_instances.instances[index];
  if (!instance) throw new Error(`there is no machine ${index}`);
  return instance;
}

async function breaker() {
  const { circuit_breakers } = await stack.client.json('/api/circuit-breakers', circuitBreakersAnswer);
  return circuit_breakers['instance-1'];
}

describe('a machine that was restarted', () => {
  it('is used again as soon as it answers, although its breaker would be open for long', async () => {
    await start();
    await stack.simulator().crash();
    await eventually(async () => expect((await machine()).circuit_breaker.state).toBe('OPEN'));
    const id = await submit(1);
    await stack.simulator().plugIn();
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect((await machine()).circuit_breaker).toMatchObject({ state: 'CLOSED', failures: 0 });
    // The job may have opened a second one while the first was still being opened again.
    await eventually(() => expect(stack.simulator().sockets.size).toBeGreaterThan(0));
  });

  it('is missed at once because its sockets are gone', async () => {
    await start();
    await stack.simulator().crash();
    await eventually(async () => expect((await machine()).status).toBe('unhealthy'));
  });

  it('stays out of service where somebody took it out by hand', async () => {
    await start();
    await stack.client.request('/api/circuit-breakers/instance-1/open', { method: 'POST' });
    await stack.simulator().crash();
    await eventually(async () => expect((await machine()).circuit_breaker.failures).toBeGreaterThan(0));
    await stack.simulator().plugIn();
    await eventually(() => expect(stack.simulator().sockets.size).toBe(1));
    expect(await breaker()).toMatchObject({ state: 'OPEN', forced: true });
  });
});

describe('looks for a machine that is down', () => {
  it('are not counted', async () => {
    await start();
    const { faults, requests } = stack.simulator();
    faults.respond = { path: /^\/system_stats$/, status: 500, times: Number.POSITIVE_INFINITY };
    stack.simulator().sockets.drop();
    await eventually(async () => expect((await machine()).circuit_breaker.state).toBe('OPEN'));
    const before = await breaker();
    const looks = requests.get('GET /system_stats') ?? 0;
    await eventually(() => expect(requests.get('GET /system_stats')).toBeGreaterThan(looks + 3));
    expect(await breaker()).toEqual(before);
    faults.respond = undefined;
    await eventually(async () => expect((await machine()).status).toBe('healthy'));
  });
});

describe('sockets that are cut', () => {
  it('are a reason to look at their machine, at most once each', async () => {
    await start({ env: { MAX_JOBS_PER_INSTANCE: '17' } });
    const { faults, requests, sockets } = stack.simulator();
    faults.hang = true;
    // Eight prompts share a socket.
    const ids = await Promise.all(Array.from({ length: 17 }, (_, n) => submit(n + 1)));
    await eventually(() => expect(sockets.size).toBe(3));
    const before = requests.get('GET /system_stats') ?? 0;
    sockets.drop();
    await eventually(() => expect(requests.get('GET /system_stats')).toBeGreaterThan(before));
    faults.hang = false;
    for (const id of ids) expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    expect((requests.get('GET /system_stats') ?? 0) - before).toBeLessThanOrEqual(3);
  });
});
