import { afterEach, expect, it } from 'vitest';
import { jobInfo } from '../../src/schemas/jobs.js';
import { describeQueues } from '../support/describeQueues.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const ONE_AT_A_TIME = { MAX_JOBS_PER_INSTANCE: '1' };
const PATH = '/api/async/remove-background';

const submit = async (n: number, fields: Record<string, string> = {}) =>
  stack.client.submit('remove-background', await png({ colour: colourOf(n) }), fields);

const info = (id: string) => stack.client.json(`/api/jobs/${id}/info`, jobInfo);

/** Keeps the machine busy with a job until its fault is cleared. */
async function busy(): Promise<string> {
  stack.simulator().faults.hang = true;
  const id = await submit(1);
  await eventually(() => expect(stack.simulator().promptIds).toHaveLength(1));
  return id;
}

/** Lets the machine run the waiting jobs. @returns their ids in the order in which they started */
async function order(first: string, ids: readonly string[]): Promise<string[]> {
  stack.simulator().faults.hang = false;
  await stack.client.request(`/api/jobs/${first}/cancel`, { method: 'POST' });
  for (const id of ids) await stack.client.finished(id);
  const records = await Promise.all(ids.map(info));
  records.sort((one, other) => (one.processingStartTime ?? 0) - (other.processingStartTime ?? 0));
  return records.map(({ id }) => id);
}

describeQueues('a job', (queue) => {
  it('with a higher priority goes before those that came earlier', async () => {
    stack = await Stack.start({ env: { ...queue(), ...ONE_AT_A_TIME } });
    const first = await busy();
    const low = await submit(2, { priority: '-3' });
    const usual = await submit(3);
    const high = await submit(4, { priority: '7' });
    expect(await order(first, [low, usual, high])).toEqual([high, usual, low]);
  });

  it('that is not begun before its deadline fails, and is not executed', async () => {
    stack = await Stack.start({ env: { ...queue(), ...ONE_AT_A_TIME, JOB_PROCESSING_INTERVAL: '60000' } });
    await busy();
    const id = await submit(2, { deadline_seconds: '0.2' });
    const ended = await stack.client.finished(id);
    expect(ended).toMatchObject({ status: 'failed', error_code: 'DEADLINE_EXCEEDED', attempts: 0 });
    expect(stack.simulator().promptIds).toHaveLength(1);
  });

  it('fails at its deadline also if its machine did not respond when it was to begin', async () => {
    const health = { HEALTH_CHECK_INTERVAL: '60000', HEALTH_CHECK_TIMEOUT: '500' };
    stack = await Stack.start({ env: { ...queue(), ...health } });
    const [machine] = stack.services.instances;
    if (!machine) throw new Error('there is no machine');
    // As after a long time without jobs and checks.
    machine.health.lastSuccess = 0;
    stack.simulator().faults.neverAnswer = true;
    const id = await submit(1, { deadline_seconds: '1' });
    const ended = await stack.client.finished(id);
    expect(ended).toMatchObject({ status: 'failed', error_code: 'DEADLINE_EXCEEDED', attempts: 0 });
    stack.simulator().faults.neverAnswer = false;
  });

  it('that is begun before its deadline takes as long as it takes', async () => {
    stack = await Stack.start({ env: queue() });
    const id = await submit(1, { deadline_seconds: '60' });
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
  });

  it('says why it waits, and why it was given to its machine', async () => {
    stack = await Stack.start({ env: { ...queue(), ...ONE_AT_A_TIME } });
    const first = await busy();
    const [next, last] = [await submit(2), await submit(3)];
    const machine = stack.simulator().host;
    expect((await info(first)).scheduling).toMatchObject({
      state: 'assigned',
      reason: 'next in turn',
      machine,
    });
    await eventually(async () =>
      expect((await info(last)).scheduling).toMatchObject({
        state: 'waiting',
        reason: 'waits for its turn',
        machine,
        jobs_ahead: 1,
        considered: [{ machine, is_free: false }],
      }),
    );
    expect(await order(first, [last, next])).toEqual([next, last]);
  });

  it('has a priority and a deadline that make sense', async () => {
    stack = await Stack.start({ env: queue() });
    for (const fields of [
      { priority: '11' },
      { priority: '1.5' },
      { priority: 'x' },
      { deadline_seconds: '0' },
    ]) {
      const answer = await stack.client.refused(PATH, await png(), 400, { fields });
      expect(answer.code).toBe('INVALID_PARAMETER');
    }
  });

  it('has no higher priority than MAX_PRIORITY where its key is not admin', async () => {
    const keys = ['user'.padEnd(24, 'u'), 'admin'.padEnd(24, 'a')];
    stack = await Stack.start({
      env: { ...queue(), API_KEYS: `u:${keys[0]},a:admin:${keys[1]}`, MAX_PRIORITY: '2' },
    });
    const status = async (key: string | undefined, priority: string) => {
      const options = { fields: { priority }, headers: { 'X-API-Key': key ?? '' } };
      return (await stack.client.post(PATH, await png(), options)).status;
    };
    expect(await status(keys[0], '2')).toBe(202);
    expect(await status(keys[0], '3')).toBe(400);
    expect(await status(keys[1], '10')).toBe(202);
  });
});

describeQueues('a job that waits says what it waits for', (queue) => {
  const message = async (id: string) => (await stack.client.status(id)).message;

  it('such as its turn, with the jobs that go before it', async () => {
    stack = await Stack.start({ env: { ...queue(), ...ONE_AT_A_TIME } });
    const first = await busy();
    const ids = [await submit(2), await submit(3), await submit(4)];
    await eventually(async () =>
      expect(await Promise.all(ids.map(message))).toEqual([
        'Waiting for a free machine.',
        'Waiting for its turn: 1 job ahead.',
        'Waiting for its turn: 2 jobs ahead.',
      ]),
    );
    expect(await order(first, ids)).toEqual(ids);
  });

  it('and has the place that it has in the order of turns', async () => {
    stack = await Stack.start({ env: { ...queue(), ...ONE_AT_A_TIME } });
    const first = await busy();
    const ids = [await submit(2), await submit(3), await submit(4, { priority: '5' })];
    const places = async () =>
      Promise.all(
        ids.map(async (id) => {
          const status = await stack.client.status(id);
          return status.status === 'pending' ? status.queue_position : 0;
        }),
      );
    await eventually(async () => expect(await places()).toEqual([2, 3, 1]));
    await order(first, ids);
  });

  it('such as a machine that has what it needs, and promises nothing then', async () => {
    stack = await Stack.start({ simulators: [{ models: ['other.pth'] }], env: queue() });
    const id = await stack.client.submit('upscale-image', await png());
    // With Redis, a server hears of a new job a moment later.
    await eventually(async () =>
      expect(await message(id)).toBe(
        'No machine can run it: no healthy ComfyUI instance has what this workflow needs: UpscaleModelLoader: 4x_NMKD-Siax_200k.pth.',
      ),
    );
    const status = await stack.client.status(id);
    expect(status).not.toHaveProperty('estimated_completion_time_seconds');
    expect(status).toMatchObject({ status: 'pending', queue_position: 1 });
  });

  it('such as a machine that is well', async () => {
    stack = await Stack.start({ env: queue() });
    await stack.simulator().crash();
    await eventually(async () => expect((await stack.client.request('/health')).status).toBe(503));
    const id = await submit(1);
    await eventually(async () =>
      expect(await message(id)).toBe('No machine can run it: no ComfyUI instance is healthy.'),
    );
  });
});
