import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { anySyncAnswer, asyncAnswer, jobResultAnswer } from '../../src/schemas/jobs.js';
import { exampleFiles, GRAPH_EXAMPLES, type GraphExample } from '../support/graphExamples.js';
import { Stack } from '../support/stack.js';
import { USER_GRAPHS, type UserGraph, userGraph } from '../support/userGraphs.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

type Outputs = z.output<typeof anySyncAnswer>['outputs'];
/** The part of every response that describes outputs. */
type Told = Pick<z.output<typeof anySyncAnswer>, 'outputs' | 'seed'>;
type Values = Readonly<Record<string, string | number>>;
type Files = Readonly<Record<string, Buffer>>;
type Body = (files: Files, values: Values) => RequestInit;

const MAX_SEED = '18446744073709551615';

let folder: WorkflowFiles;
let stack: Stack;

beforeAll(async () => {
  // As downloaded: graphs without manifests.
  const files = USER_GRAPHS.map((name) => [`${name}.json`, userGraph(name)] as const);
  folder = await WorkflowFiles.create(Object.fromEntries(files));
  stack = await Stack.start({ env: { WORKFLOWS_DIR: folder.directory } });
});
afterAll(async () => {
  await stack.stop();
  await folder.delete();
});

const multipart: Body = (files, values) => {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.set(name, String(value));
  for (const [name, bytes] of Object.entries(files)) form.set(name, new Blob([new Uint8Array(bytes)]), name);
  return { method: 'POST', body: form };
};

const jsonBody = (text: string): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: text,
});

const json: Body = (files, values) => {
  const uris = Object.entries(files).map(([name, bytes]) => [
    name,
    `data:application/octet-stream;base64,${bytes.toString('base64')}`,
  ]);
  return jsonBody(JSON.stringify({ inputs: { ...Object.fromEntries(uris), ...values } }));
};

/** Submits a job and waits for the response with its result. */
const sync = (graph: UserGraph, init: RequestInit) => stack.client.json(`/api/${graph}`, anySyncAnswer, init);

/** Submits a job, follows it to its end, and requests its result. */
async function async(graph: UserGraph, init: RequestInit) {
  const accepted = await stack.client.json(`/api/async/${graph}`, asyncAnswer, { ...init, status: 202 });
  const status = await stack.client.finished(accepted.job_id);
  if (status.status !== 'completed') throw new Error(JSON.stringify(status));
  const result = await stack.client.json(`/api/jobs/${accepted.job_id}/result`, jobResultAnswer);
  const told = ({ outputs, seed }: Told) => ({ outputs, seed });
  expect(told(result)).toEqual(told(status));
  return { ...result, warnings: accepted.warnings };
}

async function bytesOf({ url, size_bytes, mime_type }: Outputs[number]): Promise<Buffer> {
  const response = await stack.client.request(url);
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')?.split(';')[0]).toBe(mime_type);
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(bytes).toHaveLength(size_bytes);
  return bytes;
}

/** Requests a range in the middle of an output. */
async function expectPart({ url, size_bytes: size }: Outputs[number], whole: Buffer): Promise<void> {
  const from = Math.floor(size / 3);
  const to = Math.floor((2 * size) / 3);
  const response = await stack.client.request(url, { headers: { Range: `bytes=${from}-${to - 1}` } });
  expect(response.status).toBe(206);
  expect(response.headers.get('Content-Range')).toBe(`bytes ${from}-${to - 1}/${size}`);
  expect(Buffer.from(await response.arrayBuffer()).equals(whole.subarray(from, to))).toBe(true);
}

/** Checks the description and the bytes of an example's outputs. @returns the bytes */
async function expectOutputs(example: GraphExample, { outputs, seed }: Told): Promise<Buffer[]> {
  expect(outputs).toMatchObject(example.outputs);
  expect(outputs).toHaveLength(example.outputs.length);
  const names = outputs.map(({ filename }) => filename);
  expect(names).toEqual(names.toSorted());
  expect(seed).toEqual(example.hasSeed ? expect.any(Number) : undefined);
  const bytes = await Promise.all(outputs.map(bytesOf));
  expect(await example.problem(bytes, String(seed))).toBeUndefined();
  await Promise.all(outputs.map((output, n) => expectPart(output, bytes[n] as Buffer)));
  const texts = outputs.map(({ kind }, n) => (kind === 'text' ? bytes[n]?.toString() : undefined));
  expect(outputs.map(({ text }) => text)).toEqual(texts);
  return bytes;
}

/** Checks the description of the primary output. */
function expectResult(
  result: z.output<typeof anySyncAnswer>['result'],
  [output]: Outputs,
  [bytes]: readonly Buffer[],
): void {
  const { mime_type, size_bytes, filename, url, kind, text } = output as Outputs[number];
  if (kind === 'text') expect(result).toEqual({ text });
  else if (kind !== 'image') expect(result).toMatchObject({ kind, mime_type, size_bytes, filename, url });
  else {
    const image_base64 = `data:${mime_type};base64,${bytes?.toString('base64')}`;
    expect(result).toMatchObject({ image_base64, size_bytes });
  }
}

it('every graph of a user has an example', () => {
  expect(GRAPH_EXAMPLES.map(({ graph }) => graph)).toEqual(USER_GRAPHS);
});

describe.each(GRAPH_EXAMPLES.map((example) => [example.graph, example] as const))('%s', (graph, example) => {
  it.each([
    ['a form', 'a waiting client', multipart, sync],
    ['a form', 'a client that comes back', multipart, async],
    ['JSON', 'a waiting client', json, sync],
    ['JSON', 'a client that comes back', json, async],
  ] as const)('runs by %s for %s', async (_body, _client, body, submit) => {
    const answer = await submit(graph, body(await exampleFiles(example), example.values));
    expect(answer.warnings).toBeUndefined();
    const bytes = await expectOutputs(example, answer);
    expectResult(answer.result, answer.outputs, bytes);
  });

  it('runs with its own values where none are sent, and is refused without its files', async () => {
    const files = await exampleFiles(example);
    const { outputs } = await async(
      graph,
      multipart(files, example.fileInputs.length === 0 ? { steps: 2 } : {}),
    );
    expect(outputs.length).toBeGreaterThan(0);
    for (const name of example.fileInputs) {
      const { [name]: _left, ...others } = files;
      const refused = await stack.client.error(`/api/async/${graph}`, 400, json(others, {}));
      expect(refused).toMatchObject({ code: 'NO_IMAGE' });
      expect(JSON.stringify(refused)).toContain(`\\"${name}\\"`);
    }
  });
});

describe('a seed', () => {
  const example = GRAPH_EXAMPLES[0] as GraphExample;
  const inputs = JSON.stringify(example.values).slice(1, -1);

  it.each([
    ['a field of a form', () => multipart({}, { ...example.values, seed: MAX_SEED })],
    ['text in JSON', () => json({}, { ...example.values, seed: MAX_SEED })],
    ['a number in JSON', () => jsonBody(`{"inputs":{${inputs},"seed":${MAX_SEED}}}`)],
  ])('of 64 bits arrives exactly, as %s', async (_way, init) => {
    const { outputs, seed } = await sync('text-to-image', init());
    expect(seed).toBeUndefined();
    const bytes = await Promise.all(outputs.map(bytesOf));
    expect(await example.problem(bytes, MAX_SEED)).toBeUndefined();
    expect(await example.problem(bytes, '18446744073709551614')).toBeDefined();
  });

  it('that was told makes the same picture again', async () => {
    const first = await sync('text-to-image', json({}, example.values));
    const again = await sync('text-to-image', json({}, { ...example.values, seed: Number(first.seed) }));
    const other = await sync('text-to-image', json({}, { ...example.values, seed: -1 }));
    expect(other.seed).toEqual(expect.any(Number));
    expect(again.seed).toBeUndefined();
    const [one, same] = await Promise.all([...first.outputs, ...again.outputs].map(bytesOf));
    expect(one?.equals(same as Buffer)).toBe(true);
  });

  it('that the server chose is in a header if the response is the picture itself', async () => {
    const seedOf = async (values: object) => {
      const { headers, ...init } = json({}, { ...example.values, ...values });
      const accept = { ...Object.fromEntries(new Headers(headers)), Accept: 'image/*' };
      const response = await stack.client.request('/api/text-to-image', { ...init, headers: accept });
      expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'image/png']);
      await response.arrayBuffer();
      return response.headers.get('X-Seed');
    };
    expect(await seedOf({})).toMatch(/^\d+$/);
    expect(await seedOf({ seed: 7 })).toBeNull();
  });

  it.each(['18446744073709551616', '-2', '1.5', 'soup'])('of %s is refused', async (seed) => {
    for (const init of [multipart({}, { seed }), json({}, { seed })]) {
      const refused = await stack.client.error('/api/text-to-image', 400, init);
      expect(refused).toMatchObject({ code: 'INVALID_PARAMETER' });
      expect(JSON.stringify(refused)).toContain('18446744073709551615');
    }
  });
});

describe('what is sent', () => {
  it('is the video that its graph reads', async () => {
    const example = GRAPH_EXAMPLES.find(({ graph }) => graph === 'video-gifs') as GraphExample;
    const { video } = await exampleFiles(example);
    const other = Buffer.concat([video as Buffer, Buffer.from('at night')]);
    const run = async (file: Buffer | undefined, body: Body) => {
      const { outputs } = await sync('video-gifs', body({ video: file as Buffer }, {}));
      return bytesOf(outputs[0] as Outputs[number]);
    };
    const [one, same, different] = await Promise.all([
      run(video, multipart),
      run(video, json),
      run(other, multipart),
    ]);
    expect(one?.equals(same as Buffer)).toBe(true);
    expect(one?.equals(different as Buffer)).toBe(false);
  });

  it.each([
    ['a form', multipart],
    ['JSON', json],
  ])('under a name that nobody knows is named in a warning, by %s', async (_way, body) => {
    const values = { ...GRAPH_EXAMPLES[0]?.values, negativ_prompt: 'x', sampler: 'euler' };
    for (const submit of [sync, async]) {
      const { warnings } = await submit('text-to-image', body({}, values));
      expect(warnings).toEqual([
        expect.stringMatching(/"negativ_prompt" was ignored.* "negative_prompt"/),
        expect.stringMatching(/Unknown parameter "sampler"/),
      ]);
    }
  });

  it('is refused where it is of the wrong sort, by the name of its input', async () => {
    const wrong = { width: 'wide', steps: 0, cfg: 'NaN', denoise: 2, batch_size: 1.5 };
    for (const [name, value] of Object.entries(wrong)) {
      for (const init of [multipart({}, { [name]: value }), json({}, { [name]: value })]) {
        const refused = await stack.client.error('/api/async/text-to-image', 400, init);
        expect(refused).toMatchObject({ code: 'INVALID_PARAMETER' });
        expect(JSON.stringify(refused)).toContain(name);
      }
    }
  });
});
