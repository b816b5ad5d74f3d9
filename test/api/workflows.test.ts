import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anySyncAnswer } from '../../src/schemas/jobs.js';
import { workflowAnswer, workflowDeletedAnswer } from '../../src/schemas/workflows.js';
import { Stack } from '../support/stack.js';

/** A graph with a seed beyond JavaScript's number range, and a secret field. */
const GRAPH = `{
  "20": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["10", 0]}},
  "10": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
  "3": {"class_type": "KSampler", "inputs": {"seed": 18446744073709551615, "steps": 4, "cfg": 7.0, "sampler_name": "euler",
    "scheduler": "normal", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
  "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "CHECKPOINT"}},
  "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
  "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["4", 1]}},
  "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1], "api_key": "sk-not-to-be-shown"}}
}`;

const ADMIN = 'admin-key-of-sixteen';
const SUBMIT = 'submit-key-of-sixteen';

let folder: string;
let stack: Stack;
let graph: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'workflows-'));
  stack = await Stack.start({
    env: { WORKFLOWS_DIR: folder, API_KEYS: `ops:admin:${ADMIN},shop:${SUBMIT}` },
  });
  const answer = await fetch(`http://${stack.simulator().host}/models/checkpoints`);
  const [checkpoint = ''] = (await answer.json()) as string[];
  graph = GRAPH.replace('CHECKPOINT', checkpoint);
});
afterEach(() => stack.stop());

const api = (method: 'get' | 'put' | 'delete' | 'post', url: string, key = ADMIN) =>
  request(stack.server)[method](url).set('X-API-Key', key);
const put = (type: string, body: string) =>
  api('put', `/api/workflows/${type}`).set('Content-Type', 'application/json').send(body);

describe('a workflow that is put', () => {
  it('is kept in the folder, can be run at once, and is shown with its graph', async () => {
    const created = await put('my-flow', `{"graph": ${graph}}`);
    expect([created.status, created.body.code]).toEqual([201, undefined]);
    workflowAnswer.parse(created.body);
    expect((await readdir(folder)).sort()).toEqual(['my-flow.json']);
    const job = await api('post', '/api/my-flow', SUBMIT).send({ inputs: { prompt: 'a dog' } });
    expect([job.status, job.body.outputs?.length, typeof job.body.seed]).toEqual([200, 1, 'number']);
    const shown = await api('get', '/api/workflows/my-flow');
    expect(shown.text).toContain('"seed":18446744073709551615');
    expect(shown.text).toMatch(/"graph":\{"20":.*"10":.*"3":/s);
    expect(shown.text).not.toContain('sk-not-to-be-shown');
    expect(shown.body.inputs.map(({ name, kind }: never) => [name, kind])).toEqual(
      expect.arrayContaining([
        ['prompt', 'text'],
        ['negative_prompt', 'text'],
        ['seed', 'seed'],
        ['steps', 'integer'],
      ]),
    );
    expect(shown.body.outputs).toEqual([{ name: 'image', node_id: '20' }]);
    const { paths } = (await api('get', '/openapi.json')).body;
    expect(paths).toHaveProperty(['/api/my-flow', 'post']);
  });

  it('replaces the one before it, and takes a manifest', async () => {
    await put('my-flow', `{"graph": ${graph}}`);
    const manifest = {
      title: 'Cats',
      inputs: { what: { node: '6', field: 'text', kind: 'text', max_length: 5, required: true } },
      outputs: { picture: { node: '20' } },
    };
    const replaced = await put('my-flow', `{"graph": ${graph}, "manifest": ${JSON.stringify(manifest)}}`);
    expect([replaced.status, replaced.body.title, replaced.body.manifest]).toEqual([
      200,
      'Cats',
      expect.objectContaining({ outputs: manifest.outputs }),
    ]);
    expect((await readdir(folder)).sort()).toEqual(['my-flow.json', 'my-flow.yaml']);
    const refused = await api('post', '/api/my-flow').send({ inputs: { what: 'too long' } });
    expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_PARAMETER']);
  });

  it('gets a seed for each input that has a range of its own, and tells them all', async () => {
    const manifest = {
      inputs: {
        seed: { node: '3', field: 'seed', kind: 'seed', maximum: 9 },
        steps: { node: '3', field: 'steps', kind: 'seed', minimum: 20, maximum: 29 },
      },
      outputs: { image: { node: '20' } },
    };
    await put('my-flow', `{"graph": ${graph}, "manifest": ${JSON.stringify(manifest)}}`);
    const run = async (inputs: object) => {
      const { body } = await api('post', '/api/my-flow', SUBMIT).send({ inputs });
      const { seed, seeds, outputs } = anySyncAnswer.parse(body);
      const [{ url = '' } = {}] = outputs;
      const picture = await api('get', url, SUBMIT);
      const status = await api('get', `/api/jobs/${body.job_id}/status`, SUBMIT);
      expect([status.body.seed, status.body.seeds]).toEqual([seed, seeds]);
      return { seed, seeds, picture: picture.body };
    };
    const first = await run({});
    expect(Object.keys(first.seeds ?? {})).toEqual(['seed', 'steps']);
    expect(first.seeds?.['seed']).toBe(first.seed);
    expect(Math.floor(Number(first.seeds?.['seed']) / 10)).toBe(0);
    expect(Math.floor(Number(first.seeds?.['steps']) / 10)).toBe(2);
    const again = await run({ ...first.seeds });
    expect([again.seed, again.seeds]).toEqual([undefined, undefined]);
    expect(again.picture).toEqual(first.picture);
    const one = await run({ steps: 25 });
    expect([typeof one.seed, one.seeds]).toEqual(['number', undefined]);
  });

  it.each(['{{x}}', '%seed%', '%width%', null])('demands numbers for %j, but not a seed', async (open) => {
    const number = JSON.stringify(open);
    const opened = graph
      .replace(/"seed": \d+/, `"seed": ${number}`)
      .replace('"steps": 4', `"steps": ${number}`)
      .replace('"width": 64', `"width": ${number}`);
    const { status, body } = await put('my-flow', `{"graph": ${opened}}`);
    const required = body.inputs.filter((input: { required: boolean }) => input.required);
    expect([status, required.map(({ name }: never) => name)]).toEqual([201, ['steps', 'width']]);
    const refused = await api('post', '/api/my-flow', SUBMIT).send({ inputs: { steps: 4 } });
    expect([refused.status, refused.body.error]).toEqual([400, expect.stringContaining('width is required')]);
    const run = (inputs: object) => api('post', '/api/my-flow', SUBMIT).send({ inputs });
    const random = await run({ steps: 4, width: 64 });
    expect([random.status, typeof random.body.seed]).toEqual([200, 'number']);
    const fixed = await run({ steps: 4, width: 64, seed: 7 });
    expect([fixed.status, fixed.body.warnings, fixed.body.seed]).toEqual([200, undefined, undefined]);
  });

  it.each([
    ['without a manifest', ''],
    ['with a manifest that matches', ', "manifest": {"outputs": {"image": {"node": "20"}}}'],
  ])('is refused %s if a node is missing, and the message blames the graph', async (_what, manifest) => {
    const incomplete = graph.replace('"vae": ["4", 2]', '"vae": ["44", 2]');
    const { status, body } = await put('my-flow', `{"graph": ${incomplete}${manifest}}`);
    const message = 'gets its input "vae" from node "44", which is not in the graph';
    expect([status, body.error]).toEqual([422, `The graph is not complete: node "10" ${message}.`]);
    expect(body.details.nodes).toEqual([{ node_id: '10', class_type: 'VAEDecode', message }]);
  });

  const socketGraph = (sender: string, others = '') =>
    graph.replace('"SaveImage"', JSON.stringify(sender)).replace(/}\s*$/, `${others}}`);
  const SENDERS = ['SaveImageWebsocket', 'ETN_SendImageWebSocket', 'SwarmSaveImageWS'];

  it.each(
    SENDERS.flatMap((sender) =>
      ['', ', "manifest": {"outputs": {"image": {"node": "20"}}}'].map((own) => [sender, own]),
    ),
  )('is refused if its result is only sent over a WebSocket: %s%s', async (sender, manifest) => {
    const { status, body } = await put('my-flow', `{"graph": ${socketGraph(sender)}${manifest}}`);
    const message = 'sends its result only over a WebSocket';
    expect([status, body.code, body.error]).toEqual([
      422,
      'INVALID_WORKFLOW',
      `Jobs would have no result: node "20" ${message}. Save or preview it, for example with SaveImage.`,
    ]);
    expect(body.details.nodes).toEqual([{ node_id: '20', class_type: sender, message }]);
    expect((await api('get', '/api/workflows/my-flow')).status).toBe(404);
  });

  it('has the previews as results if everything else is only sent over a WebSocket', async () => {
    const preview = ', "21": {"class_type": "PreviewImage", "inputs": {"images": ["10", 0]}}';
    const created = await put('my-flow', `{"graph": ${socketGraph('SaveImageWebsocket', preview)}}`);
    expect([created.status, created.body.outputs]).toEqual([201, [{ name: 'image', node_id: '21' }]]);
    const { status, body } = await api('post', '/api/my-flow', SUBMIT).send({ inputs: {} });
    expect([status, body.outputs?.map(({ node_id }: never) => node_id)]).toEqual([200, ['21']]);
  });

  it('may have outputs in its manifest that are only sent over a WebSocket, beside others', async () => {
    const both = socketGraph(
      'SaveImageWebsocket',
      ', "21": {"class_type": "PreviewImage", "inputs": {"images": ["10", 0]}}',
    );
    const manifest = { outputs: { sent: { node: '20' }, image: { node: '21' } } };
    const created = await put('my-flow', `{"graph": ${both}, "manifest": ${JSON.stringify(manifest)}}`);
    expect(created.status).toBe(201);
    const { status, body } = await api('post', '/api/my-flow', SUBMIT).send({ inputs: {} });
    expect([status, body.outputs?.map(({ name }: never) => name)]).toEqual([200, ['image']]);
  });

  it('is gone when it is deleted', async () => {
    await put('my-flow', `{"graph": ${graph}}`);
    const deleted = await api('delete', '/api/workflows/my-flow');
    expect(workflowDeletedAnswer.parse(deleted.body)).toEqual({ type: 'my-flow', deleted: true });
    expect(await readdir(folder)).toEqual([]);
    expect((await api('get', '/api/workflows/my-flow')).body.code).toBe('WORKFLOW_NOT_FOUND');
    expect((await api('delete', '/api/workflows/my-flow')).body.code).toBe('WORKFLOW_NOT_FOUND');
    expect((await api('post', '/api/my-flow').send({})).status).toBe(404);
  });

  it.each([
    ['my-flow', '{"graph": {"nodes": [], "links": []}}', 422, 'WORKFLOW_FORMAT_UI'],
    ['my-flow', '{"graph": {}}', 422, 'INVALID_WORKFLOW'],
    ['my-flow', '{"graph": {"1": {"class_type": "LoadImage", "inputs": {}}}}', 422, 'INVALID_WORKFLOW'],
    ['my-flow', '{"graph": ', 400, 'MALFORMED_UPLOAD'],
    ['my-flow', '{}', 400, 'INVALID_PARAMETER'],
    ['my-flow', `{"graph": ${'['.repeat(500)}${']'.repeat(500)}}`, 400, 'MALFORMED_UPLOAD'],
    ['jobs', '{"graph": {}}', 422, 'INVALID_WORKFLOW'],
    ['..%2Fescape', '{"graph": {}}', 422, 'INVALID_WORKFLOW'],
    ['upscale-image', '{"graph": {}}', 409, 'WORKFLOW_BUILT_IN'],
  ])('is refused: %s %s', async (type, body, status, code) => {
    const answer = await put(type, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('needs a key of the scope admin', async () => {
    await put('my-flow', `{"graph": ${graph}}`);
    const shown = await api('get', '/api/workflows/my-flow', SUBMIT);
    expect(shown.status).toBe(200);
    expect(Object.keys(shown.body)).not.toContain('graph');
    for (const method of ['put', 'delete'] as const) {
      const answer = await api(method, '/api/workflows/my-flow', SUBMIT).send({ graph: {} });
      expect([answer.status, answer.body.code]).toEqual([403, 'FORBIDDEN']);
    }
  });
});
