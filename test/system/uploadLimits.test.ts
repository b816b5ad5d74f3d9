import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const TYPE = 'upscale-image';
const submit = async () => stack.client.submit(TYPE, await png());
const endOf = async () => (await stack.client.finished(await submit())).status;

describe('a limit on uploads', () => {
  it('that no machine tells of is forgotten when the breaker is closed by hand', async () => {
    stack = await Stack.start();
    stack.simulator().faults.respond = { path: /^\/upload/, status: 413, times: 1 };
    expect(await endOf()).toBe('failed');
    expect(await endOf()).toBe('failed');
    await stack.client.request('/api/circuit-breakers/instance-1/close', { method: 'POST' });
    expect(await endOf()).toBe('completed');
  });

  it('that a machine tells of is over as soon as it says so', async () => {
    stack = await Stack.start({ env: { HEALTH_CHECK_INTERVAL: '200' } });
    const { faults } = stack.simulator();
    faults.maxUploadBytes = 300;
    expect(await endOf()).toBe('failed');
    faults.maxUploadBytes = undefined;
    await eventually(async () => expect(await endOf()).toBe('completed'));
  });

  it('fails no job while a machine is away that may accept it', async () => {
    stack = await Stack.start({
      simulators: [{ maxUploadBytes: 300 }, {}],
      env: { HEALTH_CHECK_INTERVAL: '200', BREAKER_RESET_TIMEOUT: '200', BREAKER_MAX_RESET_TIMEOUT: '400' },
    });
    await stack.simulator(1).unplug();
    await eventually(async () => {
      const health = (await (await stack.client.request('/health')).json()) as {
        comfyui_instances: { healthy: number };
      };
      expect(health.comfyui_instances.healthy).toBe(1);
    });
    const id = await submit();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await stack.client.status(id)).status).toBe('pending');
    await stack.simulator(1).plugIn();
    expect((await stack.client.finished(id)).status).toBe('completed');
  });
});
