import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryBlobStore } from '../../src/services/jobs/BlobStore.js';
import { MemoryIdempotencyStore } from '../../src/services/queue/memory/MemoryIdempotencyStore.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { silentLogger } from '../../src/utils/logger.js';
import { CuttableLink } from '../support/CuttableLink.js';
import { ComfyApiClient, samplerGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { LosingQueue } from '../support/LosingQueue.js';
import { png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack } from '../support/stack.js';

const LONG = '60000';

/** Prompts of this software, without those of strangers. */
const own = ({ promptIds, strangerIds }: Simulator) => promptIds.filter((id) => !strangerIds.has(id));

/** A server that is cut off from the others, but not from the machines, and another one that can take over its jobs. */
describe('a server that may have lost its job', () => {
  let machines: Simulator[];
  let queue: LosingQueue;
  let link: CuttableLink;
  let shared: ReturnType<typeof newShared>;
  let stacks: Stack[];
  const newShared = () => ({
    jobStore: new MemoryJobStore(),
    jobQueue: queue,
    jobEvents: new MemoryJobEvents(silentLogger),
  });
  beforeEach(async () => {
    machines = await Promise.all([startSimulator(), startSimulator()]);
    queue = new LosingQueue();
    link = new CuttableLink();
    shared = newShared();
    stacks = [];
    const idempotencyStore = new MemoryIdempotencyStore();
    const blobStore = new MemoryBlobStore();
    start = async (env, parts, logger) => {
      const overrides = { isShared: true, idempotencyStore, blobStore, ...parts };
      const hosts = machines.map(({ host }) => host).join(',');
      const stack = await Stack.start({
        simulators: [],
        env: { COMFYUI_HOST: hosts, JOB_TIMEOUT: LONG, ...env },
        overrides,
        ...(logger ? { logger } : {}),
      });
      stacks.push(stack);
      return stack;
    };
  });
  let start: (
    env: Record<string, string>,
    parts: typeof shared | ReturnType<CuttableLink['to']>,
    logger?: RecordingLogger,
  ) => Promise<Stack>;
  afterEach(async () => {
    link.isCut = false;
    await Promise.all(stacks.map((stack) => stack.stop()));
    await Promise.all(machines.map((machine) => machine.stop()));
  });

  const startCuttable = (env: Record<string, string>) => start(env, link.to(shared));
  const startOther = (env: Record<string, string> = {}) => start(env, shared);
  const slow = (ms: number) => {
    for (const machine of machines) machine.setWork(ms);
  };
  const submit = async (stack: Stack) => stack.client.submit('remove-background', await png());
  const executions = () =>
    machines.flatMap((machine) => machine.executions.filter((id) => !machine.strangerIds.has(id)));
  const requests = (request: string) =>
    machines.reduce((sum, machine) => sum + (machine.requests.get(request) ?? 0), 0);
  const areTrusted = ({ services }: Stack) =>
    services.instances.every(({ breaker }) => breaker.snapshot.failures === 0);
  /** The other server takes over the job, and has found its prompt. */
  const takenOver = async (id: string, other: Stack) => {
    await queue.lose(id);
    await eventually(async () => {
      const job = await shared.jobStore.get(id);
      expect(job?.status === 'processing' && job.attempts === 2 && job.assignment.promptId).toBeTruthy();
    });
    await eventually(() => expect(other.services.processor.activeJobs).toBe(1));
  };

  /** Starts a server that can be cut off, with a job whose prompt runs for `ms`. */
  const startRunning = async (ms: number, env: Record<string, string> = {}) => {
    slow(ms);
    const cutOff = await startCuttable(env);
    const id = await submit(cutOff);
    await eventually(() => expect(executions()).toHaveLength(1));
    return { cutOff, id };
  };

  it('leaves a prompt whose time is over to the server that continues it', async () => {
    const { cutOff, id } = await startRunning(4000, { JOB_TIMEOUT: '1500' });
    link.isCut = true;
    const other = await startOther();
    await takenOver(id, other);
    await eventually(() => expect(link.refused('renew')).toBeGreaterThan(0));
    expect(await other.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    link.isCut = false;
    await eventually(() => expect(cutOff.services.processor.activeJobs).toBe(0));
    expect(requests('POST /interrupt')).toBe(0);
    expect(executions()).toHaveLength(1);
    expect([cutOff, other].map(areTrusted)).toEqual([true, true]);
  });

  it('leaves a prompt in the queue of its machine to the server that continues it', async () => {
    for (const machine of machines) machine.occupy();
    const cutOff = await startCuttable({ JOB_QUEUE_TIMEOUT: '600', MAX_JOBS_PER_INSTANCE: '1' });
    const id = await submit(cutOff);
    await eventually(() => expect(machines.flatMap(own)).toHaveLength(1));
    link.isCut = true;
    const other = await startOther({ JOB_QUEUE_TIMEOUT: '0' });
    await takenOver(id, other);
    // From now on it could run there, so it has waited too long.
    machines.find((machine) => own(machine).length === 0)?.release();
    await eventually(() => expect(link.refused('renew')).toBeGreaterThan(0));
    link.isCut = false;
    await eventually(() => expect(cutOff.services.processor.activeJobs).toBe(0));
    for (const machine of machines) machine.release();
    expect(await other.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(requests('POST /queue')).toBe(0);
    expect(executions()).toHaveLength(1);
    expect([cutOff, other].map(areTrusted)).toEqual([true, true]);
  });

  it('leaves the history entry of a failed prompt to the server that reads it', async () => {
    slow(1500);
    for (const { faults } of machines) {
      faults.failNodes.set('PreviewImage', { type: 'ValueError', message: 'boom' });
    }
    const cutOff = await startCuttable({});
    const id = await submit(cutOff);
    await eventually(() => expect(executions()).toHaveLength(1));
    link.isCut = true;
    await eventually(() => expect(machines.flatMap(({ historyIds }) => historyIds)).toHaveLength(1));
    await eventually(() => expect(link.refused('get')).toBeGreaterThan(0));
    const other = await startOther();
    await queue.lose(id);
    expect(await other.client.finished(id)).toMatchObject({
      status: 'failed',
      attempts: 1,
      error_details: { category: 'execution_error' },
    });
    link.isCut = false;
    expect(executions()).toHaveLength(1);
    await eventually(() => expect(machines.flatMap(({ historyIds }) => historyIds)).toEqual([]));
    await eventually(() => expect(cutOff.services.processor.activeJobs).toBe(0));
  });

  it('leaves a prompt to the server that continues it, also when a silent machine responds again', async () => {
    slow(5000);
    const [machine] = machines;
    const onlyOne = { COMFYUI_HOST: machine?.host ?? '' };
    const otherLink = new CuttableLink();
    otherLink.takesNothing = true;
    const other = await start({ ...onlyOne, HEALTH_CHECK_TIMEOUT: '8000' }, otherLink.to(shared));
    const silenced = await startCuttable({ ...onlyOne, JOB_TIMEOUT: '2000', HEALTH_CHECK_TIMEOUT: '300' });
    const id = await submit(silenced);
    await eventually(() => expect(executions()).toHaveLength(1));
    link.takesNothing = true;
    otherLink.takesNothing = false;
    machine?.lock.hold(3000);
    expect(await other.client.finished(id)).toMatchObject({
      status: 'completed',
      comfyui_instance: machine?.host,
    });
    expect(requests('POST /interrupt')).toBe(0);
    expect(executions()).toHaveLength(1);
  });

  it('stops a prompt whose time is over, as soon as it knows that it still holds the job', async () => {
    const { cutOff, id } = await startRunning(30_000, { JOB_TIMEOUT: '1000' });
    link.isCut = true;
    await eventually(() => expect(link.refused('renew')).toBeGreaterThan(0));
    expect(requests('POST /interrupt')).toBe(0);
    link.isCut = false;
    expect(await cutOff.client.finished(id)).toMatchObject({ status: 'failed', error_code: 'JOB_TIMEOUT' });
    expect(requests('POST /interrupt')).toBe(1);
  });

  it.each([
    ['whose time is over', { JOB_TIMEOUT: '1500' }, () => undefined],
    ['that its machine has lost', {}, (machine: Simulator) => machine.restart()],
  ])('frees the slot of a prompt %s, which whoever takes the job next may need', async (_, env, end) => {
    const [machine] = machines;
    if (!machine) throw new Error('no machine');
    machine.setWork(8000);
    const lost = await start({ COMFYUI_HOST: machine.host, MAX_JOBS_PER_INSTANCE: '1', ...env }, shared);
    const id = await submit(lost);
    await eventually(() => expect(executions()).toHaveLength(1));
    // The node that runs keeps its time.
    await lost.client.until(
      id,
      (status) => status.status === 'processing' && status.current_node === 'InspyrenetRembg',
    );
    await queue.lose(id);
    await end(machine);
    machine.setWork(100);
    const other = await submit(lost);
    await lost.client.finished(id);
    expect(await lost.client.finished(other)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('that failed to put a job back keeps its next attempt when it repeats that', async () => {
    const fail = (type: string) => {
      for (const { faults } of machines)
        faults.failNodes.set('PreviewImage', { type, message: 'CUDA error' });
    };
    fail('torch.AcceleratorError');
    const logger = new RecordingLogger();
    queue.failsToPutBack = true;
    const stack = await start({}, shared, logger);
    const id = await submit(stack);
    await eventually(() => expect(queue.putBacks).toBeGreaterThan(0));
    slow(3000);
    fail('ValueError');
    await queue.lose(id);
    await eventually(() => expect(executions()).toHaveLength(2));
    const before = queue.putBacks;
    queue.failsToPutBack = false;
    const isRepeated = { level: 'info', message: 'The store works again, all pending work is done' };
    await eventually(() => expect(logger.lines).toContainEqual(expect.objectContaining(isRepeated)));
    expect(await stack.client.finished(id)).toMatchObject({ status: 'failed', attempts: 2 });
    expect(queue.putBacks).toBe(before);
    expect(executions()).toHaveLength(2);
  });

  it('keeps no steps and previews of a job whose end it missed', async () => {
    slow(8000);
    const cutOff = await startCuttable({});
    const submitted = await new ComfyApiClient(cutOff.client.baseUrl).submit(samplerGraph());
    const id = submitted.id.replace('job_', '');
    await eventually(() => expect(executions()).toHaveLength(1));
    expect(cutOff.services.live.get(id)).toBeDefined();
    link.isCut = true;
    const other = await startOther();
    await takenOver(id, other);
    const cancelled = await other.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
    expect(cancelled.status).toBe(200);
    await eventually(() => expect(other.services.processor.activeJobs).toBe(0));
    expect(cutOff.services.live.get(id)).toBeDefined();
    link.isCut = false;
    await eventually(() => expect(cutOff.services.live.get(id)).toBeUndefined());
  });

  it('stops the prompt of a job that its client cancels at once', async () => {
    const { cutOff, id } = await startRunning(30_000);
    link.isCut = true;
    const cancelled = cutOff.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
    await eventually(() => expect(requests('POST /interrupt')).toBe(1));
    expect((await cancelled).status).toBe(200);
    expect(link.refused('renew')).toBe(0);
  });
});
