import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';
import { Stack } from '../support/stack.js';
import { send, videoOf } from '../support/videoStreams.js';
import { PASS_VIDEO, WorkflowFiles } from '../support/workflowFiles.js';

const TYPE = 'remove-background';
const JOBS = 6;
/** More than one part of an upload. */
const VIDEO_BYTES = 12 * 1024 * 1024;

/** A store that tests take away and give back. */
interface Store {
  readonly env: Readonly<Record<string, string>>;
  setAway(isAway: boolean): Promise<void>;
  stop(): Promise<void>;
}

async function s3Service(): Promise<Store> {
  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
  const s3 = await S3Server.start();
  return {
    env: {
      ASSET_STORE: 's3',
      S3_BUCKET: s3.bucket,
      S3_ENDPOINT: s3.endpoint,
      S3_FORCE_PATH_STYLE: 'true',
    },
    setAway: async (isAway) => {
      s3.isAway = isAway;
    },
    stop: () => s3.stop(),
  };
}

/** A disk in a folder of its own. */
async function disk(setAway: (folder: string, isAway: boolean) => Promise<void>): Promise<Store> {
  const parent = mkdtempSync(path.join(tmpdir(), 'store-outage-'));
  const folder = path.join(parent, 'assets');
  return {
    env: { ASSET_STORE: 'disk', ASSET_DIR: folder },
    setAway: (isAway) => setAway(folder, isAway),
    stop: async () => rmSync(parent, { recursive: true }),
  };
}

const unmountedDisk = () =>
  disk(async (folder, isAway) => {
    const elsewhere = `${folder}-elsewhere`;
    if (isAway === existsSync(folder))
      renameSync(...((isAway ? [folder, elsewhere] : [elsewhere, folder]) as [string, string]));
  });

describe.each([
  { name: 'S3', start: s3Service, reason: /socket|ECONNRESET/i },
  { name: 'a disk that is not mounted', start: unmountedDisk, reason: /ENOENT/ },
])('while the asset store is unavailable: $name', ({ start, reason }) => {
  let workflows: WorkflowFiles;
  let store: Store;
  let log: RecordingLogger;
  let stack: Stack;
  beforeEach(async () => {
    store = await start();
    workflows = await WorkflowFiles.create(PASS_VIDEO);
    log = new RecordingLogger();
    stack = await Stack.start({
      simulators: [{ workMs: { InspyrenetRembg: 100 } }],
      env: {
        ...store.env,
        MAX_JOBS_PER_INSTANCE: '1',
        MAX_FILE_SIZE: String(2 * VIDEO_BYTES),
        WORKFLOWS_DIR: workflows.directory,
      },
      logger: log,
    });
  });
  afterEach(async () => {
    await store.setAway(false);
    await stack.stop();
    await store.stop();
    await workflows.delete();
    vi.unstubAllEnvs();
  });

  const submitAll = async () => {
    const ids: string[] = [];
    for (let n = 0; n < JOBS; n += 1)
      ids.push(await stack.client.submit(TYPE, await png({ colour: colourOf(n) })));
    return ids;
  };
  const statuses = (ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => (await stack.client.status(id)).status));
  const messages = (level: string) =>
    log.lines.flatMap((line) => (line.level === level ? [line.message] : []));
  const isNoticed = () =>
    eventually(() => expect(messages('warn')).toContain('The asset store is unavailable'));

  it('no job fails, and all of them run once when it is back', async () => {
    stack.simulator().faults.hang = true;
    const ids = await submitAll();
    await stack.client.until(ids[0] ?? '', ({ status }) => status === 'processing');
    await store.setAway(true);
    stack.simulator().faults.hang = false;
    await isNoticed();
    // Several checks, and several times what a job takes.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(new Set(await statuses(ids))).not.toContain('failed');
    await store.setAway(false);
    await eventually(
      async () => expect(new Set(await statuses(ids))).toEqual(new Set(['completed'])),
      30_000,
    );
    expect(stack.simulator().executions).toHaveLength(JOBS);
    const aboutStore = log.lines.filter(({ message }) => message.startsWith('The asset store'));
    expect(aboutStore.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn The asset store is unavailable',
      'info The asset store is available again',
    ]);
    expect(aboutStore[0]?.fields).toMatchObject({ error: expect.stringMatching(reason) });
    expect(messages('error')).toEqual([]);
  });

  it('clients are told to come back, and probes that no job is accepted', async () => {
    const id = await stack.client.submit(TYPE, await png());
    await stack.client.finished(id);
    await store.setAway(true);
    const answers = [
      await stack.client.post(`/api/async/${TYPE}`, await png({ colour: colourOf(1) })),
      await stack.client.post(`/api/${TYPE}`, await png({ colour: colourOf(2) })),
      await stack.client.request(`/api/jobs/${id}/result`),
      await stack.client.request(`/api/jobs/${id}/result/image`),
      await stack.client.request('/readyz'),
    ];
    for (const answer of answers) {
      expect([answer.url, answer.status, answer.headers.get('retry-after')]).toEqual([answer.url, 503, '2']);
      expect(await answer.json()).toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    }
    const health = await stack.client.request('/health');
    expect(await health.json()).toMatchObject({ issues: ['The asset store is not available.'] });
    expect((await stack.client.status(id)).status).toBe('completed');
    await store.setAway(false);
    await eventually(async () => expect((await stack.client.request('/readyz')).status).toBe(200));
    expect((await stack.client.request(`/api/jobs/${id}/result/image`)).status).toBe(200);
  });

  it.each(['before its input is sent', 'when its output comes'])(
    'a job with a streamed file waits %s, and is executed once',
    async (moment) => {
      const isFirst = moment.startsWith('before');
      stack.simulator().faults.hang = !isFirst;
      if (isFirst) await stack.services.processor.stop(0, 0);
      const video = [...videoOf(VIDEO_BYTES)];
      const url = `${stack.client.baseUrl}/api/async/pass-video`;
      const id = String((await send(url, { 'Content-Type': 'video/mp4' }, video)).json['job_id']);
      if (!isFirst) await eventually(async () => expect(stack.simulator().executions).toHaveLength(1));
      await store.setAway(true);
      if (isFirst) stack.services.processor.start();
      stack.simulator().faults.hang = false;
      await isNoticed();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect((await stack.client.status(id)).status).toBe(isFirst ? 'pending' : 'processing');
      await store.setAway(false);
      expect((await stack.client.finished(id)).status).toBe('completed');
      expect(stack.simulator().executions).toHaveLength(1);
      const { comfyui_instances } = await stack.client.json('/health', healthAnswer);
      expect(comfyui_instances.instances).toMatchObject([
        { circuit_breaker: { state: 'CLOSED', failures: 0 } },
      ]);
    },
  );
});

/** Lets every write of this process fail like one to a full disk while `isFull` is set. */
async function fullDisk(): Promise<{ isFull: boolean }> {
  const state = { isFull: false };
  const file = await open('/dev/null');
  const prototype = Object.getPrototypeOf(file) as FileHandle;
  await file.close();
  const write = prototype.write as (...args: unknown[]) => Promise<unknown>;
  vi.spyOn(prototype, 'write').mockImplementation(function (this: FileHandle, ...args: unknown[]) {
    if (!state.isFull) return write.apply(this, args);
    const error = new Error('ENOSPC: no space left on device, write');
    return Promise.reject(Object.assign(error, { code: 'ENOSPC', syscall: 'write' }));
  } as never);
  return state;
}

describe('while the disk of the asset store is full', () => {
  afterEach(() => vi.restoreAllMocks());

  it('jobs and uploads wait, results can be read, and nothing is executed twice', async () => {
    const store = await disk(async () => undefined);
    const log = new RecordingLogger();
    const stack = await Stack.start({
      simulators: [{}],
      env: { ...store.env, MAX_JOBS_PER_INSTANCE: '1' },
      logger: log,
    });
    const { client } = stack;
    try {
      const fault = await fullDisk();
      const done = await client.submit(TYPE, await png());
      await client.finished(done);
      stack.simulator().faults.hang = true;
      const ids = [
        await client.submit(TYPE, await png({ colour: colourOf(1) })),
        await client.submit(TYPE, await png({ colour: colourOf(2) })),
      ];
      await client.until(ids[0] ?? '', ({ status }) => status === 'processing');
      fault.isFull = true;
      stack.simulator().faults.hang = false;
      await eventually(async () => expect((await client.request('/readyz')).status).toBe(503));
      const refused = await client.post(`/api/${TYPE}`, await png({ colour: colourOf(3) }));
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
      expect((await client.request(`/api/jobs/${done}/result/image`)).status).toBe(200);
      // Several checks.
      await new Promise((resolve) => setTimeout(resolve, 2500));
      for (const id of ids) expect(['pending', 'processing']).toContain((await client.status(id)).status);
      fault.isFull = false;
      for (const id of ids) expect((await client.finished(id)).status).toBe('completed');
      expect(stack.simulator().executions).toHaveLength(3);
      const aboutStore = log.lines.filter(({ level }) => level !== 'info' && level !== 'debug');
      expect(aboutStore.map(({ message }) => message)).toEqual(['The asset store is unavailable']);
      expect(aboutStore[0]?.fields).toMatchObject({ error: expect.stringContaining('ENOSPC') });
    } finally {
      await stack.stop();
      await store.stop();
    }
  });
});
