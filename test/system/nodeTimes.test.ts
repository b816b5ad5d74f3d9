import { afterEach, describe, expect, it } from 'vitest';
import { jobInfo } from '../../src/schemas/jobs.js';
import { metricsAnswer } from '../../src/schemas/metrics.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { colourOf, png } from '../support/pictures.js';
import { scrape, sumOf } from '../support/prometheus.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const WORK_MS = 120;
const TYPE = 'remove-background';

async function start(options: SimulatorOptions = {}): Promise<void> {
  stack = await Stack.start({ simulators: [{ workMs: { InspyrenetRembg: WORK_MS }, ...options }] });
}

/** Runs a job to its end. @returns its nodes */
async function nodesOf(n: number) {
  const id = await stack.client.submit(TYPE, await png({ colour: colourOf(n) }));
  expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
  return (await stack.client.json(`/api/jobs/${id}/info`, jobInfo)).nodes;
}

describe('how long the nodes of a job took', () => {
  it('is told by its info', async () => {
    await start();
    const nodes = (await nodesOf(1)) ?? [];
    expect(nodes.map(({ node_id, class_type }) => [node_id, class_type])).toEqual([
      ['1', 'LoadImage'],
      ['2', 'InspyrenetRembg'],
      ['3', 'PreviewImage'],
    ]);
    // At least its work; the rest depends on the computer.
    expect(nodes[1]?.seconds).toBeGreaterThanOrEqual((WORK_MS - 5) / 1000);
  });

  it('is summed by workflow and class', async () => {
    await start();
    for (const n of [1, 2, 3]) await nodesOf(n);
    const { nodes } = await stack.client.json('/api/metrics', metricsAnswer);
    const [longest] = nodes[TYPE] ?? [];
    expect(longest).toMatchObject({ class_type: 'InspyrenetRembg', executions: 3 });
    expect(longest?.total_seconds).toBeGreaterThanOrEqual((3 * (WORK_MS - 5)) / 1000);
    expect(longest?.average_seconds).toBeCloseTo((longest?.total_seconds ?? 0) / 3, 2);
    const exported = await scrape(stack.client);
    const labels = { type: TYPE, class_type: 'InspyrenetRembg' };
    expect(sumOf(exported, 'node_executions_total', labels)).toBe(3);
    expect(sumOf(exported, 'node_seconds_total', labels)).toBeCloseTo(longest?.total_seconds ?? 0, 2);
  });

  it('is not told where messages were missed', async () => {
    await start();
    stack.simulator().faults.muteSockets = true;
    expect(await nodesOf(1)).toBeUndefined();
  });

  it('is not told of an older ComfyUI, which chooses the id of a prompt itself', async () => {
    await start({ generation: 'older' });
    expect(await nodesOf(1)).toBeUndefined();
  });
});
