import { describe, expect, it } from 'vitest';
import { EndWaits } from '../../src/services/jobs/EndWaits.js';
import { DurationEstimates } from '../../src/services/jobs/estimates.js';
import type { CompletedJob, Job, JobOutput } from '../../src/services/jobs/Job.js';
import { Recorder } from '../../src/services/metrics/Recorder.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';
import { workflows } from '../../src/workflows/index.js';
import { WorkflowCatalogue } from '../../src/workflows/WorkflowCatalogue.js';
import { takeFirst, waitingIn } from '../support/firstThat.js';
import { JOB_REQUEST } from '../support/jobRequest.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

const OUTPUT: JobOutput = {
  name: 'image',
  nodeId: '3',
  kind: 'image',
  mimeType: 'image/png',
  sizeBytes: 1,
  filename: 'x.png',
  width: 1,
  height: 1,
};

function completedJob(durationMs: number, finishedTime = 10_000): CompletedJob {
  return {
    id: 'x',
    status: 'completed',
    request: JOB_REQUEST,
    createdTime: 0,
    updatedTime: finishedTime,
    finishedTime,
    attempts: 1,
    progress: 100,
    assignment: { instance: 'a:1', promptId: 'p', processingStartTime: finishedTime - durationMs },
    result: { promptId: 'p', outputs: [OUTPUT] },
  };
}

describe('estimates', () => {
  it('are the declared ones until three jobs were measured, then follow what is measured', () => {
    const estimates = new DurationEstimates(new WorkflowCatalogue(workflows));
    expect(estimates.processingMs('remove-background')).toBe(8000);
    estimates.recordJob(completedJob(1000));
    estimates.recordJob(completedJob(1000));
    expect(estimates.processingMs('remove-background')).toBe(8000);
    estimates.recordJob(completedJob(1000));
    expect(estimates.processingMs('remove-background')).toBe(1000);
    for (let n = 0; n < 30; n += 1) estimates.recordJob(completedJob(2000));
    expect(estimates.processingMs('remove-background')).toBeCloseTo(2000, -1);
    expect(estimates.processingMs('upscale-image')).toBe(15_000);
  });

  it('count the rounds before a job', () => {
    const estimates = new DurationEstimates(new WorkflowCatalogue(workflows));
    const seconds = [1, 4, 5, 9].map(
      (position) =>
        estimates.pendingMs('remove-background', position, { parallel: 4, msPerJob: undefined }) / 1000,
    );
    expect(seconds).toEqual([8, 8, 16, 24]);
    // The jobs before it take 80 seconds each, on four machines.
    const behindLong = [1, 5].map(
      (position) =>
        estimates.pendingMs('remove-background', position, { parallel: 4, msPerJob: 20_000 }) / 1000,
    );
    expect(behindLong).toEqual([8, 88]);
  });
});

describe('the pending queue', () => {
  const entry = (id: string, bytes = 10) => ({
    id,
    type: 't',
    bytes,
    largest: bytes,
    tried: new Set<string>(),
  });
  const order = async (queue: MemoryJobQueue) => (await waitingIn(queue)).map(({ id }) => id);

  it('is first in first out, and what comes back goes first', async () => {
    const queue = new MemoryJobQueue();
    for (const id of ['a', 'b', 'c']) await queue.add(entry(id));
    const a = await takeFirst(queue);
    await a?.putBack();
    expect(await order(queue)).toEqual(['a', 'b', 'c']);
    expect(await Promise.all(['a', 'c', 'x'].map((id) => queue.position(id)))).toEqual([1, 3, 0]);
  });

  it('knows its bytes, also when something comes twice or never was there', async () => {
    const queue = new MemoryJobQueue();
    await queue.add(entry('a', 5));
    await queue.add(entry('b', 7));
    const a = await takeFirst(queue);
    await queue.add(entry('a', 5));
    await a?.putBack();
    await queue.remove('nothing');
    expect(await queue.size()).toEqual({ jobs: 2, bytes: 12 });
    await queue.remove('a');
    await queue.remove('b');
    expect(await queue.size()).toEqual({ jobs: 0, bytes: 0 });
  });
});

describe('the recorder', () => {
  it('has no rate and no average before there is a job', () => {
    const recorder = new Recorder({ now: () => 0 });
    expect([recorder.all.successRate, recorder.all.durations.average]).toEqual([null, null]);
  });

  it('counts by the minute, and a cancelled job as neither success nor failure', () => {
    let now = 0;
    const recorder = new Recorder({ now: () => now });
    const { result: _result, ...rest } = completedJob(1000);
    recorder.record(completedJob(1000));
    recorder.record({ ...rest, status: 'cancelled' });
    now = 30 * 60_000;
    const failure = {
      message: 'm',
      code: 'WORKFLOW_FAILED',
      category: 'execution_error',
      details: undefined,
    } as const;
    recorder.record({ ...rest, status: 'failed', failure });
    expect(recorder.all.successRate).toBe(0.5);
    expect(recorder.all.durations.average).toBe(1000);
    expect(recorder.last(60)).toMatchObject({ completed: 1, failed: 1 });
    expect(recorder.last(15)).toMatchObject({ completed: 0, failed: 1 });
    now = 61 * 60_000;
    expect(recorder.last(60)).toMatchObject({ completed: 0, failed: 1 });
  });
});

describe('a listener that throws', () => {
  it('is logged, and the others and who waits hear all the same', async () => {
    const log = new RecordingLogger();
    const events = new MemoryJobEvents(log);
    const waits = new EndWaits(events, async () => processing);
    const { finishedTime: _finished, result: _result, ...rest } = completedJob(1000);
    const processing: Job = { ...rest, status: 'processing', failedTries: [], currentNode: undefined };
    const job = completedJob(1000);
    const heard: string[] = [];
    const fail = () => {
      throw new Error('boom');
    };
    events.subscribe('finished', fail);
    events.subscribe('finished', () => heard.push('all'));
    await events.follow(job.id, fail);
    await events.follow(job.id, () => heard.push('one'));
    events.subscribe('removed', fail);
    events.subscribe('removed', ({ id, why }) => heard.push(`${id} ${why}`));
    const waited = waits.wait(job.id, new AbortController().signal);
    events.publish('changed', job);
    events.publish('finished', job);
    events.publish('removed', { id: job.id, why: 'expired' });
    expect(await waited).toBe(job);
    expect(heard).toEqual(['one', 'all', 'x expired']);
    expect(log.lines.map(({ fields }) => String(fields['stack']).split('\n')[0])).toEqual(
      Array(3).fill('Error: boom'),
    );
  });
});
