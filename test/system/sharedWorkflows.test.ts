import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { healthAnswer, readyzAnswer } from '../../src/schemas/status.js';
import { workflowAnswer, workflowDeletedAnswer, workflowsAnswer } from '../../src/schemas/workflows.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

const GRAPH = {
  '1': { class_type: 'LoadImage', inputs: { image: 'example.png' } },
  '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'inverted' } },
};
const manifest = (title: string) => ({
  title,
  inputs: { image: { node: '1', field: 'image', kind: 'image' } },
  outputs: { image: { node: '3' } },
});

describe.runIf(requireRedis())('a workflow that is put with QUEUE=redis', () => {
  let site: RedisSite;
  const folders: WorkflowFiles[] = [];
  beforeEach(async () => {
    site = await RedisSite.open();
  });
  afterEach(async () => {
    await site.close();
    await Promise.all(folders.splice(0).map((folder) => folder.delete()));
  });

  /** Starts a server with its own folder. */
  const start = async (files: Readonly<Record<string, string>> = {}) => {
    const folder = await WorkflowFiles.create(files);
    folders.push(folder);
    return site.start({ env: { WORKFLOWS_DIR: folder.directory } });
  };
  const sent = (title: string) => ({
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ graph: GRAPH, manifest: manifest(title) }),
  });
  const put = async ({ client }: Stack, type: string, title: string, status = 201) => {
    const answer = await client.json(`/api/workflows/${type}`, workflowAnswer, { ...sent(title), status });
    expect(answer).toMatchObject({ type, title });
    // On a busy computer the machine may be unhealthy for a moment.
    await eventually(async () => {
      const { instances } = await client.json(`/api/workflows/${type}`, workflowAnswer);
      expect(instances).toMatchObject([{ can_run: true }]);
    });
  };
  const remove = ({ client }: Stack, type: string) =>
    client.json(`/api/workflows/${type}`, workflowDeletedAnswer, { method: 'DELETE' });
  const titleOn = async ({ client }: Stack, type: string) => {
    const { workflows } = await client.json('/api/workflows', workflowsAnswer);
    return workflows.find((workflow) => workflow.type === type)?.title;
  };
  const expectTitle = (title: string | undefined, type: string, ...stacks: Stack[]) =>
    eventually(async () => {
      for (const stack of stacks) expect(await titleOn(stack, type)).toBe(title);
    });
  const submit = async ({ client }: Stack, type: string, n: number) => {
    const picture = await png({ colour: colourOf(n) });
    const response = await client.post(`/api/async/${type}`, picture, { field: 'image' });
    return asyncAnswer.parse(await response.json()).job_id;
  };
  const expectInverted = async ({ client }: Stack, id: string, n: number) => {
    expect((await client.finished(id)).status).toBe('completed');
    const { r, g, b } = colourOf(n);
    const inverted = { r: 255 - r, g: 255 - g, b: 255 - b };
    expect(distance(await middle(await client.resultImage(id)), inverted)).toBeLessThan(8);
  };

  it('is on all servers, also on one that starts later, and so are its jobs', async () => {
    const [a, b] = [await start(), await start()];
    await put(a, 'my-flow', 'One');
    expect(await titleOn(a, 'my-flow')).toBe('One');
    await expectTitle('One', 'my-flow', b);
    const later = await start();
    expect(await titleOn(later, 'my-flow')).toBe('One');
    const full = await later.client.json('/api/workflows/my-flow', workflowAnswer);
    expect(full).toMatchObject({ graph: GRAPH, manifest: manifest('One'), is_built_in: false });
    const stacks = [a, b, later];
    const ids = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => submit(stacks[n % 3] ?? a, 'my-flow', n)));
    for (const [n, id] of ids.entries()) await expectInverted(stacks[(n + 1) % 3] ?? a, id, n);
  });

  it('is replaced and deleted on all servers, while its jobs go on', async () => {
    const [a, b] = [await start(), await start()];
    await put(a, 'my-flow', 'One');
    await expectTitle('One', 'my-flow', b);
    await put(b, 'my-flow', 'Two', 200);
    expect(await titleOn(b, 'my-flow')).toBe('Two');
    await expectTitle('Two', 'my-flow', a);
    site.simulator.setWork(1500);
    const id = await submit(a, 'my-flow', 1);
    await a.client.until(id, ({ status }) => status === 'processing');
    const waiting = await submit(b, 'my-flow', 2);
    await remove(b, 'my-flow');
    expect(await titleOn(b, 'my-flow')).toBeUndefined();
    await expectTitle(undefined, 'my-flow', a);
    await a.client.error('/api/my-flow', 404, { method: 'POST' });
    await a.client.error('/api/workflows/my-flow', 404, { method: 'DELETE' });
    site.simulator.setWork(0);
    await expectInverted(b, id, 1);
    await expectInverted(a, waiting, 2);
  });

  it('counts before a server’s own file of the same name, which counts again when it is deleted', async () => {
    const files = {
      'own.json': JSON.stringify(GRAPH),
      'own.yaml': JSON.stringify(manifest('From a file')),
    };
    const [a, b] = [await start(files), await start()];
    expect([await titleOn(a, 'own'), await titleOn(b, 'own')]).toEqual(['From a file', undefined]);
    await expectInverted(b, await submit(a, 'own', 1), 1);
    await put(b, 'own', 'Put');
    await expectTitle('Put', 'own', a, b);
    await put(a, 'own', 'Put again', 200);
    await expectTitle('Put again', 'own', a, b);
    await remove(a, 'own');
    expect(await titleOn(a, 'own')).toBe('From a file');
    await expectTitle(undefined, 'own', b);
    const refused = await a.client.error('/api/workflows/own', 403, { method: 'DELETE' });
    expect(refused.code).toBe('FORBIDDEN');
    expect(await titleOn(a, 'own')).toBe('From a file');
  });

  it('outlives an outage of Redis, in which none can be put', async () => {
    const [a, b] = [await start(), await start()];
    await put(a, 'my-flow', 'One');
    await expectTitle('One', 'my-flow', b);
    await site.redis.kill();
    const refused = await a.client.error('/api/workflows/other', 503, sent('Other'));
    expect(refused.code).toBe('QUEUE_UNAVAILABLE');
    await b.client.error('/api/workflows/my-flow', 503, { method: 'DELETE' });
    expect([await titleOn(a, 'my-flow'), await titleOn(b, 'my-flow')]).toEqual(['One', 'One']);
    await site.redis.restart();
    for (const { client } of [a, b])
      await eventually(async () => void (await client.json('/readyz', readyzAnswer)));
    await put(b, 'other', 'Other');
    await expectTitle('Other', 'other', a);
    await expectTitle('One', 'my-flow', a, b, await start());
  });

  it('that cannot be read is told of, and the last good one stays', async () => {
    const a = await start();
    await put(a, 'my-flow', 'One');
    const client = new Redis(site.redis.port);
    const damage = async (type: string) => {
      await client.hset(`{${site.prefix}}:workflow-texts`, type, '{"from":"the future"}');
      await client.hset(`{${site.prefix}}:workflow-versions`, type, 'another');
    };
    await damage('my-flow');
    await damage('upscale-image');
    client.disconnect();
    await eventually(async () => {
      const { issues } = await a.client.json('/health', healthAnswer);
      expect(issues).toEqual([
        expect.stringMatching(/^Workflow file my-flow in Redis is invalid: /),
        expect.stringMatching(/^Workflow file upscale-image in Redis is invalid: .* built in/),
      ]);
    });
    await expectInverted(a, await submit(a, 'my-flow', 1), 1);
    await put(a, 'my-flow', 'Two', 200);
    expect((await a.client.json('/health', healthAnswer)).issues).toHaveLength(1);
  });

  it('is named in /health if another version of the server stored one whose result is only sent', async () => {
    const a = await start();
    const client = new Redis(site.redis.port);
    const graph = { ...GRAPH, '3': { class_type: 'SaveImageWebsocket', inputs: { images: ['2', 0] } } };
    const text = JSON.stringify({ type: 'sent', graph, manifest: manifest('Sent') });
    await client.hset(`{${site.prefix}}:workflow-texts`, 'sent', text);
    await client.hset(`{${site.prefix}}:workflow-versions`, 'sent', 'one');
    client.disconnect();
    await eventually(async () => {
      const { issues } = await a.client.json('/health', healthAnswer);
      expect(issues).toEqual([
        expect.stringMatching(/^Workflow file sent in Redis is invalid: Jobs would have no result: node "3"/),
      ]);
    });
    expect(await titleOn(a, 'sent')).toBeUndefined();
  });
});
