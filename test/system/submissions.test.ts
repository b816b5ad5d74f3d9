import { afterEach, describe, expect, it } from 'vitest';
import { asyncAnswer, syncAnswer } from '../../src/schemas/jobs.js';
import { workflowsAnswer } from '../../src/schemas/workflows.js';
import { MemoryIdempotencyStore } from '../../src/services/queue/memory/MemoryIdempotencyStore.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const ASYNC = '/api/async/remove-background';
const SYNC = '/api/remove-background';
const keyed = (key: string) => ({ headers: { 'Idempotency-Key': key } });

async function accepted(response: Response) {
  expect(response.status).toBe(202);
  return asyncAnswer.parse(await response.json());
}

const total = async () => (await stack.services.manager.counts()).total;

describe('a submission with an Idempotency-Key', () => {
  it('is one job, however often and in whatever state of it it is sent', async () => {
    stack = await Stack.start();
    stack.simulator().faults.hang = true;
    const image = await png();
    const first = await stack.client.post(ASYNC, image, keyed('order 17'));
    expect(first.headers.get('Idempotency-Replayed')).toBeNull();
    const { job_id, status } = await accepted(first);
    expect(status).toBe('pending');
    await stack.client.until(job_id, ({ status }) => status === 'processing');
    const second = await stack.client.post(ASYNC, image, keyed('order 17'));
    expect(second.headers.get('Idempotency-Replayed')).toBe('true');
    expect(await accepted(second)).toMatchObject({ job_id, status: 'processing', queue_position: 0 });
    stack.simulator().faults.hang = false;
    await stack.client.request(`/api/jobs/${job_id}/cancel`, { method: 'POST' });
    expect(await accepted(await stack.client.post(ASYNC, image, keyed('order 17')))).toMatchObject({
      job_id,
      status: 'cancelled',
    });
    expect(await total()).toBe(1);
  });

  it('is one job when it comes many times at once', async () => {
    stack = await Stack.start();
    const image = await png();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => stack.client.post(SYNC, image, keyed('k'))),
    );
    const ids = await Promise.all(
      answers.map(async (answer) => syncAnswer.parse(await answer.json()).job_id),
    );
    expect(new Set(ids).size).toBe(1);
    expect(stack.simulator().promptIds).toHaveLength(1);
    expect(answers.filter(({ headers }) => headers.get('Idempotency-Replayed') === 'true')).toHaveLength(9);
  });

  it('is refused for another image, workflow or parameter', async () => {
    stack = await Stack.start();
    const image = await png();
    await accepted(await stack.client.post(ASYNC, image, keyed('k')));
    const others = [
      stack.client.post(ASYNC, await png({ colour: colourOf(1) }), keyed('k')),
      stack.client.post('/api/async/upscale-image', image, keyed('k')),
      stack.client.post(ASYNC, image, { ...keyed('k'), fields: { crop: 'true' } }),
      stack.client.post(ASYNC, image, { ...keyed('k'), fields: { format: 'WEBP' } }),
    ];
    for (const response of await Promise.all(others)) {
      expect(response.status).toBe(422);
      expect(await response.json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    }
    expect(await total()).toBe(1);
    // The route does not matter: both return the same job.
    expect((await stack.client.post(SYNC, image, keyed('k'))).status).toBe(200);
  });

  it('goes on when its client hangs up, so that it is there when the client comes back', async () => {
    stack = await Stack.start();
    stack.simulator().faults.hang = true;
    const image = await png();
    const hangUp = new AbortController();
    const lost = stack.client.post(SYNC, image, { ...keyed('k'), signal: hangUp.signal });
    await eventually(() => expect(stack.simulator().promptIds).toHaveLength(1));
    hangUp.abort();
    await expect(lost).rejects.toThrow();
    const { job_id, status } = await accepted(await stack.client.post(ASYNC, image, keyed('k')));
    expect(status).toBe('processing');
    stack.simulator().faults.hang = false;
    await stack.services.manager.cancel(job_id);
    expect(await total()).toBe(1);
  });

  it('makes a new job once the old one is gone, and when it was refused before', async () => {
    const idempotencyStore = new MemoryIdempotencyStore();
    stack = await Stack.start({ overrides: { idempotencyStore } });
    const image = await png();
    const first = await accepted(await stack.client.post(ASYNC, image, keyed('k')));
    await stack.client.finished(first.job_id);
    await stack.client.request(`/api/jobs/${first.job_id}`, { method: 'DELETE' });
    expect(idempotencyStore.size).toBe(0);
    const second = await accepted(await stack.client.post(ASYNC, image, keyed('k')));
    expect(second.job_id).not.toBe(first.job_id);
    expect((await stack.client.post(ASYNC, Buffer.from('no image'), keyed('other'))).status).toBe(415);
    await accepted(await stack.client.post(ASYNC, image, keyed('other')));
  });

  it('has its result also while no machine is healthy; only what needs a machine is refused', async () => {
    stack = await Stack.start();
    const image = await png();
    const first = await stack.client.post(SYNC, image, keyed('done'));
    const { job_id } = syncAnswer.parse(await first.json());
    await stack.simulator().crash();
    await eventually(() => expect(stack.services.instances[0]?.health.isUp).toBe(false));
    const again = await stack.client.post(SYNC, image, keyed('done'));
    expect([again.status, again.headers.get('Idempotency-Replayed')]).toEqual([200, 'true']);
    expect(syncAnswer.parse(await again.json())).toMatchObject({ job_id });
    const waiting = await accepted(await stack.client.post(ASYNC, image, keyed('waiting')));
    for (const key of ['new', 'new', 'waiting']) {
      const refused = await stack.client.post(SYNC, image, keyed(key));
      expect([key, refused.status]).toEqual([key, 503]);
      expect(await refused.json()).toMatchObject({ code: 'NO_HEALTHY_INSTANCES' });
    }
    expect(await total()).toBe(2);
    expect((await stack.client.status(waiting.job_id)).status).toBe('pending');
  });

  it('does not meet that of another client, and has a sane key', async () => {
    const [a, b] = ['key-of-a-0123456789', 'key-of-b-0123456789'];
    stack = await Stack.start({ env: { API_KEYS: `a:${a},b:${b}` } });
    const image = await png();
    const as = (key: string, id: string) => ({ headers: { 'X-API-Key': key, 'Idempotency-Key': id } });
    const first = await accepted(await stack.client.post(ASYNC, image, as(a, 'k')));
    const second = await accepted(await stack.client.post(ASYNC, image, as(b, 'k')));
    expect(first.job_id).not.toBe(second.job_id);
    for (const bad of ['', 'x'.repeat(256), 'caf\u00e9']) {
      const response = await stack.client.post(ASYNC, image, as(a, bad));
      expect([bad, response.status]).toEqual([bad, 400]);
      expect(await response.json()).toMatchObject({ code: 'INVALID_PARAMETER' });
    }
  });
});

describe('Prefer: wait=N', () => {
  const patient = (preference: string, more: Record<string, string> = {}) => ({
    headers: { Prefer: preference, ...more },
  });

  it('answers with the result when it is done in time, in JSON or as the image', async () => {
    stack = await Stack.start();
    const json = await stack.client.post(ASYNC, await png(), patient('wait=20'));
    expect(json.status).toBe(200);
    expect(json.headers.get('Preference-Applied')).toBe('wait=20');
    syncAnswer.parse(await json.json());
    const image = await stack.client.post(
      ASYNC,
      await png({ colour: colourOf(1) }),
      patient('respond-async, wait=20', { Accept: 'image/*' }),
    );
    expect(image.status).toBe(200);
    expect(image.headers.get('Content-Type')).toBe('image/png');
  });

  it('answers 202 when it is not, or failed; the job goes on, also when the client hangs up', async () => {
    stack = await Stack.start();
    stack.simulator().faults.hang = true;
    const late = await stack.client.post(ASYNC, await png(), patient('wait=0'));
    expect((await accepted(late)).status).toMatch(/pending|processing/);
    expect(late.headers.get('Preference-Applied')).toBe('wait=0');
    const hangUp = new AbortController();
    const lost = stack.client.post(ASYNC, await png({ colour: colourOf(1) }), {
      ...patient('wait=60'),
      signal: hangUp.signal,
    });
    await eventually(async () => expect(await total()).toBe(2));
    hangUp.abort();
    await expect(lost).rejects.toThrow();
    stack.simulator().faults.hang = false;
    const { byStatus } = await stack.services.manager.counts();
    expect(byStatus.cancelled).toBe(0);
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'no' });
    const failed = await stack.client.post(ASYNC, await png({ colour: colourOf(2) }), patient('wait=60'));
    expect((await accepted(failed)).status).toBe('failed');
  });

  it('is passed over where it cannot be read', async () => {
    stack = await Stack.start();
    for (const preference of ['wait=soon', 'wait', 'handling=lenient', 'wait=-1']) {
      const response = await stack.client.post(ASYNC, await png(), patient(preference));
      expect(response.headers.get('Preference-Applied')).toBeNull();
      await accepted(response);
    }
  });
});

describe('the workflows', () => {
  it('are listed with their parameters, and with who can run them', async () => {
    stack = await Stack.start({ simulators: [{}, { withoutNodes: ['InspyrenetRembg'] }] });
    const { workflows } = await stack.client.json('/api/workflows', workflowsAnswer);
    expect(workflows.map(({ type }) => type)).toEqual([
      'remove-background',
      'upscale-image',
      'upscale-remove-bg',
    ]);
    const [removal, upscaling] = workflows;
    expect(removal?.parameters['properties']).toEqual({
      crop: { type: 'boolean', default: false, description: 'Crop the result to the subject.' },
    });
    expect(upscaling?.parameters['properties']).toMatchObject({
      scale: { type: 'number', minimum: 1, maximum: 4, default: 4 },
    });
    const hosts = stack.simulators.map(({ host }) => host);
    expect(removal?.instances).toEqual([
      { host: hosts[0], can_run: true, missing: [] },
      { host: hosts[1], can_run: false, missing: ['InspyrenetRembg'] },
    ]);
    expect(upscaling?.instances.map(({ can_run }) => can_run)).toEqual([true, true]);
    // The described request can be sent as described.
    const response = await stack.client.post(String(upscaling?.url), await png(), { fields: { scale: '2' } });
    expect(response.status).toBe(200);
  });
});
