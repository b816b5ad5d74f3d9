import { afterEach, describe, expect, it } from 'vitest';
import { jobInfo } from '../../src/schemas/jobs.js';
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

/** A machine that is busy with a job until its fault is cleared. */
async function busy(): Promise<string> {
  stack.simulator().faults.hang = true;
  const id = await submit(1);
  await eventually(() => expect(stack.simulator().promptIds).toHaveLength(1));
  return id;
}

/** Lets the machine have the jobs that wait. @returns their ids in the order in which they began */
async function order(first: string, ids: readonly string[]): Promise<string[]> {
  stack.simulator().faults.hang = false;
  await stack.client.request(`/api/jobs/${first}/cancel`, { method: 'POST' });
  for (const id of ids) await stack.client.finished(id);
  const records = await Promise.all(ids.map(info));
  records.sort((one, other) => (one.processingStartTime ?? 0) - (other.processingStartTime ?? 0));
  return records.map(({ id }) => id);
}

describe('a job', () => {
  it('with a higher priority goes before those that came earlier', async () => {
    stack = await Stack.start({ env: ONE_AT_A_TIME });
    const first = await busy();
    const low = await submit(2, { priority: '-3' });
    const usual = await submit(3);
    const high = await submit(4, { priority: '7' });
    expect(await order(first, [low, usual, high])).toEqual([high, usual, low]);
  });

  it('that is not begun before its deadline fails, and is not executed', async () => {
    stack = await Stack.start({ env: { ...ONE_AT_A_TIME, JOB_PROCESSING_INTERVAL: '60000' } });
    await busy();
    const id = await submit(2, { deadline_seconds: '0.2' });
    const ended = await stack.client.finished(id);
    expect(ended).toMatchObject({ status: 'failed', error_code: 'DEADLINE_EXCEEDED', attempts: 0 });
    expect(stack.simulator().promptIds).toHaveLength(1);
  });

  it('that is begun before its deadline takes as long as it takes', async () => {
    stack = await Stack.start();
    const id = await submit(1, { deadline_seconds: '60' });
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
  });

  it('says why it waits, and why it was given to its machine', async () => {
    stack = await Stack.start({ env: ONE_AT_A_TIME });
    const first = await busy();
    const [next, last] = [await submit(2), await submit(3)];
    const machine = stack.simulator().host;
    expect((await info(first)).scheduling).toMatchObject({
      state: 'assigned',
      reason: 'next in turn',
      machine,
    });
    expect((await info(last)).scheduling).toMatchObject({
      state: 'waiting',
      reason: 'waits for its turn',
      machine,
      jobs_ahead: 1,
      considered: [{ machine, is_free: false }],
    });
    expect(await order(first, [last, next])).toEqual([next, last]);
  });

  it('has a priority and a deadline that make sense', async () => {
    stack = await Stack.start();
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
    stack = await Stack.start({ env: { API_KEYS: `u:${keys[0]},a:admin:${keys[1]}`, MAX_PRIORITY: '2' } });
    const status = async (key: string | undefined, priority: string) => {
      const options = { fields: { priority }, headers: { 'X-API-Key': key ?? '' } };
      return (await stack.client.post(PATH, await png(), options)).status;
    };
    expect(await status(keys[0], '2')).toBe(202);
    expect(await status(keys[0], '3')).toBe(400);
    expect(await status(keys[1], '10')).toBe(202);
  });
});
