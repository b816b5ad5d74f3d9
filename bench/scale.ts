import { monitorEventLoopDelay } from 'node:perf_hooks';
import { MemoryBlobStore } from '../src/services/jobs/BlobStore.js';
import { JobManager } from '../src/services/jobs/JobManager.js';
import type { Picker, QueueEntry, Releasable } from '../src/services/queue/JobQueue.js';
import { MemoryJobEvents } from '../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobQueue } from '../src/services/queue/memory/MemoryJobQueue.js';
import { MemoryJobStore } from '../src/services/queue/memory/MemoryJobStore.js';
import { MemoryFolders } from '../src/simulator/MemoryFolders.js';
import { objectInfo } from '../src/simulator/objectInfo.js';
import { otherClasses } from '../src/simulator/otherClasses.js';
import { pythonJson } from '../src/simulator/pythonJson.js';
import type { Clock } from '../src/utils/clock.js';
import { silentLogger } from '../src/utils/logger.js';
import { parseJson } from '../src/utils/losslessJson.js';
import { mergeObjectInfo, readObjectInfo } from '../src/workflows/objectInfo/mergeObjectInfo.js';
import { PLACE } from '../test/support/firstThat.js';
import { JOB_REQUEST } from '../test/support/jobRequest.js';
import { byTurns } from './measure.js';
import { type Effort, milliseconds, type Row, row } from './rows.js';

const IMAGE = Buffer.alloc(1);
const FEW = 10;
const MANY_PENDING = 100_000;
const MANY_KEPT = 50_000;
const LIFETIME_MS = 1000;
/** Repetitions within one measurement, because each takes microseconds. */
const INNER = 2000;

class HandClock implements Clock {
  time = 1_000_000;

  now(): number {
    return this.time;
  }
}

async function managerWith(jobs: number, clock = new HandClock()): Promise<JobManager> {
  const manager = new JobManager(
    {
      jobs: new MemoryJobStore(),
      queue: new MemoryJobQueue(),
      events: new MemoryJobEvents(silentLogger),
      blobs: new MemoryBlobStore(),
    },
    { maxResultBytes: 1e12, lifetimeMs: LIFETIME_MS },
    clock,
    silentLogger,
  );
  for (let n = 0; n < jobs; n += 1) await manager.intake.create(JOB_REQUEST, new Map([['image', IMAGE]]));
  return manager;
}

const us = (value: number) => `${value.toFixed(2)} µs`;

async function microseconds(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < INNER; n += 1) await work();
  return (1000 * (performance.now() - startedAt)) / INNER;
}

/** Picks entries in the order in which they came; nothing else removes them. */
class InOrder implements Picker<Releasable> {
  readonly #entries: QueueEntry[] = [];
  #next = 0;

  enter(entry: QueueEntry): void {
    this.#entries.push(entry);
  }

  leave(): void {}

  more(): void {}

  pick(): { id: string; chosen: Releasable } | undefined {
    const entry = this.#entries[this.#next];
    this.#next += 1;
    return entry && { id: entry.id, chosen: PLACE };
  }
}

/** Takes the next job, returns it to the end of the queue, and reads the position of the last one. */
async function take({ queue }: JobManager, picker: InOrder): Promise<void> {
  const first = await queue.take(picker);
  if (!first) throw new Error('the queue is empty');
  await first.done();
  await queue.add(first.entry);
  await queue.position(first.entry.id);
}

/** Operations that must cost the same however many jobs there are; measured in this process, without HTTP. */
export async function scale({ rounds, warmUps }: Effort): Promise<Row[]> {
  const [few, many] = [await managerWith(FEW), await managerWith(MANY_PENDING)];
  const [ofFew, ofMany] = [new InOrder(), new InOrder()];
  const taking = await byTurns(
    rounds,
    () => microseconds(() => take(many, ofMany)),
    () => microseconds(() => take(few, ofFew)),
    warmUps,
  );
  const page = { limit: 100, offset: 0 };
  const clock = new HandClock();
  const [hundred, thousands] = [await managerWith(100), await managerWith(MANY_KEPT, clock)];
  const listing = await byTurns(
    rounds,
    () => microseconds(() => thousands.list({}, page)),
    () => microseconds(() => hundred.list({}, page)),
    warmUps,
  );
  return [
    row(
      'take a job, ask its place: 100,000 pending',
      { measured: us(taking.a), comparedWith: `10 pending: ${us(taking.b)}`, ratio: taking.ratio },
      // A map of 100,000 does not fit into the CPU cache: half a microsecond.
      '<=4',
    ),
    row(
      'list 100 of 50,000 jobs',
      { measured: us(listing.a), comparedWith: `of 100: ${us(listing.b)}`, ratio: listing.ratio },
      '<=2',
    ),
    await cleanup(thousands, clock),
    await nodesOfMachines({ rounds, warmUps }),
  ];
}

/** @param manager with waiting jobs */
async function cleanup(manager: JobManager, clock: HandClock): Promise<Row> {
  for (const id of manager.runs.waiting()) await manager.cancel(id);
  clock.time += 2 * LIFETIME_MS;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  delay.enable();
  await manager.cleanup();
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  const worstMs = delay.max / 1e6;
  return row(
    'clean up 50,000 jobs: longest pause',
    { measured: `${worstMs.toFixed(1)} ms`, comparedWith: '20 ms', ratio: worstMs / 20 },
    '<=1',
  );
}

/** The description of their nodes by two machines with many packs: read without parsing every class. */
async function nodesOfMachines({ rounds, warmUps }: Pick<Effort, 'rounds' | 'warmUps'>): Promise<Row> {
  const [one, other] = [1500, 1501].map((count) => {
    const classes = Object.entries(otherClasses(count));
    const folders = new MemoryFolders();
    return pythonJson(
      Object.fromEntries(classes.map(([name, node]) => [name, objectInfo(name, node, folders)])),
    );
  }) as [string, string];
  const once = async (work: () => unknown) => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  };
  const { a, b, ratio } = await byTurns(
    rounds,
    () => once(() => mergeObjectInfo([one, other].map(readObjectInfo))),
    () => once(() => [one, other].map((text) => parseJson(text, { maxDepth: 64 }))),
    warmUps,
  );
  const size = ((one.length + other.length) / 1e6).toFixed(1);
  const parts = { measured: milliseconds(a), comparedWith: `parse it all: ${milliseconds(b)}`, ratio };
  return row(`read and merge the nodes of two machines, ${size} MB`, parts, '<=0.2');
}
