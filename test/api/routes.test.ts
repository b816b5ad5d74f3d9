import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { createApp } from '../../src/app.js';
import { errorAnswer } from '../../src/schemas/common.js';
import {
  asyncAnswer,
  cleanupAnswer,
  deletedAnswer,
  jobListAnswer,
  jobRecord,
  jobResultAnswer,
  jobStatsAnswer,
  jobStatusAnswer,
  processorStatsAnswer,
  syncAnswer,
} from '../../src/schemas/jobs.js';
import { healthAnswer, statusAnswer } from '../../src/schemas/status.js';
import { expectConforming } from '../support/conformance.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let app: ReturnType<typeof createApp>;
let picture: Buffer;

beforeAll(async () => {
  stack = await Stack.start({
    simulators: [{ workMs: { InspyrenetRembg: 20, ImageUpscaleWithModel: 20 } }],
    env: { MAX_CONCURRENT_JOBS: '1' },
  });
  app = createApp(stack.services, stack.config);
  picture = await png({ colour: colourOf(100) });
});
afterAll(() => stack.stop());

async function get<T extends z.ZodType>(path: string, schema: T, status = 200): Promise<z.output<T>> {
  const response = await request(app).get(path);
  expect(response.status, response.text).toBe(status);
  expectConforming(path, status, response.body);
  return schema.parse(response.body);
}

async function completed(): Promise<string> {
  return (await stack.client.process('remove-background', picture)).body.job_id;
}

// A new image each time: ComfyUI takes results of known images from its cache.
let hangs = 70;

/** Makes the running job hang while its states are checked. */
async function whileHanging(work: (running: string) => Promise<void>): Promise<void> {
  stack.simulator().faults.hang = true;
  const running = await stack.client.submit('upscale-image', await png({ colour: colourOf(hangs++) }));
  try {
    await stack.client.until(running, (status) => 'current_node' in status);
    await work(running);
  } finally {
    stack.simulator().faults.hang = false;
    await stack.client.finished(running);
  }
}

describe('processing routes', () => {
  it('answer a synchronous request with the result in JSON', async () => {
    const response = await request(app).post('/api/remove-background').attach('imageFile', picture, 'a.png');
    expect(response.status).toBe(200);
    const body = syncAnswer.parse(response.body);
    expect(body.comfyui_instance).toBe(stack.simulator().host);
    expect(body.result.upscale_factor).toBeUndefined();
  });

  it('answer with the bytes where an image is accepted', async () => {
    const response = await request(app)
      .post('/api/upscale-image')
      .set('Accept', 'image/*')
      .attach('imageFile', picture, 'a.png');
    expect(response.status).toBe(200);
    const headers = response.headers;
    expect(headers['content-type']).toBe('image/png');
    expect(headers['content-length']).toBe(String(response.body.length));
    expect(headers['x-comfyui-instance']).toBe(stack.simulator().host);
    expect(Number(headers['x-processing-time-ms'])).toBeGreaterThanOrEqual(0);
    const record = await get(`/api/jobs/${headers['x-job-id']}/info`, jobRecord);
    expect(headers['x-prompt-id']).toBe(record.promptId);
  });

  it.each([
    ['async', 'true'],
    ['mode', 'async'],
  ])('accept a job where %s is %s, in the form or in the query', async (name, value) => {
    const form = await request(app)
      .post('/api/upscale-image')
      .field(name, value)
      .attach('imageFile', picture, 'a.png');
    const query = await request(app)
      .post(`/api/upscale-image?${name}=${value}`)
      .attach('imageFile', picture, 'a.png');
    for (const response of [form, query]) {
      expect(response.status).toBe(202);
      const body = asyncAnswer.parse(response.body);
      expect(response.headers['location']).toBe(body.status_url);
      await stack.client.finished(body.job_id);
    }
  });

  it('let the form win over the query', async () => {
    const response = await request(app)
      .post('/api/upscale-image?async=true&scale=2')
      .field('async', 'false')
      .field('scale', '3')
      .attach('imageFile', picture, 'a.png');
    expect(syncAnswer.parse(response.body).result.upscale_factor).toBe('3x');
  });

  it('say where a job is in the queue and how long it may take', async () => {
    await whileHanging(async () => {
      const first = asyncAnswer.parse(
        (await request(app).post('/api/async/remove-background').attach('imageFile', picture, 'a.png')).body,
      );
      const second = asyncAnswer.parse(
        (await request(app).post('/api/async/remove-background').attach('imageFile', picture, 'a.png')).body,
      );
      expect([first.queue_position, second.queue_position]).toEqual([1, 2]);
      expect(second.estimated_completion_time_seconds).toBeGreaterThan(
        first.estimated_completion_time_seconds,
      );
      const status = await get(second.status_url, jobStatusAnswer);
      expect(status).toMatchObject({
        status: 'pending',
        queue_position: 2,
        comfyui_instance: null,
        attempts: 0,
      });
      for (const { cancel_url } of [first, second]) await request(app).post(cancel_url);
    });
  });
});

describe('job routes', () => {
  it('show a job in every state', async () => {
    await whileHanging(async (running) => {
      const status = await get(`/api/jobs/${running}/status`, jobStatusAnswer);
      expect(status).toMatchObject({
        status: 'processing',
        type: 'upscale-image',
        comfyui_instance: stack.simulator().host,
        attempts: 1,
      });
      expect(status).toHaveProperty('estimated_remaining_time_seconds');
      expect(await get(`/api/jobs/${running}/info`, jobRecord)).toMatchObject({ status: 'processing' });
      const early = await get(`/api/jobs/${running}/result`, errorAnswer, 409);
      expect(early).toMatchObject({
        code: 'JOB_NOT_COMPLETED',
        status: 'processing',
        message: expect.any(String),
        status_url: `/api/jobs/${running}/status`,
      });
      await get(`/api/jobs/${running}/result/image`, errorAnswer, 409);
    });
    const id = await completed();
    const status = await get(`/api/jobs/${id}/status`, jobStatusAnswer);
    expect(status).toMatchObject({
      status: 'completed',
      progress_percentage: 100,
      result_url: `/api/jobs/${id}/result`,
    });
    const record = await get(`/api/jobs/${id}/info`, jobRecord);
    expect(record).toMatchObject({
      status: 'completed',
      data: {
        mimeType: 'image/png',
        imageSize: picture.length,
        width: 48,
        height: 32,
        format: 'PNG',
        crop: false,
      },
      result: { mimeType: 'image/png', width: 48, height: 32 },
    });
    const result = await get(`/api/jobs/${id}/result`, jobResultAnswer);
    expect(result.result).toMatchObject({ prompt_id: record.promptId });
    expect(result.processing_time_seconds).toBe(status.processing_time_seconds);
  });

  it('show what failed and what was cancelled', async () => {
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
    const failing = await stack.client.submit('remove-background', await png({ colour: colourOf(hangs++) }));
    await stack.client.finished(failing);
    stack.simulator().faults.failNodes.clear();
    expect(await get(`/api/jobs/${failing}/info`, jobRecord)).toMatchObject({
      status: 'failed',
      error: 'InspyrenetRembg (node 2) failed: boom',
      errorCode: 'WORKFLOW_FAILED',
      failedTime: expect.any(Number),
    });
    expect(await get(`/api/jobs/${failing}/result`, errorAnswer, 409)).toMatchObject({ status: 'failed' });
    await whileHanging(async (running) => {
      const waiting = await stack.client.submit('remove-background', picture);
      for (const id of [waiting, running]) {
        const response = await request(app).post(`/api/jobs/${id}/cancel`);
        expect(jobStatusAnswer.parse(response.body).status).toBe('cancelled');
        const record = await get(`/api/jobs/${id}/info`, jobRecord);
        expect(record).toMatchObject({ status: 'cancelled', cancelledTime: expect.any(Number) });
        expect('processingDuration' in record).toBe(id === running);
        expect(await get(`/api/jobs/${id}/result`, errorAnswer, 409)).toMatchObject({ status: 'cancelled' });
      }
    });
  });

  it('give a result as an image with an entity tag', async () => {
    const id = await completed();
    const first = await request(app).get(`/api/jobs/${id}/result/image`);
    expect(first.status).toBe(200);
    expect(first.headers['content-disposition']).toBe(`inline; filename="remove-background-${id}.png"`);
    const again = await request(app)
      .get(`/api/jobs/${id}/result/image`)
      .set('If-None-Match', String(first.headers['etag']));
    expect(again.status).toBe(304);
    const accepted = await request(app).get(`/api/jobs/${id}/result`).set('Accept', 'image/png');
    expect(accepted.body.equals(first.body)).toBe(true);
    const head = await request(app).head(`/api/jobs/${id}/result/image`);
    expect([head.status, head.headers['content-length']]).toEqual([200, String(first.body.length)]);
  });

  it('list jobs, newest first, by filters that combine and page by page', async () => {
    const ids = [await completed(), await completed(), await completed()].reverse();
    const all = await get('/api/jobs/list', jobListAnswer);
    expect(all).toMatchObject({ limit: 100, offset: 0 });
    expect(all.total).toBe(all.jobs.length);
    expect(all.jobs.slice(0, 3).map(({ id }) => id)).toEqual(ids);
    const page = await get('/api/jobs/list?limit=1&offset=1', jobListAnswer);
    expect(page.jobs.map(({ id }) => id)).toEqual([ids[1]]);
    expect(page.total).toBe(all.total);
    const host = stack.simulator().host;
    const filtered = await get(
      `/api/jobs/list?status=completed&type=remove-background&instance=${host}`,
      jobListAnswer,
    );
    expect(
      filtered.jobs.every(({ type, status }) => type === 'remove-background' && status === 'completed'),
    ).toBe(true);
    expect(filtered.total).toBeGreaterThanOrEqual(3);
    expect((await get('/api/jobs/list?instance=elsewhere:1', jobListAnswer)).total).toBe(0);
    expect((await get('/api/jobs/list?offset=100000', jobListAnswer)).jobs).toEqual([]);
    expect(JSON.stringify(all)).not.toContain('base64');
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'offset=-1',
    'status=done',
    'limit=1&limit=2',
    'type=a&type=b',
  ])('refuse to list by %s', async (query) => {
    expect((await get(`/api/jobs/list?${query}`, errorAnswer, 400)).code).toBe('INVALID_PARAMETER');
  });

  it('delete a job, and know it no more', async () => {
    const id = await completed();
    const deleted = await request(app).delete(`/api/jobs/${id}`);
    expect(deletedAnswer.parse(deleted.body)).toMatchObject({ job_id: id });
    for (const path of ['status', 'result', 'result/image', 'info']) {
      expect((await get(`/api/jobs/${id}/${path}`, errorAnswer, 404)).code).toBe('JOB_NOT_FOUND');
    }
    expect((await request(app).delete(`/api/jobs/${id}`)).status).toBe(404);
  });

  it('count jobs and show the processor', async () => {
    const stats = await get('/api/jobs/stats', jobStatsAnswer);
    expect(Object.values(stats.byStatus).reduce((a, b) => a + b)).toBe(stats.total);
    expect(stats.byType['remove-background']).toBeGreaterThan(0);
    await whileHanging(async () => {
      expect(await get('/api/jobs/processor/stats', processorStatsAnswer)).toEqual({
        isRunning: true,
        activeJobs: 1,
        pendingJobs: 0,
        maxConcurrentJobs: 1,
        maxJobsPerInstance: 2,
        processingInterval: 1000,
        instanceJobCounts: { [stack.simulator().host]: 1 },
      });
    });
  });

  it('clean up only what has expired', async () => {
    const id = await completed();
    const response = await request(app).post('/api/jobs/cleanup');
    expect(cleanupAnswer.parse(response.body).cleanedCount).toBe(0);
    await get(`/api/jobs/${id}/status`, jobStatusAnswer);
  });
});

describe('status routes', () => {
  it('give the names that clients already use', async () => {
    await completed();
    const health = await get('/health', healthAnswer);
    expect(health.status).toBe('healthy');
    expect(health.uptime.total_uptime_hours).toBeGreaterThanOrEqual(0);
    expect(health.comfyui_instances).toMatchObject({ total: 1, healthy: 1, unhealthy: 0 });
    expect(health.job_processing).toMatchObject({ processor_running: true, active_jobs: 0 });
    expect(health.performance.success_rate).toMatch(/^\d+\.\d\d%$/);
    expect(await get('/status', statusAnswer)).toMatchObject({ status: 'healthy', healthy_instances: 1 });
  });
});

describe('any other request', () => {
  it.each([
    ['PUT', '/status', 'GET, HEAD'],
    ['DELETE', '/health', 'GET, HEAD'],
    ['GET', '/api/remove-background', 'POST'],
    ['GET', '/api/async/upscale-image', 'POST'],
    ['POST', '/api/jobs/list', 'GET, HEAD'],
    ['GET', '/api/jobs/x/cancel', 'POST'],
    ['GET', '/api/jobs/x', 'DELETE'],
    ['PATCH', '/api/jobs/x/status', 'GET, HEAD'],
  ])('%s %s is a 405 that says what is allowed', async (method, path, allow) => {
    const response = await stack.client.request(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')).toBe(allow);
    expect(errorAnswer.parse(await response.json()).code).toBe('METHOD_NOT_ALLOWED');
  });

  it.each(['/index.html', '/api', '/api/jobs', '/api/jobs/a/b/c/d', '/nothing?x=1'])(
    'GET %s is a 404 in JSON',
    async (path) => {
      expect((await get(path, errorAnswer, 404)).code).toBe('NOT_FOUND');
    },
  );

  it('to a workflow that does not exist names the nearest one', async () => {
    for (const path of ['/api/remove-backround', '/api/async/remove-backround']) {
      const { code, error } = await stack.client.error(path, 404, { method: 'POST' });
      expect([code, error]).toEqual([
        'NOT_FOUND',
        `There is no endpoint POST ${path}. There is no workflow "remove-backround". The nearest name is "remove-background".`,
      ]);
    }
    expect(await get('/api/workflows/upscal-image', errorAnswer, 404)).toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
      error: 'There is no workflow "upscal-image". The nearest name is "upscale-image".',
    });
  });

  it('with a path that is no valid encoding is a 400 in JSON', async () => {
    expect((await get('/api/jobs/%E0%A4%A/status', errorAnswer, 400)).code).toBe('INVALID_PARAMETER');
  });

  it('keeps a sane request id and replaces any other', async () => {
    const kept = await request(app).get('/status').set('X-Request-ID', 'my-id.42');
    expect(kept.headers['x-request-id']).toBe('my-id.42');
    for (const bad of ['a b', '<script>', 'x'.repeat(200), '']) {
      const replaced = await request(app).get('/nothing').set('X-Request-ID', bad);
      expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
      expect(replaced.body.requestId).toBe(replaced.headers['x-request-id']);
    }
    const submitted = await request(app)
      .post('/api/async/upscale-image')
      .set('X-Request-ID', 'job-7')
      .attach('imageFile', picture, 'a.png');
    const { requestId } = await get(`/api/jobs/${submitted.body.job_id}/info`, jobRecord);
    expect(requestId).toBe('job-7');
    await stack.client.finished(submitted.body.job_id);
  });

  it('tells nothing of the server it runs on', async () => {
    const response = await request(app).get('/status');
    expect(response.headers['x-powered-by']).toBeUndefined();
  });
});

describe('a file name', () => {
  it.each([
    ['../../etc/passwd.png', 'passwd.png'],
    ['C:\\Users\\me\\photo.png', 'photo.png'],
    ['fünf äpfel 🍎.png', 'fünf äpfel 🍎.png'],
  ])('%s is kept as %s', async (filename, kept) => {
    const response = await stack.client.post('/api/async/upscale-image', picture, { filename });
    const { job_id } = asyncAnswer.parse(await response.json());
    expect((await get(`/api/jobs/${job_id}/info`, jobRecord)).data.originalFilename).toBe(kept);
    await stack.client.finished(job_id);
  });

  it('of 10,000 characters is cut', async () => {
    const response = await stack.client.post('/api/async/upscale-image', picture, {
      filename: `${'x'.repeat(10_000)}.png`,
    });
    const { job_id } = asyncAnswer.parse(await response.json());
    expect((await get(`/api/jobs/${job_id}/info`, jobRecord)).data.originalFilename).toHaveLength(200);
    await stack.client.finished(job_id);
  });
});
