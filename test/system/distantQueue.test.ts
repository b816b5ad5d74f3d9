import { afterEach, describe, expect, it } from 'vitest';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import type { FinishedJob } from '../../src/services/jobs/Job.js';
import type { JobEventKind, JobEventKinds } from '../../src/services/queue/JobEvents.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { silentLogger } from '../../src/utils/logger.js';
import { DistantQueue } from '../support/DistantQueue.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { UnreliableStores } from '../support/unreliableStores.js';

const ROUND_TRIP_MS = 3;

let stack: Stack;
afterEach(() => stack.stop());

/** Events that arrive with a delay. */
class DistantEvents extends MemoryJobEvents {
  readonly told: JobEventKind[] = [];

  override async follow(...about: Parameters<MemoryJobEvents['follow']>) {
    await new Promise((resolve) => setTimeout(resolve, ROUND_TRIP_MS));
    return super.follow(...about);
  }

  override publish<K extends JobEventKind>(kind: K, event: JobEventKinds[K]): void {
    this.told.push(kind);
    super.publish(kind, event);
  }
}

/** A server with a slow connection to its queue, its records and its events. */
async function start(options: StackOptions = {}) {
  const queue = new DistantQueue(ROUND_TRIP_MS);
  const stores = new UnreliableStores();
  stores.trouble = () => ({ kind: 'late', ms: ROUND_TRIP_MS });
  const events = new DistantEvents(silentLogger);
  stack = await Stack.start({
    ...options,
    env: { JOB_PROCESSING_INTERVAL: '50', ...options.env },
    overrides: { jobQueue: queue, jobStore: stores.jobs, blobStore: stores.blobs, jobEvents: events },
  });
  const ends: FinishedJob[] = [];
  events.subscribe('finished', (job) => ends.push(job));
  return { queue, stores, events, ends };
}

/** Expects that nothing waits, nothing is held, and every taken entry was settled. */
async function expectAtRest(queue: DistantQueue): Promise<void> {
  await eventually(async () => {
    const { manager, processor, instances } = stack.services;
    expect([await queue.size(), processor.activeJobs, manager.leftToDo]).toEqual([
      { jobs: 0, bytes: 0 },
      0,
      0,
    ]);
    for (const { activeJobs } of instances) expect(activeJobs).toBe(0);
  });
}

describe('a queue, records and events that are far away', () => {
  it('give every job its one end and its own picture', async () => {
    const { queue, ends } = await start({ simulators: [{}, {}] });
    const colours = Array.from({ length: 12 }, (_, n) => colourOf(n));
    const check = async (n: number) => {
      const colour = colours[n] ?? colourOf(0);
      const image = await png({ colour });
      if (n % 3 === 0) {
        const answer = await stack.client.process('upscale-image', image);
        expect(distance(await middle(answer.image), colour)).toBeLessThan(8);
        return;
      }
      const id = await stack.client.submit('upscale-image', image);
      if (n % 3 === 1) await stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
      const { status } = await stack.client.finished(id);
      if (n % 3 === 2) expect(status).toBe('completed');
    };
    await Promise.all(colours.map((_, n) => check(n)));
    await expectAtRest(queue);
    // The record changes before the event is sent.
    await eventually(() => expect(new Set(ends.map(({ id }) => id)).size).toBe(12));
    expect(ends).toHaveLength(12);
  });

  it('tell streams of a job all that happens to it, in order', async () => {
    const { queue } = await start();
    const id = await stack.client.submit('upscale-image', await png());
    const text = await (await stack.client.request(`/api/jobs/${id}/events`)).text();
    const progress = [...text.matchAll(/"progress_percentage":(\d+)/g)].map(([, n]) => Number(n));
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(100);
    await expectAtRest(queue);
  });

  it('leave no job behind that is cancelled while it is taken', async () => {
    const { queue, ends } = await start();
    for (let ms = 0; ms <= 8 * ROUND_TRIP_MS; ms += ROUND_TRIP_MS) {
      const id = await stack.client.submit('remove-background', await png());
      await new Promise((resolve) => setTimeout(resolve, ms));
      await stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
      await stack.client.finished(id);
      await eventually(() => expect(ends.filter((job) => job.id === id)).toHaveLength(1));
    }
    await expectAtRest(queue);
  });

  it('put back what the machine did not do, and it is done by another one', async () => {
    const { queue } = await start({ simulators: [{}, {}] });
    for (const { faults } of stack.simulators)
      faults.respond = { path: /^\/view$/, status: 200, body: 'soup', times: 1 };
    const answer = await stack.client.process('upscale-image', await png());
    expect(answer.body.success).toBe(true);
    await expectAtRest(queue);
    expect(queue.calls('putBack')).toBeGreaterThan(0);
  });
});

describe('a queue that refuses', () => {
  it('a new job leaves nothing of it, and its client hears of it', async () => {
    const { queue, stores, events, ends } = await start();
    queue.isRefused = (method) => method === 'add';
    await stack.client.refused('/api/async/upscale-image', await png(), 500);
    await eventually(async () => {
      expect((await stores.records.counts()).total).toBe(0);
      expect([...stores.bytes.keys()]).toEqual([]);
    });
    expect(events.told).toEqual(['changed', 'resultDropped', 'removed']);
    expect(ends).toEqual([]);
    queue.isRefused = () => false;
    expect((await stack.client.process('upscale-image', await png())).body.success).toBe(true);
    await expectAtRest(queue);
  });

  it.each(['take', 'done', 'putBack', 'remove'] as const)(
    'to %s a few times does it later, and loses no job',
    async (method) => {
      const { queue, ends } = await start({ simulators: [{}, {}] });
      const before = queue.calls(method);
      queue.isRefused = (called, call) => called === method && call <= before + 3;
      for (const { faults } of stack.simulators)
        faults.respond = { path: /^\/view$/, status: 200, body: 'soup', times: 1 };
      const image = await png();
      const ids = await Promise.all(
        [1, 2, 3, 4, 5, 6].map(() => stack.client.submit('upscale-image', image)),
      );
      await stack.client.request(`/api/jobs/${ids.at(-1)}/cancel`, { method: 'POST' });
      for (const id of ids) await stack.client.finished(id);
      await eventually(() => expect(ends.map(({ id }) => id).sort()).toEqual([...ids].sort()));
      queue.isRefused = () => false;
      await expectAtRest(queue);
    },
  );

  it('to hand out jobs is logged once, however often it is asked', async () => {
    const logger = new RecordingLogger();
    const { queue } = await start({ logger });
    const before = queue.calls('take');
    queue.isRefused = (method) => method === 'take';
    const id = await stack.client.submit('upscale-image', await png());
    await eventually(() => expect(queue.calls('take')).toBeGreaterThan(before + 4));
    queue.isRefused = () => false;
    expect((await stack.client.finished(id)).status).toBe('completed');
    expect(
      logger.lines.filter(({ message }) => message === 'No job can be taken from the queue'),
    ).toHaveLength(1);
  });

  it('to say how much waits fails who asks, and no job', async () => {
    const { queue } = await start();
    stack.simulator().faults.hang = true;
    const answer = await stack.client.post('/api/async/upscale-image', await png());
    const { job_id } = asyncAnswer.parse(await answer.json());
    queue.isRefused = (method) => method === 'size' || method === 'position';
    expect((await stack.client.request('/status')).status).toBe(500);
    await stack.client.refused('/api/async/upscale-image', await png(), 500);
    stack.simulator().faults.hang = false;
    queue.isRefused = () => false;
    await stack.client.request(`/api/jobs/${job_id}/cancel`, { method: 'POST' });
    await expectAtRest(queue);
  });
});
