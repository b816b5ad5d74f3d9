import { afterEach, expect, it } from 'vitest';
import { asyncAnswer, jobInfo } from '../../src/schemas/jobs.js';
import { describeQueues } from '../support/describeQueues.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { scrape, sumOf } from '../support/prometheus.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const LONG = 'upscale-image';
const SHORT = 'remove-background';

const submit = async (type: string, n: number) =>
  stack.client.submit(type, await png({ colour: colourOf(n) }));

/** Lets the server measure three jobs of a type. */
async function measured(type: string, workMs: number): Promise<void> {
  stack.simulator().setWork(workMs);
  for (let n = 0; n < 3; n += 1) await stack.client.finished(await submit(type, n));
}

/** Estimated seconds until a waiting job ends. */
async function estimateOf(id: string): Promise<number> {
  const status = await stack.client.status(id);
  return (status.status === 'pending' && status.estimated_completion_time_seconds) || Number.NaN;
}

/** The status and `/info` of a job say the same. With Redis, the scheduler hears of a new job a moment later. */
async function agreesWithInfo(id: string): Promise<void> {
  const { scheduling } = await stack.client.json(`/api/jobs/${id}/info`, jobInfo);
  const expected = scheduling?.expected_seconds;
  // The estimate grows while the machine hangs.
  expect((await estimateOf(id)) / (expected ?? Number.NaN)).toBeCloseTo(1, 0);
}

const queueSeconds = async () => sumOf(await scrape(stack.client), 'queue_seconds');

describeQueues('the estimate of a waiting job', (queue) => {
  it('counts what the jobs before it take, not what it takes itself', async () => {
    stack = await Stack.start({ env: { ...queue(), MAX_JOBS_PER_INSTANCE: '1' } });
    await measured(LONG, 600);
    await measured(SHORT, 30);
    stack.simulator().faults.hang = true;
    for (let n = 0; n < 6; n += 1) await submit(LONG, n);
    const short = await submit(SHORT, 9);
    await eventually(async () => expect(await estimateOf(short)).toBeGreaterThan(3));
    await eventually(() => agreesWithInfo(short));
  });

  it.each(['1', '4'])('is of a machine that executes one prompt at a time, with %s slots', async (slots) => {
    const limits = { MAX_JOBS_PER_INSTANCE: slots, MAX_QUEUE_SIZE: '12' };
    stack = await Stack.start({ env: { ...queue(), ...limits } });
    await measured(LONG, 600);
    stack.simulator().faults.hang = true;
    const ids: string[] = [];
    for (let n = 0; n < 10; n += 1) ids.push(await submit(LONG, n));
    await eventually(async () => expect(await estimateOf(String(ids.at(-1)))).toBeGreaterThan(5));
    await eventually(() => agreesWithInfo(String(ids.at(-1))));
    const waiting = 10 - Number(slots);
    await eventually(async () => expect(await queueSeconds()).toBeGreaterThan(0.9 * 0.6 * waiting));
  });
});

it('the estimate of a job that was just accepted counts the jobs before it', async () => {
  stack = await Stack.start({ env: { MAX_JOBS_PER_INSTANCE: '1' } });
  await measured(LONG, 600);
  await measured(SHORT, 30);
  stack.simulator().faults.hang = true;
  for (let n = 0; n < 8; n += 1) await submit(LONG, n);
  const response = await stack.client.post(`/api/async/${SHORT}`, await png());
  const { estimated_completion_time_seconds } = asyncAnswer.parse(await response.json());
  expect(estimated_completion_time_seconds).toBeGreaterThan(2.5);
});

it('a full queue asks clients to wait as long as a machine takes, however many jobs it accepts', async () => {
  const limits = { MAX_JOBS_PER_INSTANCE: '4', MAX_QUEUE_SIZE: '3' };
  stack = await Stack.start({ env: limits });
  stack.simulator().faults.hang = true;
  for (let n = 0; n < 7; n += 1) await submit(LONG, n);
  const refused = await stack.client.post(`/api/async/${LONG}`, await png());
  expect(refused.status).toBe(503);
  // The declared 15 seconds of the workflow.
  expect(refused.headers.get('Retry-After')).toBe('15');
});

it('a server with fewer concurrent jobs than machines expects no help from the others', async () => {
  stack = await Stack.start({ simulators: [{}, {}, {}], env: { MAX_CONCURRENT_JOBS: '1' } });
  for (const { faults } of stack.simulators) faults.hang = true;
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) ids.push(await submit(LONG, n));
  // The declared 15 seconds for each waiting job.
  await eventually(async () => expect(await estimateOf(String(ids.at(-1)))).toBeCloseTo(6 * 15));
  expect(await queueSeconds()).toBeCloseTo(6 * 15);
});
