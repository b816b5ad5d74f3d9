import { afterEach, describe, expect, it, vi } from 'vitest';
import { jobStatusAnswer } from '../../src/schemas/jobs.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { type Received, readEvents } from '../support/serverSentEvents.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const work = (ms: number) => ({ workMs: { InspyrenetRembg: ms, ImageUpscaleWithModel: ms } });
const ENDS = ['completed', 'failed', 'cancelled'];

async function eventsOf(id: string, headers: Record<string, string> = {}): Promise<Received[]> {
  const response = await stack.client.request(`/api/jobs/${id}/events`, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toMatch(/^text\/event-stream/);
  // Proxies must not buffer events.
  expect(response.headers.get('X-Accel-Buffering')).toBe('no');
  expect(response.headers.get('Content-Encoding')).toBeNull();
  const events: Received[] = [];
  for await (const event of readEvents(response)) events.push(event);
  return events;
}

/** Checks the events of any stream that received a job's end. */
function expectWhole(events: readonly Received[], end: string): void {
  const bodies = events.map(({ data }) => jobStatusAnswer.parse(data));
  expect(events[0]?.event).toBe(events.length === 1 ? end : 'status');
  expect(events.filter(({ event }) => ENDS.includes(event))).toEqual([events.at(-1)]);
  expect(events.at(-1)?.event).toBe(end);
  expect(bodies.at(-1)?.status).toBe(end);
  const progress = bodies.map(({ progress_percentage }) => progress_percentage);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  const ids = events.map(({ id }) => Number(id));
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(new Set(ids).size).toBe(ids.length);
}

const namesOf = (events: readonly Received[]) =>
  events.map(({ event }) => event).filter((name, n, all) => name !== all[n - 1]);

describe("a job's events", () => {
  it('are its state now, every step of ComfyUI, and its end', async () => {
    stack = await Stack.start({ simulators: [work(50)], env: { MAX_CONCURRENT_JOBS: '1' } });
    const before = await stack.client.submit('upscale-remove-bg', await png());
    const id = await stack.client.submit('upscale-remove-bg', await png({ colour: colourOf(1) }));
    const events = await eventsOf(id);
    expectWhole(events, 'completed');
    expect(namesOf(events)).toEqual(['status', 'progress', 'completed']);
    const states = events.map(({ data }) => jobStatusAnswer.parse(data));
    expect(states[0]).toMatchObject({ status: 'pending', queue_position: 1 });
    const nodes = states.flatMap((state) => ('current_node' in state ? [state.current_node] : []));
    expect(new Set(nodes)).toContain('ImageUpscaleWithModel');
    expect(new Set(nodes)).toContain('InspyrenetRembg');
    await stack.client.finished(before);
  });

  it('are one event once it is finished, and none for who heard of that', async () => {
    stack = await Stack.start();
    const id = await stack.client.submit('remove-background', await png());
    await stack.client.finished(id);
    const events = await eventsOf(id);
    expectWhole(events, 'completed');
    expect(events).toHaveLength(1);
    const again = await stack.client.request(`/api/jobs/${id}/events`, {
      headers: { 'Last-Event-ID': String(events[0]?.id) },
    });
    // 204 tells an EventSource not to reconnect.
    expect(again.status).toBe(204);
    expect(await eventsOf(id, { 'Last-Event-ID': '17' })).toHaveLength(1);
  });

  it('end with failed and cancelled too', async () => {
    stack = await Stack.start();
    stack.simulator().faults.hang = true;
    const cancelled = await stack.client.submit('remove-background', await png());
    const streams = [eventsOf(cancelled), eventsOf(cancelled)];
    await stack.client.until(cancelled, ({ status }) => status === 'processing');
    await stack.client.request(`/api/jobs/${cancelled}/cancel`, { method: 'POST' });
    for (const events of await Promise.all(streams)) expectWhole(events, 'cancelled');
    stack.simulator().faults.hang = false;
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'no' });
    const failed = await stack.client.submit('remove-background', await png({ colour: colourOf(1) }));
    const events = await eventsOf(failed);
    expectWhole(events, 'failed');
    expect(events.at(-1)?.data).toMatchObject({ error_code: 'WORKFLOW_FAILED' });
  });

  it('show a job going back to the queue and to another machine', async () => {
    stack = await Stack.start({ simulators: [work(60), work(60)] });
    const id = await stack.client.submit('remove-background', await png());
    const stream = eventsOf(id);
    const { comfyui_instance: first } = await stack.client.until(id, (status) => 'current_node' in status);
    await stack.simulators.find(({ host }) => host === first)?.stop();
    const events = await stream;
    expectWhole(events, 'completed');
    const states = events.map(({ data }) => jobStatusAnswer.parse(data));
    expect(states.at(-1)).toMatchObject({ attempts: 2 });
    expect(states.at(-1)?.comfyui_instance).not.toBe(first);
  });

  it('are seen whole by 200 streams at once on 20 jobs, and nothing is left of them', async () => {
    stack = await Stack.start({
      simulators: [work(10), work(10)],
      env: { MAX_OPEN_REQUESTS_PER_CLIENT: '500' },
    });
    const { events: heard } = stack.services.manager;
    const listeners = heard.listeners;
    const jobs = await Promise.all(
      Array.from({ length: 20 }, async (_, n) =>
        stack.client.submit('upscale-remove-bg', await png({ colour: colourOf(n) })),
      ),
    );
    const streams = jobs.flatMap((id) => Array.from({ length: 10 }, () => eventsOf(id)));
    for (const events of await Promise.all(streams)) expectWhole(events, 'completed');
    await eventually(() => expect(heard.listeners).toBe(listeners));
  });

  it('are a 404 for a job that there is not', async () => {
    stack = await Stack.start();
    expect((await stack.client.error('/api/jobs/none/events', 404)).code).toBe('JOB_NOT_FOUND');
  });

  it('answer HEAD with headers alone', async () => {
    stack = await Stack.start();
    stack.simulator().faults.hang = true;
    const id = await stack.client.submit('remove-background', await png());
    const response = await stack.client.request(`/api/jobs/${id}/events`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toMatch(/^text\/event-stream/);
    stack.simulator().faults.hang = false;
  });
});

describe("the system's events", () => {
  it('begin with instances and breakers, then tell of jobs, breakers and removals', async () => {
    stack = await Stack.start();
    const seen: Received[] = [];
    const over = new AbortController();
    const response = await stack.client.request('/api/events', { signal: over.signal });
    const reading = (async () => {
      for await (const event of readEvents(response)) seen.push(event);
    })().catch(() => undefined);
    const has = (event: string, fields: object) =>
      eventually(() =>
        expect(seen.filter((one) => one.event === event).map(({ data }) => data)).toContainEqual(
          expect.objectContaining(fields),
        ),
      );
    const { host } = stack.simulator();
    await has('instance', { host, status: 'healthy' });
    await has('breaker', { host, state: 'CLOSED' });
    const id = await stack.client.submit('remove-background', await png());
    await has('job', { job_id: id, status: 'pending' });
    await has('job', { job_id: id, status: 'completed' });
    await stack.client.request('/api/circuit-breakers/instance-1/open', { method: 'POST' });
    await has('breaker', { host, state: 'OPEN', forced: true });
    await stack.client.request(`/api/jobs/${id}`, { method: 'DELETE' });
    await has('job_removed', { job_id: id });
    const before = stack.services.manager.events.listeners;
    over.abort();
    await reading;
    await eventually(() => expect(stack.services.manager.events.listeners).toBe(before - 2));
  });

  it('are for admins, and a job has none for strangers', async () => {
    stack = await Stack.start({ env: { API_KEYS: 'a:key-of-a-0123456789,b:key-of-b-0123456789' } });
    stack.simulator().faults.hang = true;
    const as = (key: string) => ({ headers: { 'X-API-Key': key } });
    const answer = await stack.client.post(
      '/api/async/remove-background',
      await png(),
      as('key-of-a-0123456789'),
    );
    const { events_url } = (await answer.json()) as { events_url: string };
    await stack.client.error(events_url, 401);
    await stack.client.error(events_url, 404, as('key-of-b-0123456789'));
    await stack.client.error('/api/events', 403, as('key-of-a-0123456789'));
    const own = await stack.client.request(events_url, as('key-of-a-0123456789'));
    expect(own.status).toBe(200);
    await own.body?.cancel();
    stack.simulator().faults.hang = false;
  });
});

describe('a stream on which nothing happens', () => {
  it('has a comment every 15 seconds, so that no proxy takes it for dead', async () => {
    stack = await Stack.start();
    stack.simulator().faults.hang = true;
    const id = await stack.client.submit('remove-background', await png());
    await stack.client.until(id, (status) => 'current_node' in status);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const response = await stack.client.request(`/api/jobs/${id}/events`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('event:status')) text += (await reader?.read())?.value;
    const before = text.length;
    vi.advanceTimersByTime(15_000);
    while (!/^:/m.test(text.slice(before))) text += (await reader?.read())?.value;
    vi.useRealTimers();
    await reader?.cancel();
    stack.simulator().faults.hang = false;
  });
});

describe('a reader that does not read', () => {
  it('is dropped, and costs others nothing', async () => {
    stack = await Stack.start();
    const response = await stack.client.request('/api/events');
    const reader = response.body?.getReader();
    await reader?.read();
    const { events } = stack.services.manager;
    const before = events.listeners;
    const id = await stack.client.submit('remove-background', await png());
    const { job } = await stack.services.manager.outputs.result((await stack.client.finished(id)).job_id);
    // Far more than the kernel buffers for a client that does not read.
    for (let n = 0; n < 40_000 && events.listeners === before; n += 1) {
      events.publish('changed', job);
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => expect(events.listeners).toBe(before - 2));
    await reader?.cancel().catch(() => undefined);
  });
});

describe('many streams at once', () => {
  it('make Node warn of nothing', async () => {
    stack = await Stack.start();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const streams = await Promise.all(Array.from({ length: 40 }, () => stack.client.request('/api/events')));
    // Node warns a moment later.
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.off('warning', note);
    await Promise.all(streams.map((stream) => stream.body?.cancel()));
    expect(warnings).toEqual([]);
  });
});
