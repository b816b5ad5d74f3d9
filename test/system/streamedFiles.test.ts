import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { isPng } from '../../src/services/images/png.js';
import { readPngText } from '../../src/services/images/pngMetadata.js';
import type { Simulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';
import { png } from '../support/pictures.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { begin, formOf, hashed, hashOfAnswer, send, videoOf } from '../support/videoStreams.js';
import { PASS_VIDEO, WorkflowFiles } from '../support/workflowFiles.js';

const MIB = 1024 * 1024;
/** More than one part of an S3 upload, and more than the buffers of the sockets. */
const BYTES = 12 * MIB;
const LARGE_BYTES = 50 * MIB;
/** Memory limit of one stream. */
const STREAM_BYTES = MIB;
const RAW = { 'Content-Type': 'video/mp4' };

let s3: S3Server;
let directory: string;
let workflows: WorkflowFiles;
const servers = new HttpServers();
const stacks: Stack[] = [];

beforeAll(async () => {
  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
  s3 = await S3Server.start();
  workflows = await WorkflowFiles.create(PASS_VIDEO);
});
afterAll(async () => {
  await s3.stop();
  await workflows.delete();
});
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'assets-'));
});
afterEach(async () => {
  await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
  servers.close();
  await rm(directory, { recursive: true, force: true });
  await s3.empty();
});

const STORES = {
  disk: {
    env: () => ({ ASSET_STORE: 'disk', ASSET_DIR: directory }),
    contents: async () => {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
  },
  s3: {
    env: () => ({
      ASSET_STORE: 's3',
      S3_BUCKET: s3.bucket,
      S3_ENDPOINT: s3.endpoint,
      S3_FORCE_PATH_STYLE: 'true',
    }),
    contents: () => s3.contents(),
  },
};

/** The files that a machine has received, as hashes of the files in its temp folder. */
function uploadsOf({ folders }: Simulator): string[] {
  return folders.names('temp').map((filename) => {
    const bytes = folders.read({ type: 'temp', subfolder: '', filename }) ?? Buffer.alloc(0);
    return createHash('sha256').update(bytes).digest('hex');
  });
}

const hashOf = (chunks: Iterable<Buffer>) => {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
};

describe.each(Object.entries(STORES))('a video with ASSET_STORE=%s', (_, { env, contents }) => {
  async function start(options: StackOptions = {}): Promise<Stack> {
    const stack = await Stack.start({
      ...options,
      env: {
        ...env(),
        WORKFLOWS_DIR: workflows.directory,
        MAX_FILE_SIZE: String(LARGE_BYTES),
        // If anything remains of an upload, the next one has no room.
        MAX_UPLOAD_MEMORY: String(STREAM_BYTES),
        ...options.env,
      },
    });
    stacks.push(stack);
    return stack;
  }
  const at = ({ client }: Stack, route: string) => `${client.baseUrl}/api/${route}`;

  /** Expects that an upload works normally, and that nothing remains once its job is deleted. */
  async function worksAsBefore(stack: Stack): Promise<void> {
    const video = [...videoOf(BYTES)];
    const { headers, body } = formOf('video', video, BYTES);
    const { status, json } = await send(at(stack, 'async/pass-video'), headers, body);
    expect({ status, json }).toMatchObject({ status: 202 });
    const id = String(json['job_id']);
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    expect(await hashOfAnswer(at(stack, `jobs/${id}/outputs/0`))).toEqual({
      sha256: hashOf(video),
      bytes: BYTES,
    });
    await stack.client.request(`/api/jobs/${id}`, { method: 'DELETE' });
    await eventually(async () => expect(await contents()).toEqual([]));
  }

  it('goes to another machine, whole, when the first one fails in the middle of the upload', async () => {
    const stack = await start({ simulators: [{}, {}] });
    // Whichever machine gets it first.
    const cut = { afterBytes: BYTES / 2, times: 1 };
    for (const { faults } of stack.simulators) faults.cut = cut;
    const hash = createHash('sha256');
    const { status, json } = await send(at(stack, 'async/pass-video'), RAW, hashed(videoOf(BYTES), hash));
    expect(status).toBe(202);
    const id = String(json['job_id']);
    const done = await stack.client.finished(id);
    expect({ ...done, cut }).toMatchObject({ status: 'completed', attempts: 2, cut: { times: 0 } });
    const other = stack.simulators.find(({ host }) => host === done.comfyui_instance);
    expect(other && uploadsOf(other)).toContain(hash.digest('hex'));
  });

  it('whose client hangs up half way leaves nothing behind, as a form or as a body', async () => {
    const stack = await start();
    const form = formOf('video', [], LARGE_BYTES);
    for (const headers of [form.headers, { ...RAW, 'Content-Length': LARGE_BYTES }]) {
      const upload = begin(at(stack, 'async/pass-video'), headers);
      upload.on('error', () => undefined);
      if (headers === form.headers) upload.write(form.body.next().value);
      for (const chunk of videoOf(LARGE_BYTES / 2)) {
        if (!upload.write(chunk)) await once(upload, 'drain');
      }
      await eventually(async () => expect(await contents()).not.toEqual([]));
      upload.destroy();
      await eventually(async () => expect(await contents()).toEqual([]));
    }
    await worksAsBefore(stack);
  });

  it('that is too large is refused while it comes, and leaves nothing behind', async () => {
    const stack = await start({ env: { MAX_FILE_SIZE: String(BYTES) } });
    const form = formOf('video', videoOf(Number.POSITIVE_INFINITY), 0);
    const inChunks = { 'Content-Type': form.headers['Content-Type'] ?? '' };
    for (const [headers, body] of [
      [inChunks, form.body],
      [RAW, videoOf(Number.POSITIVE_INFINITY)],
    ] as const) {
      const refused = await send(at(stack, 'async/pass-video'), headers, body);
      expect(refused).toMatchObject({ status: 413, json: { code: 'FILE_TOO_LARGE' } });
      await eventually(async () => expect(await contents()).toEqual([]));
    }
    await worksAsBefore(stack);
  });

  it('that is none, or comes with a parameter that is refused, leaves nothing behind', async () => {
    const stack = await start();
    const text = { headers: RAW, body: [Buffer.alloc(BYTES, 'no video\n')] };
    const refused = await send(at(stack, 'async/pass-video'), text.headers, text.body);
    expect(refused).toMatchObject({ status: 415, json: { code: 'UNSUPPORTED_FILE_TYPE' } });
    const wrong = await send(at(stack, 'async/pass-video?format=BMP'), RAW, videoOf(BYTES));
    expect(wrong).toMatchObject({ status: 400, json: { code: 'INVALID_PARAMETER' } });
    await eventually(async () => expect(await contents()).toEqual([]));
    await worksAsBefore(stack);
  });

  it('comes back to a client that waits, as bytes or with their address', async () => {
    const stack = await start();
    const hash = createHash('sha256');
    const bytes = await send(at(stack, 'pass-video'), RAW, hashed(videoOf(BYTES), hash));
    expect(bytes).toMatchObject({ status: 200, json: { result: { kind: 'video', size_bytes: BYTES } } });
    const response = await fetch(at(stack, 'pass-video'), {
      method: 'POST',
      headers: { ...RAW, Accept: 'video/mp4' },
      body: Readable.toWeb(Readable.from(videoOf(BYTES))),
      duplex: 'half',
    } as RequestInit);
    expect(response.headers.get('content-length')).toBe(String(BYTES));
    expect((await response.arrayBuffer()).byteLength).toBe(BYTES);
  });

  it('comes back without the texts at its end', async () => {
    const stack = await start();
    const video = await readFile(new URL('../cases/media/video.mp4', import.meta.url));
    // Free space between the first box and the others: too much for memory.
    const [first, space] = [video.subarray(0, video.readUInt32BE(0)), Buffer.alloc(BYTES)];
    space.writeUInt32BE(BYTES, 0);
    space.write('free', 4);
    const whole = Buffer.concat([first, space, video.subarray(first.length)]);
    const { status, json } = await send(at(stack, 'async/pass-video'), RAW, [whole]);
    expect({ status, json }).toMatchObject({ status: 202 });
    const id = String(json['job_id']);
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    const result = await stack.client.request(`/api/jobs/${id}/outputs/0`);
    const bytes = Buffer.from(await result.arrayBuffer());
    expect([whole.includes('a secret cat'), bytes.includes('a secret cat')]).toEqual([true, false]);
    const end = whole.indexOf('moov');
    expect(bytes).toHaveLength(whole.length);
    expect(bytes.subarray(0, end).equals(whole.subarray(0, end))).toBe(true);
  });

  it('is the same job when it is sent again under its key', async () => {
    const stack = await start();
    const headers = { ...RAW, 'Idempotency-Key': 'once' };
    const video = [...videoOf(BYTES)];
    const [one, again, other] = [
      await send(at(stack, 'async/pass-video'), headers, video),
      await send(at(stack, 'async/pass-video'), headers, video),
      await send(at(stack, 'async/pass-video'), headers, videoOf(BYTES)),
    ];
    expect([again.status, again.json['job_id']]).toEqual([202, one.json['job_id']]);
    expect(other).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    const id = String(one.json['job_id']);
    await stack.client.finished(id);
    await stack.client.request(`/api/jobs/${id}`, { method: 'DELETE' });
    await eventually(async () => expect(await contents()).toEqual([]));
  });

  it('is fetched by its URL, and nothing is left of one that breaks off', async () => {
    const stack = await start({ env: { INPUT_URL_ALLOWED_HOSTS: '127.0.0.1' } });
    const video = [...videoOf(BYTES)];
    const give: RequestListener = ({ url }, response) => {
      if (url === '/whole') Readable.from(video).pipe(response);
      else {
        for (const chunk of video) response.write(chunk);
        setImmediate(() => response.destroy());
      }
    };
    const base = await servers.listen(give);
    const submit = (file: string) =>
      send(at(stack, 'async/pass-video'), { 'Content-Type': 'application/json' }, [
        Buffer.from(JSON.stringify({ inputs: { video: `${base}/${file}` } })),
      ]);
    const { status, json } = await submit('whole');
    expect(status).toBe(202);
    const id = String(json['job_id']);
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    expect(uploadsOf(stack.simulator())).toContain(hashOf(video));
    await stack.client.request(`/api/jobs/${id}`, { method: 'DELETE' });
    expect(await submit('half')).toMatchObject({ status: 422, json: { code: 'INPUT_UNREACHABLE' } });
    await eventually(async () => expect(await contents()).toEqual([]));
  });

  it('is saved in OUTPUT_DIR as well', async () => {
    const outputs = path.join(directory, '..', `${path.basename(directory)}-outputs`);
    const stack = await start({ env: { OUTPUT_FILES: 'true', OUTPUT_DIR: outputs } });
    const hash = createHash('sha256');
    const { json } = await send(at(stack, 'async/pass-video'), RAW, hashed(videoOf(BYTES), hash));
    const id = String(json['job_id']);
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    const [name = ''] = await readdir(path.join(outputs, id));
    expect(name).toBe('pass-video-1.mp4');
    expect(hashOf([await readFile(path.join(outputs, id, name))])).toBe(hash.digest('hex'));
    await rm(outputs, { recursive: true });
  });
});

describe('images that find no room in memory until they are finished', () => {
  it('wait in the store, are checked and finished, and nothing else is left of them', async () => {
    const stack = await Stack.start({ env: { ...STORES.disk.env(), MAX_RESULT_MEMORY: '1' } });
    stacks.push(stack);
    const id = await stack.client.submit('upscale-image', await png({ width: 40, height: 40 }), {
      scale: '2',
    });
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    const image = await stack.client.resultImage(id);
    expect(await sharp(image).metadata()).toMatchObject({ format: 'png', width: 80, height: 80 });
    expect(readPngText(image, 'prompt')).toBeUndefined();
    // What came from ComfyUI is deleted at the end of the attempt, the upload at the end of the job.
    await eventually(async () => expect(await STORES.disk.contents()).toHaveLength(1));
  });

  it('are not taken from another prompt', async () => {
    const stack = await Stack.start({
      env: { ...STORES.disk.env(), MAX_RESULT_MEMORY: '1', JOB_MAX_ATTEMPTS: '1' },
    });
    stacks.push(stack);
    const { folders } = stack.simulator();
    const foreign = await stack.client.submit('upscale-image', await png());
    await stack.client.finished(foreign);
    const [name = ''] = folders.names('temp').filter((one) => one.startsWith('ComfyUI_temp'));
    const bytes = folders.read({ type: 'temp', subfolder: '', filename: name });
    if (!bytes) throw new Error('The first job left no file.');
    stack.simulator().faults.rewrite = (whole) => (isPng(whole) ? bytes : whole);
    const id = await stack.client.submit('upscale-image', await png());
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('created by another prompt'),
    });
  });
});

describe('a folder of assets that fails', () => {
  let stack: Stack;
  let id: string;
  let video: Buffer[];
  beforeEach(async () => {
    stack = await Stack.start({
      env: { ...STORES.disk.env(), WORKFLOWS_DIR: workflows.directory, MAX_FILE_SIZE: String(LARGE_BYTES) },
      overrides: { stores: { patienceMs: 200 } },
    });
    stacks.push(stack);
    video = [...videoOf(BYTES)];
  });
  const submit = async () => {
    const url = `${stack.client.baseUrl}/api/async/pass-video`;
    id = String((await send(url, RAW, video)).json['job_id']);
  };
  /** Expects that the machine is not blamed. */
  const expectMachineInOrder = async () => {
    const { comfyui_instances } = await stack.client.json('/health', healthAnswer);
    expect(comfyui_instances.instances).toMatchObject([
      { status: 'healthy', circuit_breaker: { state: 'CLOSED', failures: 0 } },
    ]);
  };

  it('to keep a file until it is sent on fails its job, and the machine is not to blame', async () => {
    await stack.services.processor.stop(0, 0);
    await submit();
    const names = (await readdir(directory)).filter((name) => name !== 'unfinished');
    for (const name of names) await rm(path.join(directory, name), { recursive: true });
    stack.services.processor.start();
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'failed',
      error_code: 'INTERNAL_ERROR',
      attempts: 1,
    });
    await expectMachineInOrder();
  });

  it('for too long while an output comes fails its job, and the machine is not to blame', async () => {
    stack.simulator().faults.hang = true;
    await submit();
    await stack.client.until(id, ({ status }) => status === 'processing');
    await eventually(() => expect(uploadsOf(stack.simulator())).toContain(hashOf(video)));
    // No file can be created.
    await rm(path.join(directory, 'unfinished'), { recursive: true });
    stack.simulator().faults.hang = false;
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'failed',
      error: 'The result could not be stored.',
      attempts: 1,
    });
    await mkdir(path.join(directory, 'unfinished'));
    await eventually(expectMachineInOrder);
  });
});
