import { afterEach, expect, it } from 'vitest';
import { describeQueues } from '../support/describeQueues.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { scrape, sumOf } from '../support/prometheus.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const TYPE = 'remove-background';

const submit = async (n: number) => stack.client.submit(TYPE, await png({ colour: colourOf(n) }));

const gauge = async (name: string, labels: Record<string, string> = {}) =>
  sumOf(await scrape(stack.client), name, labels);

/** Whether the metric has any sample. */
const hasLine = async (name: string) =>
  (await scrape(stack.client)).samples.some((one) => one.name === `comfyui_middleware_${name}`);

describeQueues('what an autoscaler goes by', (queue) => {
  it('is nothing while there is nothing to do', async () => {
    stack = await Stack.start({ env: queue() });
    expect(await gauge('wanted_machines')).toBe(0);
    expect(await hasLine('workflow_queue_seconds')).toBe(false);
    const idle = () => gauge('instance_idle_seconds', { comfyui_instance: stack.simulator().host });
    await eventually(async () => expect(await idle()).toBeGreaterThan(0.05));
    const id = await submit(1);
    await stack.client.finished(id);
    const before = await idle();
    await eventually(async () => expect(await idle()).toBeGreaterThan(before));
  });

  it('are the seconds that wait, divided by the machines that can run them, and the machines for them', async () => {
    stack = await Stack.start({
      simulators: [{}, {}],
      env: { ...queue(), SCALE_TARGET: '10000', MAX_JOBS_PER_INSTANCE: '1' },
    });
    for (const { faults } of stack.simulators) faults.hang = true;
    const running = [await submit(1), await submit(2)];
    await eventually(() => expect(stack.simulators.map(({ promptIds }) => promptIds.length)).toEqual([1, 1]));
    expect(await gauge('wanted_machines')).toBe(2);
    expect(await gauge('instance_idle_seconds')).toBe(0);
    const seconds = () => gauge('workflow_queue_seconds', { type: TYPE });
    const waiting = [await submit(3), await submit(4), await submit(5), await submit(6), await submit(7)];
    // Each has a declared duration of 8 seconds.
    await eventually(async () => expect(await seconds()).toBeCloseTo((5 * 8) / 2));
    expect(await gauge('wanted_machines')).toBe(4);
    // More than a search of a queue on Redis shows.
    waiting.push(...(await Promise.all(Array.from({ length: 25 }, (_, n) => submit(n + 8)))));
    await eventually(async () => expect(await seconds()).toBeCloseTo((30 * 8) / 2));
    expect(await gauge('wanted_machines')).toBe(24);
    for (const { faults } of stack.simulators) faults.hang = false;
    for (const id of [...running, ...waiting]) await stack.client.finished(id);
    await eventually(async () => expect(await hasLine('workflow_queue_seconds')).toBe(false));
    await eventually(async () => expect(await gauge('wanted_machines')).toBe(0));
  });

  it('counts a machine as busy that others use', async () => {
    stack = await Stack.start({ env: queue(), overrides: { otherUsers: { settleMs: 5, lookMs: 20 } } });
    await eventually(async () => expect(await gauge('instance_idle_seconds')).toBeGreaterThan(0.5));
    stack.simulator().occupy();
    await eventually(async () => expect(await gauge('wanted_machines')).toBe(1));
    const busyAt = performance.now();
    expect(await gauge('instance_idle_seconds')).toBe(0);
    stack.simulator().release();
    await eventually(async () => expect(await gauge('instance_idle_seconds')).toBeGreaterThan(0));
    const idle = await gauge('instance_idle_seconds');
    expect(idle).toBeLessThan((performance.now() - busyAt) / 1000 + 0.01);
  });
});
