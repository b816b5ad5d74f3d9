import { afterEach, describe, expect, it } from 'vitest';
import { jobStatusAnswer } from '../../src/schemas/jobs.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const slow = (ms: number) => ({ workMs: { InspyrenetRembg: ms, ImageUpscaleWithModel: ms } });
const cancel = (id: string) =>
  stack.client.json(`/api/jobs/${id}/cancel`, jobStatusAnswer, { method: 'POST' });
const picture = (n: number) => png({ colour: colourOf(n) });

/** Two jobs on one ComfyUI: one with a hanging node, and one that waits behind it. */
async function twoOnComfyUI(): Promise<{ running: string; behind: string }> {
  stack.simulator().faults.hang = true;
  const running = await stack.client.submit('remove-background', await picture(1));
  await stack.client.until(running, (s) => 'current_node' in s && s.current_node === 'InspyrenetRembg');
  const behind = await stack.client.submit('remove-background', await picture(2));
  await stack.client.until(behind, (status) => 'prompt_id' in status);
  return { running, behind };
}

describe('cancelling', () => {
  it('takes a pending job out of the queue', async () => {
    stack = await Stack.start({ simulators: [slow(200)], env: { MAX_CONCURRENT_JOBS: '1' } });
    const running = await stack.client.submit('remove-background', await picture(1));
    const pending = await stack.client.submit('remove-background', await picture(2));
    expect(await cancel(pending)).toMatchObject({ status: 'cancelled', comfyui_instance: null, attempts: 0 });
    expect((await stack.client.finished(running)).status).toBe('completed');
    expect(stack.simulator().promptIds).toHaveLength(1);
  });

  it('interrupts a running job on ComfyUI and leaves the one behind it alone', async () => {
    stack = await Stack.start({ simulators: [slow(60)] });
    const { running, behind } = await twoOnComfyUI();
    expect((await cancel(running)).status).toBe('cancelled');
    stack.simulator().faults.hang = false;
    expect(await stack.client.finished(behind)).toMatchObject({ status: 'completed', attempts: 1 });
    await eventually(() => expect(stack.simulator().historyIds).toEqual([]));
    expect((await stack.client.status(running)).status).toBe('cancelled');
  });

  it('takes a prompt back that still waits on ComfyUI, and leaves the running one alone', async () => {
    stack = await Stack.start({ simulators: [slow(60)] });
    const { running, behind } = await twoOnComfyUI();
    await cancel(behind);
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(1));
    expect(stack.simulator().requests.get('POST /interrupt')).toBeUndefined();
    stack.simulator().faults.hang = false;
    expect((await stack.client.finished(running)).status).toBe('completed');
  });

  it("does not stop another's prompt on an older ComfyUI, which interrupts whatever runs", async () => {
    stack = await Stack.start({ simulators: [{ ...slow(60), generation: 'older' }] });
    const { running, behind } = await twoOnComfyUI();
    await cancel(behind);
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(1));
    stack.simulator().faults.hang = false;
    expect((await stack.client.finished(running)).status).toBe('completed');
  });

  it('of a finished job is refused', async () => {
    stack = await Stack.start();
    const { body } = await stack.client.process('remove-background', await picture(1));
    const refusal = await stack.client.error(`/api/jobs/${body.job_id}/cancel`, 409, { method: 'POST' });
    expect(refusal).toMatchObject({ code: 'JOB_ALREADY_FINISHED', job_id: body.job_id });
    await stack.client.error('/api/jobs/none/cancel', 404, { method: 'POST' });
  });

  it('happens when the client of a synchronous request hangs up', async () => {
    stack = await Stack.start({ simulators: [slow(60)] });
    stack.simulator().faults.hang = true;
    const client = new AbortController();
    const request = stack.client.post('/api/remove-background', await picture(1), { signal: client.signal });
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(1));
    client.abort();
    await expect(request).rejects.toThrow();
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(0));
    const { jobs } = await stack.services.manager.list({}, { limit: 10, offset: 0 });
    expect(jobs.map(({ status }) => status)).toEqual(['cancelled']);
  });

  it('comes before the deletion of a running job, of which nothing is left', async () => {
    stack = await Stack.start({ simulators: [slow(60)] });
    stack.simulator().faults.hang = true;
    const id = await stack.client.submit('remove-background', await picture(1));
    await stack.client.until(id, (status) => 'current_node' in status);
    expect((await stack.client.request(`/api/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
    await stack.client.error(`/api/jobs/${id}/status`, 404);
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(0));
    expect(stack.blobs.size).toBe(0);
  });

  it('and completion never both happen, however close they are', async () => {
    stack = await Stack.start({ simulators: [slow(5)] });
    const ends: string[] = [];
    stack.services.manager.events.subscribe('finished', ({ id }) => ends.push(id));
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => stack.client.submit('remove-background', await picture(n))),
    );
    await Promise.all(
      ids.map(async (id, n) => {
        if (n % 2 === 0)
          await stack.client
            .until(id, ({ progress_percentage }) => progress_percentage >= 33)
            .catch(() => undefined);
        await stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
        const first = await stack.client.finished(id);
        await new Promise((resolve) => setTimeout(resolve, 30));
        expect((await stack.client.status(id)).status).toBe(first.status);
      }),
    );
    expect(ends.sort()).toEqual([...ids].sort());
  });
});
