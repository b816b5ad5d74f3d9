import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors.js';
import { MemoryBlobStore } from '../../src/services/jobs/BlobStore.js';
import { HopelessGraphs } from '../../src/services/jobs/HopelessGraphs.js';
import { JobManager } from '../../src/services/jobs/JobManager.js';
import { PromptSecrets } from '../../src/services/jobs/PromptSecrets.js';
import { STORE_TIMINGS } from '../../src/services/jobs/StoreCalls.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';
import { UntoldEnds } from '../../src/services/webhooks/UntoldEnds.js';
import { silentLogger } from '../../src/utils/logger.js';
import { type GraphNeeds, needsOf } from '../../src/workflows/graphNeeds.js';
import { eventually } from '../support/eventually.js';
import { graphWorkflow } from '../support/graphWorkflow.js';
import { JOB_REQUEST } from '../support/jobRequest.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { UnreliableStores } from '../support/unreliableStores.js';

function open(isShared = false) {
  const stores = new UnreliableStores();
  const events = new MemoryJobEvents(silentLogger);
  const manager = new JobManager(
    { jobs: stores.jobs, blobs: new MemoryBlobStore(), queue: new MemoryJobQueue(), events, isShared },
    { maxResultBytes: 1e9, lifetimeMs: 1e6 },
    { now: () => Date.now() },
    silentLogger,
    { ...STORE_TIMINGS, timeoutMs: 200, retryBaseMs: 1, retryMaxMs: 5 },
  );
  const create = (others: Partial<typeof JOB_REQUEST> = {}) =>
    manager.intake.create({ ...JOB_REQUEST, ...others }, new Map([['image', Buffer.alloc(1)]]));
  return { stores, events, manager, create };
}

describe('the deletion of a job that cannot be cancelled', () => {
  it('is rejected, and can be repeated', async () => {
    const { stores, manager, create } = open(true);
    const { id } = await create();
    stores.trouble = (method) => (method === 'jobs.update' ? { kind: 'refused' } : undefined);
    await expect(manager.remove(id)).rejects.toThrow();
    expect((await manager.get(id)).status).toBe('pending');
    stores.trouble = () => undefined;
    await manager.remove(id);
    expect(await manager.has(id)).toBe(false);
  });

  it('because it ends at the same moment succeeds', async () => {
    const { manager, create } = open();
    const { id } = await create();
    const removal = manager.remove(id);
    await manager.cancel(id);
    await removal;
    expect(await manager.has(id)).toBe(false);
  });
});

describe('the secrets of a prompt', () => {
  const extra = new Map([['api_key_comfy_org', 'SECRET']]);

  async function keep() {
    const { events, manager, create } = open();
    const secrets = new PromptSecrets(events);
    const before = events.listeners;
    const { name = '' } = secrets.takeFrom(extra);
    const job = await create({ secrets: name });
    await secrets.keepFor(job, name);
    expect(secrets.get(name).size).toBe(1);
    return { events, manager, secrets, name, job, before };
  }

  it('are dropped when the job is removed without an end', async () => {
    const { events, secrets, name, job, before } = await keep();
    events.publish('removed', { id: job.id, why: 'expired' });
    expect(secrets.get(name).size).toBe(0);
    expect(events.listeners).toBe(before);
  });

  it('are dropped when only the record tells of the end', async () => {
    const { events, secrets, name, job, before } = await keep();
    const ended = { ...job, status: 'cancelled', assignment: undefined, finishedTime: 1 } as const;
    events.publish('changed', ended);
    expect(secrets.get(name).size).toBe(0);
    expect(events.listeners).toBe(before);
  });

  it('are dropped at once if the job has ended before', async () => {
    const { manager, secrets, name, job, events, before } = await keep();
    await manager.cancel(job.id);
    expect(secrets.get(name).size).toBe(0);
    await secrets.keepFor(job, name);
    expect(events.listeners).toBe(before);
  });
});

describe('jobs that no machine can run', () => {
  const requires = { nodes: ['Missing'], models: [] };
  const workflow = { ...graphWorkflow('graph', { outputs: {}, build: () => ({}) }), requires };
  const graph = { type: 'graph', workflow };

  /** @param list replaces that of the manager */
  function hopeless(manager: JobManager, list: JobManager['list'] = manager.list) {
    let tell: (needs: GraphNeeds, missing: readonly string[]) => void = () => undefined;
    vi.spyOn(manager, 'list').mockImplementation(list);
    const graphs = {
      onHopeless: (listener: typeof tell) => {
        tell = listener;
      },
    };
    const comparison = { compare: async () => true };
    new HopelessGraphs({ manager, graphs, comparison }, silentLogger);
    return () => tell(needsOf(requires), ['Missing']);
  }

  it('end, however many there are', async () => {
    const { manager, create } = open();
    for (let n = 0; n < 1200; n += 1) await create(graph);
    const other = await create();
    hopeless(manager)();
    await eventually(async () => expect((await manager.counts()).byStatus.failed).toBe(1200));
    expect((await manager.get(other.id)).status).toBe('pending');
  });

  it('continue if they have begun meanwhile', async () => {
    const { manager, create } = open();
    const [begun, waiting] = [await create(graph), await create(graph)];
    const { list } = manager;
    const end = hopeless(manager, async (filter, page) => {
      const found = await list(filter, page);
      await manager.runs.begin(begun.id, 'a:1');
      return found;
    });
    end();
    await eventually(async () => expect((await manager.get(waiting.id)).status).toBe('failed'));
    await sleep(50);
    expect((await manager.get(begun.id)).status).toBe('processing');
  });
});

describe('ends without a webhook', () => {
  const storeOf = (ids: string[]) =>
    ({ untold: async () => ids }) as unknown as ConstructorParameters<typeof UntoldEnds>[0]['store'];

  it('are sent although another one fails each time', async () => {
    const { manager, create } = open();
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const { id } = await create();
      await manager.cancel(id);
      ids.push(id);
    }
    const told: string[] = [];
    const ends = new UntoldEnds({ manager, store: storeOf(ids), logger: silentLogger }, 5, async ({ id }) => {
      if (id === ids[0]) throw new Error('it cannot be written');
      told.push(id);
    });
    ends.start();
    await eventually(() => expect(told).toEqual(expect.arrayContaining(ids.slice(1))));
    ends.stop();
  });
  it.each([
    ['an outage stay until it is over', new AppError('QUEUE_UNAVAILABLE', 'no Redis'), 0],
    ['another error expire after a few attempts', new Error('it cannot be written'), 1],
  ])('of expired jobs that fail because of %s', async (_, error, warnings) => {
    const { manager, create } = open();
    const { id } = await create();
    await manager.cancel(id);
    const logger = new RecordingLogger();
    const ends = new UntoldEnds({ manager, store: storeOf([id]), logger }, 1e6, () => Promise.reject(error));
    const kept: number[] = [];
    for (let n = 0; n < 5; n += 1) kept.push((await ends.tellLast([id])).size);
    expect(kept.slice(0, 2)).toEqual([1, 1]);
    const warned = logger.lines.filter(({ level }) => level === 'warn');
    expect([warned.length, kept.includes(0)]).toEqual([warnings, warnings > 0]);
    if (warnings > 0) expect(warned[0]).toMatchObject({ message: 'A job expires without its webhook' });
  });
});
