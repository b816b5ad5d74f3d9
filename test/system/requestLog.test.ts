import { afterEach, describe, expect, it } from 'vitest';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
let logger: RecordingLogger;
afterEach(() => stack.stop());

async function start(options: StackOptions = {}): Promise<Stack> {
  logger = new RecordingLogger();
  stack = await Stack.start({ ...options, logger });
  return stack;
}

/** Log lines about requests to a path, once there are `count`. */
async function requestsTo(path: string, count = 1) {
  const lines = () =>
    logger.lines.filter(({ message, fields }) => message === 'Request' && fields['path'] === path);
  await eventually(() => expect(lines()).toHaveLength(count));
  return lines();
}

describe('the line of a request', () => {
  it('has the address of its client', async () => {
    const { client } = await start();
    await client.error('/nowhere', 404);
    expect((await requestsTo('/nowhere'))[0]).toMatchObject({
      level: 'info',
      fields: { client: '127.0.0.1', status: 404, code: 'NOT_FOUND' },
    });
  });

  it('has the address that a trusted proxy tells', async () => {
    const { client } = await start({ env: { TRUST_PROXY: 'loopback' } });
    await client.error('/nowhere', 404, { headers: { 'X-Forwarded-For': '192.0.2.7' } });
    expect((await requestsTo('/nowhere'))[0]?.fields['client']).toBe('192.0.2.7');
  });

  it.each([
    ...['/status', '/health', '/livez', '/readyz', '/metrics', '/api/metrics', '/api/metrics/history'],
    ...['/api/workflows', '/api/jobs/list', '/api/jobs/stats', '/api/circuit-breakers'],
  ])('is for debugging only where clients poll: %s', async (path) => {
    const { client } = await start();
    await (await client.request(`${path}?`)).arrayBuffer();
    expect((await requestsTo(path))[0]?.level).toBe('debug');
  });

  it('is for debugging only for the state and the events of a job, and not for what changes something', async () => {
    const { client } = await start();
    const id = await client.submit('remove-background', await png());
    await client.finished(id);
    await (await client.request(`/api/jobs/${id}/events`)).text();
    await client.request(`/api/jobs/${id}`, { method: 'DELETE' });
    expect((await requestsTo(`/api/jobs/${id}/events`))[0]?.level).toBe('debug');
    expect((await requestsTo(`/api/jobs/${id}`))[0]?.level).toBe('info');
    expect((await requestsTo('/api/async/remove-background'))[0]?.level).toBe('info');
    const ofStatus = logger.lines.filter(({ fields }) => fields['path'] === `/api/jobs/${id}/status`);
    expect(new Set(ofStatus.map(({ level }) => level))).toEqual(new Set(['debug']));
  });
});

describe('the line of a job', () => {
  const KEY = 'shop-0123456789abcdef';

  it('tells its whole story: how long it waited and ran, where, in how many attempts, and the bytes', async () => {
    await start({ env: { API_KEYS: `shop:${KEY}` }, simulators: [{ workMs: { InspyrenetRembg: 30 } }] });
    const client = new Client(stack.client.baseUrl, { 'X-API-Key': KEY });
    stack.simulator().faults.respond = { path: /^\/prompt/, status: 500, times: 1 };
    const image = await png();
    const { image: result } = await client.process('remove-background', image);
    const [line, ...others] = logger.lines.filter(({ message }) => message === 'Job completed');
    expect(others).toEqual([]);
    expect(line?.fields).toMatchObject({
      jobType: 'remove-background',
      key: 'shop',
      instance: stack.simulator().host,
      attempts: 2,
      inputSize: image.length,
      resultSize: result.length,
      outputs: 1,
    });
    const duration = (name: string) => Number(line?.fields[`${name}Duration`]);
    expect(duration('processing')).toBeGreaterThanOrEqual(30);
    expect(duration('queue')).toBeGreaterThanOrEqual(0);
    expect(duration('total')).toBe(duration('queue') + duration('processing'));
  });

  it('tells of one that never ran that it did not', async () => {
    const { client } = await start({ env: { MAX_JOBS_PER_INSTANCE: '1' } });
    stack.simulator().faults.hang = true;
    const first = await client.submit('upscale-image', await png());
    await client.until(first, ({ status }) => status === 'processing');
    const id = await client.submit('upscale-image', await png({ colour: colourOf(1) }));
    await client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
    const line = logger.lines.find(({ message }) => message === 'Job cancelled');
    expect(line?.fields).toMatchObject({ jobId: id, attempts: 0 });
    expect(line?.fields['processingDuration']).toBeUndefined();
    expect(line?.fields['totalDuration']).toBeGreaterThanOrEqual(0);
    stack.simulator().faults.hang = false;
  });
});
