import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AssetError } from '../../src/services/assets/AssetError.js';
import { AssetLibrary } from '../../src/services/assets/AssetLibrary.js';
import { MemoryAssetHolders } from '../../src/services/assets/MemoryAssetHolders.js';
import { MemoryAssetStore } from '../../src/services/assets/MemoryAssetStore.js';
import { RecentAssets } from '../../src/services/assets/RecentAssets.js';
import { AssetBlobs } from '../../src/services/jobs/AssetBlobs.js';
import type { JobOutput, JobResult, ProcessingJob } from '../../src/services/jobs/Job.js';
import { JobManager } from '../../src/services/jobs/JobManager.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import { silentLogger } from '../../src/utils/logger.js';
import { allOf } from '../contracts/assetStore.js';
import { eventually } from '../support/eventually.js';
import { JOB_REQUEST } from '../support/jobRequest.js';

const LIFETIME_MS = 60_000;
const OUTPUT: JobOutput = {
  name: 'image',
  nodeId: '3',
  kind: 'image',
  mimeType: 'image/png',
  sizeBytes: 6,
  filename: 'x.png',
};
const RESULT: JobResult = { promptId: 'p', outputs: [OUTPUT, { ...OUTPUT, name: 'mask' }] };
const CONTENTS = [Buffer.from('result'), Buffer.from('a mask')];

/** Two servers that share records, bytes and their holders. */
describe('bytes of jobs that servers share', () => {
  let time = 0;
  let store: MemoryAssetStore;
  let stores: AssetBlobs[];
  let a: JobManager;
  let b: JobManager;
  /** The latest attempt of the latest completed job. */
  let attempt: ProcessingJob;
  beforeEach(() => {
    const clock = { now: () => time };
    store = new MemoryAssetStore(clock);
    const holders = new MemoryAssetHolders();
    const [jobs, queue, events] = [
      new MemoryJobStore(),
      new MemoryJobQueue(),
      new MemoryJobEvents(silentLogger),
    ];
    const newBlobs = () => new AssetBlobs(new AssetLibrary(store, holders, LIFETIME_MS, clock, silentLogger));
    const managerOf = (blobs: AssetBlobs) =>
      new JobManager(
        { jobs, queue, events, blobs },
        { maxResultBytes: 1e9, keepsResultsInMemory: false, lifetimeMs: LIFETIME_MS },
        clock,
        silentLogger,
      );
    const [first, second] = [newBlobs(), newBlobs()];
    stores = [first, second];
    [a, b] = [managerOf(first), managerOf(second)];
  });
  afterEach(() => Promise.all(stores.map((blobs) => blobs.stop())));

  const isEmpty = () => eventually(async () => expect(await allOf(store)).toEqual([]));

  async function begun(manager: JobManager, id: string): Promise<ProcessingJob> {
    const job = await manager.runs.begin(id, 'a:1');
    if (!job) throw new Error('it does not wait');
    return job;
  }

  /** A completed job of the first server. */
  async function completed(): Promise<string> {
    const { id } = await a.intake.create(JOB_REQUEST, new Map([['image', Buffer.from('x')]]));
    attempt = await begun(a, id);
    await a.complete(attempt, RESULT, CONTENTS);
    return id;
  }

  const resultOf = async (manager: JobManager, id: string) => (await manager.outputs.result(id)).image;

  it('are deleted by a server that only read the record', async () => {
    const id = await completed();
    await eventually(async () => expect(await allOf(store)).toHaveLength(2));
    expect(await resultOf(b, id)).toEqual(CONTENTS[0]);
    await b.remove(id);
    await isEmpty();
  });

  it('stay for one job when two servers delete another with the same ones at the same time', async () => {
    const id = await completed();
    time = 1;
    const other = await completed();
    time = LIFETIME_MS;
    await Promise.all([a.remove(id), b.cleanup()]);
    expect(await resultOf(a, other)).toEqual(CONTENTS[0]);
    await b.remove(other);
    await isEmpty();
  });

  it('stay when another server has the same result of a job too late', async () => {
    const id = await completed();
    await b.complete(attempt, RESULT, CONTENTS);
    expect(await resultOf(a, id)).toEqual(CONTENTS[0]);
    await a.remove(id);
    await isEmpty();
  });

  it('are gone for the server that stored them, too, when the file is deleted', async () => {
    const id = await completed();
    expect(await resultOf(a, id)).toEqual(CONTENTS[0]);
    for (const { hash } of await allOf(store)) await store.delete(hash);
    await expect(resultOf(a, id)).rejects.toMatchObject({ code: 'RESULT_EXPIRED' });
  });

  it('do not change with the buffer from which they were stored', async () => {
    const { id } = await a.intake.create(JOB_REQUEST, new Map([['image', Buffer.from('x')]]));
    const job = await begun(a, id);
    const bytes = Buffer.from('result');
    await a.complete(job, { promptId: 'p', outputs: [OUTPUT] }, [bytes]);
    const stored = await resultOf(a, id);
    stored.fill(0);
    expect(await resultOf(a, id)).toEqual(Buffer.from('result'));
  });
});

describe('copies of small assets', () => {
  const hashOf = (n: number) => String(n).padStart(64, '0');

  it('take a limited amount of memory: the oldest go first', () => {
    const recent = new RecentAssets();
    const bytes = Buffer.alloc(200 * 1024);
    for (let n = 0; n < 100; n += 1) recent.add(hashOf(n), bytes);
    const kept = Array.from({ length: 100 }, (_, n) => n).filter(
      (n) => recent.sizeOf(hashOf(n)) !== undefined,
    );
    expect(kept.length * bytes.length).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, n) => 100 - kept.length + n));
    expect(kept.length).toBeGreaterThan(50);
  });

  it('are not made of large ones, and are dropped with the asset', () => {
    const recent = new RecentAssets();
    recent.add(hashOf(1), Buffer.alloc(300 * 1024));
    expect(recent.sizeOf(hashOf(1))).toBeUndefined();
    recent.add(hashOf(2), Buffer.from('small'));
    recent.add(hashOf(2), Buffer.from('small'));
    expect(recent.sizeOf(hashOf(2))).toBe(5);
    recent.delete(hashOf(2));
    expect(recent.open(hashOf(2), undefined)).toBeUndefined();
  });

  it('are read in part', async () => {
    const recent = new RecentAssets();
    recent.add(hashOf(1), Buffer.from('0123456789'));
    const part = recent.open(hashOf(1), { start: 2, end: 4 });
    expect(part && (await buffer(part)).toString()).toBe('234');
    expect(() => recent.open(hashOf(1), { start: 10 })).toThrow(AssetError);
  });
});
