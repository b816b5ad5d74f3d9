import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jobInfo } from '../../src/schemas/jobs.js';
import { MODELS, modelWorkflows } from '../support/modelWorkflows.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

/** A job of a workflow that needs a model, with a unique colour. */
async function submit(type: keyof typeof MODELS, colour: number): Promise<string> {
  const response = await stack.client.request(`/api/async/${type}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ inputs: { colour } }),
  });
  return z.object({ job_id: z.string() }).parse(await response.json()).job_id;
}

describe('jobs that need different models', () => {
  it('do not take turns on a machine that has to load one for the other', async () => {
    stack = await Stack.start({
      simulators: [{ loadMs: 500 }],
      env: { MAX_JOBS_PER_INSTANCE: '1' },
      overrides: { workflows: modelWorkflows() },
    });
    stack.simulator().faults.hang = true;
    const ids: string[] = [];
    for (let n = 0; n < 12; n += 1) ids.push(await submit(n % 2 === 0 ? 'x' : 'y', n));
    stack.simulator().faults.hang = false;
    for (const id of ids) expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    // One model after the other; alternating would need twelve loads.
    expect(stack.simulator().modelLoads).toEqual([MODELS.x, MODELS.y]);
  });
});

describe('jobs that come one after the other', () => {
  it('go to the fast machine once speeds are known', async () => {
    const [slow, fast] = [2000, 40];
    stack = await Stack.start({
      simulators: [slow, fast].map((ms) => ({ workMs: { ImageUpscaleWithModel: ms } })),
      overrides: { workflows: modelWorkflows() },
    });
    const machines: string[] = [];
    for (let n = 0; n < 16; n += 1) {
      const id = await submit('x', n);
      expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
      machines.push((await stack.client.json(`/api/jobs/${id}/info`, jobInfo)).comfyuiInstance ?? '');
    }
    const onSlow = machines.slice(6).filter((host) => host === stack.simulator(0).host);
    expect(onSlow.length).toBeLessThanOrEqual(1);
  });
});
