import { mkdir, mkdtemp, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import supertest from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { anySyncAnswer } from '../../src/schemas/jobs.js';
import type { ServiceOverrides } from '../../src/services/ServiceOverrides.js';
import { eventually } from '../support/eventually.js';
import { fileOf, graphWorkflow } from '../support/graphWorkflow.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';
import { Stack } from '../support/stack.js';

const PREFIX = 'some/folder/';

let s3: S3Server;
let directory: string;
beforeAll(async () => {
  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
  s3 = await S3Server.start();
});
afterAll(() => s3.stop());
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'assets-'));
});
const stacks: Stack[] = [];
afterEach(async () => {
  await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
  await rm(directory, { recursive: true, force: true });
  await s3.empty();
});

/** Returns the input image twice, under two names. */
const twice = graphWorkflow('twice', {
  files: [{ name: 'image', kind: 'image', required: true }],
  outputs: { one: '2', other: '3' },
  build: (files) => ({
    '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
    '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    '3': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
  }),
});

const STORES = {
  disk: { env: () => ({ ASSET_STORE: 'disk', ASSET_DIR: directory }), contents: () => filesIn(directory) },
  s3: {
    env: () => ({
      ASSET_STORE: 's3',
      S3_BUCKET: s3.bucket,
      S3_ENDPOINT: s3.endpoint,
      S3_PREFIX: PREFIX,
      S3_FORCE_PATH_STYLE: 'true',
    }),
    contents: () => s3.contents(),
  },
};

async function start(
  env: Readonly<Record<string, string>>,
  logger = new RecordingLogger(),
  overrides: ServiceOverrides = {},
): Promise<Stack> {
  const stack = await Stack.start({ env, logger, overrides: { workflows: [twice], ...overrides } });
  stacks.push(stack);
  return stack;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Removes all files, with the folders around them; only the store's own folder stays. */
async function removeFiles(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name !== 'unfinished');
  await Promise.all(names.map((name) => rm(path.join(folder, name), { recursive: true })));
}

/** Runs a job to its end. @returns its id and the full bytes of its outputs */
async function run({ client }: Stack, n = 0): Promise<{ id: string; url: string; bytes: Buffer }> {
  const response = await client.post('/api/twice', await png({ colour: colourOf(n) }));
  expect(response.status).toBe(200);
  const { job_id: id, outputs } = anySyncAnswer.parse(await response.json());
  const [first, second] = await Promise.all(outputs.map(({ url }) => bytesOf(client, url)));
  expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
  expect(first?.length).toBe(outputs[0]?.size_bytes);
  return { id, url: outputs[0]?.url ?? '', bytes: first ?? Buffer.alloc(0) };
}

async function bytesOf(client: Stack['client'], url: string): Promise<Buffer> {
  const response = await client.request(url);
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

describe.each(Object.entries(STORES))('jobs with ASSET_STORE=%s', (_, { env, contents }) => {
  it('keep one file of what they made twice, and none once they are deleted', async () => {
    const stack = await start(env());
    const { id, bytes } = await run(stack);
    expect((await stack.client.resultImage(id)).equals(bytes)).toBe(true);
    // The upload is deleted after the end of the job, in the background.
    await eventually(async () => expect(await contents()).toHaveLength(1));
    expect((await stack.client.request(`/api/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
    await eventually(async () => expect(await contents()).toEqual([]));
  });

  it('keep the file of one while another one has the same', async () => {
    const stack = await start(env());
    const [one, other] = [await run(stack), await run(stack)];
    await stack.client.request(`/api/jobs/${one.id}`, { method: 'DELETE' });
    expect((await bytesOf(stack.client, other.url)).equals(other.bytes)).toBe(true);
  });

  it('have files until they expire', async () => {
    const stack = await start({ ...env(), JOB_CLEANUP_INTERVAL: '2000' });
    const { url } = await run(stack);
    await eventually(async () => {
      await stack.client.error(url, 404);
      expect(await contents()).toEqual([]);
    });
  });

  it('leave no file behind when the server stops, finished or not', async () => {
    const stack = await start({ ...env(), MAX_CONCURRENT_JOBS: '1', SHUTDOWN_TIMEOUT: '2000' });
    await run(stack);
    stack.simulator().faults.hang = true;
    for (const n of [1, 2]) await stack.client.submit('twice', await png({ colour: colourOf(n) }));
    expect(await contents()).not.toEqual([]);
    await stack.stop();
    expect(await contents()).toEqual([]);
  });

  it('are not bounded by memory', async () => {
    const bound = 3000;
    const stack = await start({
      ...env(),
      MAX_RESULT_MEMORY: String(bound),
      MAX_RESULT_SIZE: String(bound),
      MAX_QUEUE_MEMORY: '1',
    });
    const made = [];
    // Each job stores its output twice.
    for (let size = 0; size <= bound; size += 2 * (made.at(-1)?.bytes.length ?? 0)) {
      made.push(await run(stack, made.length));
    }
    for (const { url, bytes } of made) {
      expect((await bytesOf(stack.client, url)).equals(bytes)).toBe(true);
    }
  });

  it('give a range of an output, its head, and nothing to who has it', async () => {
    const stack = await start(env());
    const { url, bytes } = await run(stack);
    const size = bytes.length;
    const part = await stack.client.request(url, { headers: { Range: 'bytes=10-19' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 10-19/${size}`]);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(10, 20))).toBe(true);
    const longer = await stack.client.request(url, { headers: { Range: `bytes=-${size + 1}` } });
    expect(longer.headers.get('Content-Range')).toBe(`bytes 0-${size - 1}/${size}`);
    const last = await stack.client.request(url, { headers: { Range: 'bytes=-5' } });
    expect(Buffer.from(await last.arrayBuffer()).equals(bytes.subarray(size - 5))).toBe(true);
    const behind = await stack.client.request(url, { headers: { Range: `bytes=${size}-` } });
    expect([behind.status, behind.headers.get('content-range')]).toEqual([416, `bytes */${size}`]);
    const head = await stack.client.request(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(size)]);
    const etag = head.headers.get('etag') ?? '';
    // `fetch` would send headers that make caches revalidate.
    const known = await supertest(stack.client.baseUrl).get(url).set('If-None-Match', etag);
    expect([known.status, known.text, known.headers['content-type']]).toEqual([304, '', undefined]);
  });

  it('answer 410 when somebody else deleted the file', async () => {
    const stack = await start(env());
    const { id, url } = await run(stack);
    await eventually(async () => expect(await contents()).toHaveLength(1));
    await Promise.all([s3.empty(), removeFiles(directory)]);
    const gone = await stack.client.request(url);
    expect([gone.status, gone.headers.get('etag')]).toEqual([410, null]);
    expect(await gone.json()).toMatchObject({ code: 'RESULT_EXPIRED', job_id: id });
    expect((await stack.client.error(`/api/jobs/${id}/result`, 410)).code).toBe('RESULT_EXPIRED');
  });
});

describe('a folder of assets', () => {
  it('with a file that was damaged gives no half an output for a whole one', async () => {
    const stack = await start({ ASSET_STORE: 'disk', ASSET_DIR: directory });
    const { id, url } = await run(stack);
    let names: string[] = [];
    await eventually(async () => {
      names = await filesIn(directory);
      expect(names).toHaveLength(1);
    });
    const [name = ''] = names;
    await truncate(path.join(directory, name.slice(0, 2), name), 40);
    await expect(bytesOf(stack.client, url)).rejects.toThrow('terminated');
    expect((await stack.client.error(`/api/jobs/${id}/result`, 500)).code).toBe('INTERNAL_ERROR');
  });

  const HASH = '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85';

  it('is cleared of what a server left that was killed, once ASSET_TTL is over', async () => {
    const file = path.join(directory, HASH.slice(0, 2), HASH);
    await mkdir(path.dirname(file));
    await writeFile(file, 'abc');
    const fresh = path.join(directory, HASH.slice(0, 2), `64${'0'.repeat(62)}`);
    await writeFile(fresh, 'x');
    await utimes(file, Date.now() / 1000 - 120, Date.now() / 1000 - 120);
    await start({ ASSET_STORE: 'disk', ASSET_DIR: directory, ASSET_TTL: '60000' });
    await eventually(async () => expect(await filesIn(directory)).toEqual([path.basename(fresh)]));
  });

  it('that cannot be used is told at the start', async () => {
    await writeFile(path.join(directory, 'file'), '');
    const env = { ASSET_STORE: 'disk', ASSET_DIR: path.join(directory, 'file', 'assets') };
    await expect(start(env)).rejects.toThrow(/ENOTDIR/);
  });

  it('that fails for too long while the job runs fails the job, not the server', async () => {
    const logger = new RecordingLogger();
    const env = { ASSET_STORE: 'disk', ASSET_DIR: directory };
    const stack = await start(env, logger, { stores: { patienceMs: 200 } });
    stack.simulator().faults.hang = true;
    const id = await stack.client.submit('twice', await png());
    await stack.client.until(id, ({ status }) => status === 'processing');
    // No file can be created.
    const unfinished = path.join(directory, 'unfinished');
    await rm(unfinished, { recursive: true });
    await writeFile(unfinished, '');
    stack.simulator().faults.hang = false;
    const failed = await stack.client.finished(id);
    expect(failed).toMatchObject({
      status: 'failed',
      error: 'The result could not be stored.',
      error_code: 'INTERNAL_ERROR',
    });
    expect(logger.lines.map(({ message }) => message)).toContain('A result could not be stored');
    const refused = await stack.client.refused('/api/twice', await png(), 503);
    expect(refused.code).toBe('QUEUE_UNAVAILABLE');
    await rm(unfinished);
    await mkdir(unfinished);
    await eventually(async () => expect((await stack.client.request('/readyz')).status).toBe(200));
    await run(stack);
  });
});

describe('a bucket of assets', () => {
  it('sends clients to signed addresses where S3_PRESIGN_SECONDS says so', async () => {
    const stack = await start({ ...STORES.s3.env(), S3_PRESIGN_SECONDS: '60' });
    const { url, bytes } = await run(stack);
    const answer = await stack.client.request(url, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'private, no-store']);
    const address = new URL(answer.headers.get('location') ?? '');
    expect([address.origin, address.searchParams.get('X-Amz-Expires')]).toEqual([s3.endpoint, '60']);
    const signed = await fetch(address);
    expect(signed.headers.get('content-type')).toBe('image/png');
    expect(signed.headers.get('content-disposition')).toMatch(/^inline; filename="/);
    expect(Buffer.from(await signed.arrayBuffer()).equals(bytes)).toBe(true);
    const head = await stack.client.request(url, { method: 'HEAD', redirect: 'manual' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)]);
  });

  it('that is not there is told at the start', async () => {
    await expect(start({ ...STORES.s3.env(), S3_BUCKET: 'nobodys' })).rejects.toThrow(
      'The bucket nobodys cannot be used: it responds with 404',
    );
  });
});
