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

describe('while the asset store is unavailable', () => {
  let workflows: WorkflowFiles;
  let s3: S3Server;
  let log: RecordingLogger;
  let stack: Stack;
  beforeEach(async () => {
    for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
    s3 = await S3Server.start();
    workflows = await WorkflowFiles.create(PASS_VIDEO);
    log = new RecordingLogger();
    stack = await Stack.start({
      simulators: [{ workMs: { InspyrenetRembg: 100 } }],
      env: {
        ASSET_STORE: 's3',
        S3_BUCKET: s3.bucket,
        S3_ENDPOINT: s3.endpoint,
        S3_FORCE_PATH_STYLE: 'true',
        MAX_JOBS_PER_INSTANCE: '1',
        MAX_FILE_SIZE: String(2 * VIDEO_BYTES),
        WORKFLOWS_DIR: workflows.directory,
      },
      logger: log,
    });
  });
  afterEach(async () => {
    s3.isAway = false;
    await stack.stop();
    await s3.stop();
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
    s3.isAway = true;
    stack.simulator().faults.hang = false;
    await isNoticed();
    // Several checks, and several times what a job takes.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(new Set(await statuses(ids))).not.toContain('failed');
    s3.isAway = false;
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
    expect(aboutStore[0]?.fields).toMatchObject({ error: expect.stringMatching(/socket|ECONNRESET/i) });
    expect(messages('error')).toEqual([]);
  });

  it('clients are told to come back, and probes that no job is accepted', async () => {
    const id = await stack.client.submit(TYPE, await png());
    await stack.client.finished(id);
    s3.isAway = true;
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
    s3.isAway = false;
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
      s3.isAway = true;
      if (isFirst) stack.services.processor.start();
      stack.simulator().faults.hang = false;
      await isNoticed();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect((await stack.client.status(id)).status).toBe(isFirst ? 'pending' : 'processing');
      s3.isAway = false;
      expect((await stack.client.finished(id)).status).toBe('completed');
      expect(stack.simulator().executions).toHaveLength(1);
      const { comfyui_instances } = await stack.client.json('/health', healthAnswer);
      expect(comfyui_instances.instances).toMatchObject([
        { circuit_breaker: { state: 'CLOSED', failures: 0 } },
      ]);
    },
  );
});
