import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { filesIn } from '../support/AssetSite.js';
import { eventually } from '../support/eventually.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { Stack } from '../support/stack.js';
import { begin, formOf, hashed, hashOfAnswer, send, videoOf } from '../support/videoStreams.js';
import { PASS_VIDEO, WorkflowFiles } from '../support/workflowFiles.js';

/** More than the buffers of the sockets. */
const BYTES = 12 * 1024 * 1024;
const RAW = { 'Content-Type': 'video/mp4' };

describe.runIf(requireRedis())('when Redis goes, a file', () => {
  let redis: RedisServer;
  let directory: string;
  let workflows: WorkflowFiles;
  let stack: Stack;
  const route = (name: string) => `${stack.client.baseUrl}/api/${name}`;
  const stored = () => filesIn(directory);

  beforeAll(async () => {
    workflows = await WorkflowFiles.create(PASS_VIDEO);
  });
  afterAll(() => workflows.delete());
  beforeEach(async () => {
    redis = await RedisServer.start();
    directory = await mkdtemp(path.join(tmpdir(), 'assets-'));
    stack = await Stack.start({
      env: {
        QUEUE: 'redis',
        REDIS_URL: redis.url,
        ASSET_STORE: 'disk',
        ASSET_DIR: directory,
        MAX_FILE_SIZE: String(BYTES),
        // Unused files are checked twice in this time.
        ASSET_TTL: '1000',
        WORKFLOWS_DIR: workflows.directory,
      },
    });
  });
  afterEach(async () => {
    await stack.stop();
    await redis.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it.each(['a form', 'a body'])(
    'that is on its way as %s is refused soon, and leaves nothing',
    async (kind) => {
      const form = formOf('video', [], BYTES);
      const isForm = kind === 'a form';
      const upload = begin(
        route('async/pass-video'),
        isForm ? form.headers : { ...RAW, 'Content-Length': BYTES },
      );
      const answered = once(upload, 'response') as Promise<[IncomingMessage]>;
      if (isForm) upload.write(form.body.next().value);
      const chunks = [...videoOf(BYTES)];
      for (const chunk of chunks.slice(0, chunks.length / 2)) {
        if (!upload.write(chunk)) await once(upload, 'drain');
      }
      await eventually(async () => expect(await stored()).not.toEqual([]));
      await redis.kill();
      const goneAt = performance.now();
      for (const chunk of chunks.slice(chunks.length / 2)) upload.write(chunk);
      if (isForm) upload.write(form.body.next().value);
      upload.end();
      const [response] = await answered;
      expect(response.statusCode).toBe(503);
      expect(response.headers['retry-after']).toBeDefined();
      expect(await response.setEncoding('utf8').reduce((all, part) => all + part, '')).toContain(
        'QUEUE_UNAVAILABLE',
      );
      expect(performance.now() - goneAt).toBeLessThan(15_000);
      await redis.restart();
      await eventually(async () => {
        expect((await fetch(`${stack.client.baseUrl}/status`)).status).toBe(200);
        expect(await stored()).toEqual([]);
      }, 20_000);
      const { status, json } = await send(route('async/pass-video'), RAW, chunks);
      expect(status).toBe(202);
      expect(await stack.client.finished(String(json['job_id']))).toMatchObject({ status: 'completed' });
    },
  );

  it('that a machine made is kept, and the job is completed when it is back', async () => {
    stack.simulator().setWork(1500);
    const hash = createHash('sha256');
    const { json } = await send(route('async/pass-video'), RAW, hashed(videoOf(BYTES), hash));
    const id = String(json['job_id']);
    await eventually(() => expect(stack.simulator().executions).toHaveLength(1));
    await redis.kill();
    // The machine is done by now, and its result is in the store.
    await eventually(async () => expect(await stored()).toHaveLength(2), 20_000);
    await redis.restart();
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(await hashOfAnswer(route(`jobs/${id}/outputs/0`))).toEqual({
      sha256: hash.digest('hex'),
      bytes: BYTES,
    });
    expect(stack.simulator().executions).toHaveLength(1);
  });
});
