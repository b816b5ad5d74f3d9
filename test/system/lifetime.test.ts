import { afterEach, describe, expect, it } from 'vitest';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { healthAnswer, statusAnswer } from '../../src/schemas/status.js';
import type { Clock } from '../../src/utils/clock.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const slow = (ms: number) => ({ workMs: { InspyrenetRembg: ms, ImageUpscaleWithModel: ms } });

/** A clock that the test advances. */
class MovableClock implements Clock {
  #ahead = 0;
  now = () => Date.now() + this.#ahead;
  advance(ms: number): void {
    this.#ahead += ms;
  }
}

describe('a finished job', () => {
  it('goes when its lifetime is over, a pending one never', async () => {
    const clock = new MovableClock();
    stack = await Stack.start({
      simulators: [slow(10)],
      env: { JOB_CLEANUP_INTERVAL: '600000', MAX_CONCURRENT_JOBS: '1' },
      overrides: { clock },
    });
    const { body } = await stack.client.process('remove-background', await png());
    stack.simulator().faults.hang = true;
    const running = await stack.client.submit('remove-background', await png({ colour: colourOf(1) }));
    await stack.client.until(running, ({ status }) => status === 'processing');
    const pending = await stack.client.submit('remove-background', await png({ colour: colourOf(2) }));
    clock.advance(540_000);
    expect(await stack.services.manager.cleanup()).toBe(0);
    clock.advance(61_000);
    expect(await stack.services.manager.cleanup()).toBe(1);
    await stack.client.error(`/api/jobs/${body.job_id}/status`, 404);
    expect((await stack.client.status(running)).status).toBe('processing');
    expect((await stack.client.status(pending)).status).toBe('pending');
    stack.simulator().faults.hang = false;
    expect((await stack.client.finished(pending)).status).toBe('completed');
  });

  it('goes by itself', async () => {
    stack = await Stack.start({ env: { JOB_CLEANUP_INTERVAL: '200' } });
    const { body } = await stack.client.process('remove-background', await png());
    await eventually(() => stack.client.error(`/api/jobs/${body.job_id}/status`, 404).then(() => undefined));
    expect(stack.blobs.size).toBe(0);
  });

  it('stays listed when its result makes room for newer ones', async () => {
    const size = (await png()).length * 20;
    stack = await Stack.start({ env: { MAX_RESULT_MEMORY: String(size), MAX_RESULT_SIZE: String(size) } });
    const ids: string[] = [];
    while (stack.blobs.size === ids.length) {
      const { body } = await stack.client.process(
        'upscale-image',
        await png({ colour: colourOf(ids.length) }),
      );
      ids.push(body.job_id);
    }
    const [oldest] = ids;
    const gone = await stack.client.error(`/api/jobs/${oldest}/result`, 410);
    expect(gone).toMatchObject({ code: 'RESULT_EXPIRED', job_id: oldest });
    await stack.client.error(`/api/jobs/${oldest}/result/image`, 410);
    expect((await stack.client.status(String(oldest))).status).toBe('completed');
    await stack.client.resultImage(String(ids.at(-1)));
  });
});

describe('a full queue', () => {
  it.each([
    ['by number', { MAX_QUEUE_SIZE: '2' }],
    ['by bytes', { MAX_QUEUE_MEMORY: '400', MAX_FILE_SIZE: '400' }],
  ])(
    '%s refuses with a Retry-After, is reported, and takes jobs again when there is room',
    async (_, env) => {
      stack = await Stack.start({ simulators: [slow(10)], env: { ...env, MAX_CONCURRENT_JOBS: '1' } });
      stack.simulator().faults.hang = true;
      const picture = await png({ width: 16, height: 16 });
      expect(picture.length).toBeLessThan(200);
      const running = await stack.client.submit('remove-background', picture);
      await stack.client.until(running, ({ status }) => status === 'processing');
      const accepted = [running];
      let refusal: Response | undefined;
      while (!refusal) {
        const response = await stack.client.post('/api/async/remove-background', picture);
        if (response.status === 202) accepted.push(asyncAnswer.parse(await response.json()).job_id);
        else refusal = response;
      }
      expect(refusal.status).toBe(503);
      expect(await refusal.json()).toMatchObject({ code: 'QUEUE_FULL' });
      expect(Number(refusal.headers.get('Retry-After'))).toBeGreaterThan(0);
      expect(accepted.length).toBeGreaterThanOrEqual(2);
      const { status, issues } = await stack.client.json('/health', healthAnswer);
      expect([status, issues.length]).toEqual(['degraded', 1]);
      stack.simulator().faults.hang = false;
      for (const id of accepted) expect((await stack.client.finished(id)).status).toBe('completed');
      await stack.client.process('remove-background', picture);
    },
  );
});

describe('shutting down', () => {
  it('lets running jobs end, refuses new ones, and answers those who wait in the queue', async () => {
    stack = await Stack.start({ simulators: [slow(300)], env: { MAX_CONCURRENT_JOBS: '1' } });
    const running = stack.client.process('remove-background', await png());
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(1));
    const waiting = stack.client.refused('/api/remove-background', await png({ colour: colourOf(2) }), 503);
    await eventually(async () => expect((await stack.services.manager.queue.size()).jobs).toBe(1));
    const stopped = stack.services.stop();
    expect((await waiting).code).toBe('SHUTTING_DOWN');
    const refused = await stack.client.refused('/api/async/remove-background', await png(), 503);
    expect(refused.code).toBe('SHUTTING_DOWN');
    expect((await stack.client.json('/status', statusAnswer, { status: 503 })).status).toBe('critical');
    expect((await running).body.success).toBe(true);
    await stopped;
    expect(stack.simulator().promptIds).toHaveLength(1);
  });

  it('interrupts on ComfyUI what does not end in time', async () => {
    stack = await Stack.start({ simulators: [slow(10)], env: { SHUTDOWN_TIMEOUT: '2000' } });
    stack.simulator().faults.hang = true;
    const running = stack.client.refused('/api/remove-background', await png(), 503);
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(1));
    await stack.services.stop();
    expect((await running).code).toBe('SHUTTING_DOWN');
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(0));
  });
});
