import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { GENERAL_ERROR_STATUSES } from '../../src/routes/openApiErrors.js';
import { png } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import { wav } from '../support/sounds.js';
import { Stack } from '../support/stack.js';
import { userGraph } from '../support/userGraphs.js';
import { videoOf } from '../support/videoStreams.js';
import { PASS_VIDEO, WorkflowFiles } from '../support/workflowFiles.js';

const openApi = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        responses: z.record(
          z.string(),
          z.object({ content: z.record(z.string(), z.unknown()).optional(), $ref: z.string().optional() }),
        ),
      }),
    ),
  ),
  components: z.object({ responses: z.object({ GeneralError: z.object({ description: z.string() }) }) }),
});

const documentOf = ({ client }: Stack) => client.json('/openapi.json', openApi);

describe('the OpenAPI document of a server with workflows of all kinds', () => {
  const PASS_AUDIO = JSON.stringify({
    '1': { class_type: 'LoadAudio', inputs: { audio: 'a.wav' } },
    '2': { class_type: 'SaveAudio', inputs: { audio: ['1', 0], filename_prefix: 'audio/a' } },
  });
  const SAVE_LATENT = JSON.stringify({
    '1': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
    '2': { class_type: 'SaveLatent', inputs: { samples: ['1', 0], filename_prefix: 'latents/a' } },
  });
  let files: WorkflowFiles;
  let stack: Stack;
  beforeEach(async () => {
    files = await WorkflowFiles.create({
      ...PASS_VIDEO,
      'caption.json': userGraph('caption'),
      'pass-audio.json': PASS_AUDIO,
      'save-latent.json': SAVE_LATENT,
      'expanding.json': userGraph('expanding'),
    });
    stack = await Stack.start({ env: { WORKFLOWS_DIR: files.directory } });
  });
  afterEach(async () => {
    await stack.stop();
    await files.delete();
  });

  type Kind = [type: string, input: string, mimeType: string, content: () => Promise<Buffer> | Buffer];
  it.each<Kind>([
    ['pass-video', 'video', 'video/mp4', () => Buffer.concat([...videoOf(10_000)])],
    ['caption', 'image', 'text/plain', () => png()],
    ['pass-audio', 'audio', 'audio/flac', () => wav([0, 1000, -1000])],
    ['save-latent', '', 'application/octet-stream', () => Buffer.of()],
    ['expanding', 'negative', 'image/png', () => png()],
    ['remove-background', 'imageFile', 'image/webp', () => png()],
  ])('has the type of the bytes of %s', async (type, input, mimeType, content) => {
    const { paths } = await documentOf(stack);
    const submit = async (path: string, headers: Record<string, string>): Promise<Response> => {
      const body = new FormData();
      if (input) body.set(input, new Blob([new Uint8Array(await content())]), 'file');
      else body.set('async', 'false');
      return stack.client.request(path, { method: 'POST', body, headers });
    };
    const accept = { Accept: mimeType };
    const done = await submit(`/api/${type}`, accept);
    const id = done.headers.get('X-Job-ID');
    const sent = {
      [`post /api/${type}`]: done,
      [`post /api/async/${type}`]: await submit(`/api/async/${type}`, { ...accept, Prefer: 'wait=20' }),
      'get /api/jobs/{id}/result': await stack.client.request(`/api/jobs/${id}/result`, { headers: accept }),
      'get /api/jobs/{id}/result/image': await stack.client.request(`/api/jobs/${id}/result/image`),
    };
    for (const [operation, response] of Object.entries(sent)) {
      await response.arrayBuffer();
      const [method = '', path = ''] = operation.split(' ');
      const sentType = response.headers.get('Content-Type')?.split(';')[0];
      expect([operation, response.status, sentType]).toEqual([operation, 200, mimeType]);
      const described = Object.keys(paths[path]?.[method]?.responses['200']?.content ?? {});
      const isDescribed = described.includes(mimeType) || described.includes('*/*');
      expect([operation, described, isDescribed]).toEqual([operation, described, true]);
    }
  });
});

describe.runIf(requireRedis())('the OpenAPI document of a server whose Redis is away', () => {
  let site: RedisSite;
  beforeEach(async () => {
    site = await RedisSite.open();
  });
  afterEach(() => site.close());

  it('has the status of every request that only reads', async () => {
    const stack = await site.start();
    const { paths, components } = await documentOf(stack);
    expect(components.responses.GeneralError.description).toMatch(/; 503 QUEUE_UNAVAILABLE\.$/);
    await site.redis.kill();
    const statuses = new Map<string, number>();
    for (const [path, { get }] of Object.entries(paths)) {
      // Streams end only with their client.
      if (!get || path === '/api/events') continue;
      const url = path.replace('{id}', '4c1d4a5e-0000-4000-8000-000000000001').replace(/\{\w+\}/g, '0');
      const response = await stack.client.request(url);
      await response.arrayBuffer();
      statuses.set(path, response.status);
      const described = get.responses[response.status] ?? GENERAL_ERROR_STATUSES.includes(response.status);
      expect([path, response.status, Boolean(described)]).toEqual([path, response.status, true]);
    }
    expect(statuses.get('/api/jobs/{id}/status')).toBe(503);
    await site.redis.restart();
  });
});
