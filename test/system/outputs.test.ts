import sharp from 'sharp';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  anySyncAnswer,
  asyncAnswer,
  jobRecord,
  jobResultAnswer,
  jobStatusAnswer,
} from '../../src/schemas/jobs.js';
import { eraseMetadataIn } from '../../src/services/media/eraseMetadata.js';
import { MemoryFolders } from '../../src/simulator/MemoryFolders.js';
import type { Workflow } from '../../src/workflows/types.js';
import { eventually } from '../support/eventually.js';
import { fileOf, graphWorkflow } from '../support/graphWorkflow.js';
import { HttpServers } from '../support/httpServers.js';
import { colourOf, distance, middle, png, type Rgb } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { WEBHOOK_SECRET, WebhookReceiver } from '../support/WebhookReceiver.js';

let stack: Stack;
const receivers = new HttpServers();
afterEach(async () => {
  receivers.close();
  await stack.stop();
});

const IMAGE = { name: 'image', kind: 'image', required: true } as const;
const MASK = { name: 'mask', kind: 'mask', required: true } as const;

const load = (image: Parameters<typeof fileOf>[0], name = 'image') => ({
  class_type: 'LoadImage',
  inputs: { image: fileOf(image, name) },
});

const twoPictures = graphWorkflow('two-pictures', {
  files: [IMAGE, MASK],
  outputs: { second: '4', first: '3' },
  build: (files) => ({
    '1': load(files),
    '2': load(files, 'mask'),
    '3': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    '4': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'mine/two' } },
  }),
});

/** A workflow that runs one node on one image. */
const ofImage = (type: string, class_type: string, inputs: Record<string, string | number | boolean> = {}) =>
  graphWorkflow(type, {
    files: [IMAGE],
    outputs: { result: '9' },
    build: (files) => ({ '1': load(files), '9': { class_type, inputs: { ...inputs, images: ['1', 0] } } }),
  });

const ANIMATION = { filename_prefix: 'anim', fps: 6, lossless: 'true', quality: 80, method: 'default' };

const batch = graphWorkflow('batch', {
  files: [IMAGE],
  outputs: { images: '3' },
  build: (files) => ({
    '1': load(files),
    '2': { class_type: 'RepeatImageBatch', inputs: { image: ['1', 0], amount: 3 } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'mine/batch' } },
  }),
});

const combinedVideo = ofImage('combined-video', 'VHS_VideoCombine', {
  frame_rate: 8,
  loop_count: 0,
  filename_prefix: 'clip',
  format: 'video/h264-mp4',
  pingpong: false,
  save_output: true,
});

const savedVideo = graphWorkflow('saved-video', {
  files: [IMAGE],
  outputs: { result: '9' },
  build: (files) => ({
    '1': load(files),
    '2': { class_type: 'CreateVideo', inputs: { images: ['1', 0], fps: 8 } },
    '9': {
      class_type: 'SaveVideo',
      inputs: { video: ['2', 0], filename_prefix: 'clip', format: 'auto', codec: 'auto' },
    },
  }),
});

const caption = graphWorkflow('caption', {
  outputs: { text: '1' },
  build: () => ({ '1': { class_type: 'ShowText|pysssss', inputs: { text: 'a \u2063image\u2063 größer' } } }),
});

const latent = graphWorkflow('latent', {
  outputs: { latent: '2' },
  build: () => ({
    '1': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
    '2': { class_type: 'SaveLatent', inputs: { samples: ['1', 0], filename_prefix: 'lat' } },
  }),
});

const sound = graphWorkflow('sound', {
  outputs: { sound: '2' },
  build: () => ({
    '1': { class_type: 'EmptyAudio', inputs: { duration: 1, sample_rate: 8000, channels: 1 } },
    '2': { class_type: 'SaveAudio', inputs: { audio: ['1', 0], filename_prefix: 'tone' } },
  }),
});

const start = (workflows: readonly Workflow[], options: StackOptions = {}) =>
  Stack.start({ ...options, overrides: { ...options.overrides, workflows } });

function formOf(files: Readonly<Record<string, Buffer>>, fields: Readonly<Record<string, string>> = {}) {
  const form = new FormData();
  for (const [name, bytes] of Object.entries(files)) form.set(name, new Blob([new Uint8Array(bytes)]), name);
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

async function run(workflow: Workflow, files: Record<string, Buffer>, fields: Record<string, string> = {}) {
  const body = workflow.files.length === 0 ? '{"inputs":{}}' : formOf(files, fields);
  const headers: Record<string, string> =
    typeof body === 'string' ? { 'Content-Type': 'application/json' } : {};
  return stack.client.json(`/api/${workflow.type}`, anySyncAnswer, { method: 'POST', body, headers });
}

/** Submits a job and waits for its end. */
async function ended(workflow: Workflow, files: Record<string, Buffer>) {
  const init = { method: 'POST', body: formOf(files), status: 202 };
  const { job_id } = await stack.client.json(`/api/async/${workflow.type}`, asyncAnswer, init);
  return stack.client.finished(job_id);
}

async function bytesOf({ url }: { url: string }): Promise<Buffer> {
  const response = await stack.client.request(url);
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

const isColour = async (image: Buffer, colour: Rgb) => distance(await middle(image), colour) < 8;

/** The unique part of the machine's file name. */
/** A UUID. */
const MARK = /-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/**
 * Expects that a file is one of the machine's, without the prompt in it. Its name on the machine contains the job's mark, which
 * clients do not see.
 */
async function expectWithoutPrompt({ filename }: { filename: string }, bytes: Buffer): Promise<void> {
  const { folders } = stack.simulator();
  const made = folders
    .names('output')
    .filter((name) => name.replace(MARK, '') === filename)
    .map((name) => folders.read({ type: 'output', subfolder: '', filename: name }) ?? Buffer.alloc(0));
  expect(made.every((file) => file.includes('class_type'))).toBe(true);
  expect(bytes.includes('class_type')).toBe(false);
  const erased = made.map((file) => Buffer.from(file));
  for (const file of erased) await eraseMetadataIn(file);
  expect(erased.some((file) => file.equals(bytes))).toBe(true);
}

describe('a graph of several files and outputs', () => {
  it('gets each file where it belongs, and gives the outputs in the order of the workflow', async () => {
    stack = await start([twoPictures]);
    const [red, green] = [colourOf(5), colourOf(30)];
    const files = { image: await png({ colour: red }), mask: await png({ colour: green }) };
    const { job_id, outputs, result } = await run(twoPictures, files);
    const size = { width: 48, height: 32 };
    expect(outputs).toMatchObject([
      {
        name: 'second',
        node_id: '4',
        kind: 'image',
        mime_type: 'image/png',
        filename: 'two_00001_.png',
        ...size,
      },
      { name: 'first', node_id: '3', kind: 'image', mime_type: 'image/png', ...size },
    ]);
    expect(outputs.map(({ url }) => url)).toEqual([0, 1].map((n) => `/api/jobs/${job_id}/outputs/${n}`));
    const [second, first] = await Promise.all(outputs.map(bytesOf));
    expect(await isColour(second as Buffer, green)).toBe(true);
    expect(await isColour(first as Buffer, red)).toBe(true);
    expect(outputs.map(({ size_bytes }) => size_bytes)).toEqual([second?.length, first?.length]);
    // Responses with one image contain the first image, which is the primary output.
    expect(result).toMatchObject({
      image_base64: `data:image/png;base64,${second?.toString('base64')}`,
      format: 'PNG',
    });
    const path = `/api/jobs/${job_id}`;
    const told = { outputs };
    expect(await stack.client.json(`${path}/status`, jobStatusAnswer)).toMatchObject(told);
    expect(await stack.client.json(`${path}/result`, jobResultAnswer)).toMatchObject({ ...told, result });
    expect(await stack.client.json(`${path}/info`, jobRecord)).toMatchObject({
      data: { imageSize: files.image.length, originalFilename: 'image', ...size },
      result: { sizeBytes: second?.length },
    });
    expect((await stack.client.resultImage(job_id)).equals(second as Buffer)).toBe(true);
  });

  it('leaves nothing behind when its job is deleted, and nothing of the graph in its images', async () => {
    stack = await start([twoPictures]);
    const { job_id, outputs } = await run(twoPictures, { image: await png(), mask: await png() });
    for (const output of outputs)
      expect((await bytesOf(output)).toString('latin1')).not.toContain('class_type');
    expect(stack.blobs.size).toBe(2);
    await stack.client.request(`/api/jobs/${job_id}`, { method: 'DELETE' });
    await eventually(() => expect(stack.blobs.size).toBe(0));
  });

  it('has its own files where machines share a folder and savers begin all names alike', async () => {
    const folders = new MemoryFolders();
    stack = await start([twoPictures], {
      simulators: [{ folders }, { folders }],
      env: { MAX_CONCURRENT_JOBS: '8', MAX_JOBS_PER_INSTANCE: '4' },
    });
    const wrong = Array.from({ length: 24 }, async (_, n) => {
      const files = {
        image: await png({ colour: colourOf(n) }),
        mask: await png({ colour: colourOf(n + 100) }),
      };
      const { outputs } = await run(twoPictures, files);
      const [second, first] = await Promise.all(outputs.map(bytesOf));
      const isOwn =
        (await isColour(second as Buffer, colourOf(n + 100))) &&
        (await isColour(first as Buffer, colourOf(n)));
      return isOwn ? [] : [n];
    });
    expect((await Promise.all(wrong)).flat()).toEqual([]);
  });

  it('has its own files of any kind there, and runs no job twice for it', async () => {
    const folders = new MemoryFolders();
    const animation = ofImage('animation', 'SaveAnimatedWEBP', ANIMATION);
    stack = await start([animation], {
      simulators: [{ folders }, { folders }],
      env: { MAX_CONCURRENT_JOBS: '8', MAX_JOBS_PER_INSTANCE: '4' },
    });
    const wrong = Array.from({ length: 24 }, async (_, n) => {
      const { job_id, outputs } = await run(animation, { image: await png({ colour: colourOf(n) }) });
      const { attempts } = await stack.client.status(job_id);
      const isOwn = await isColour(await bytesOf(outputs[0] as never), colourOf(n));
      return isOwn && attempts === 1 ? [] : [n];
    });
    expect((await Promise.all(wrong)).flat()).toEqual([]);
  });

  it('lets nodes read from its output nodes', async () => {
    const chain = graphWorkflow('chain', {
      files: [IMAGE],
      outputs: { bridge: '2', after: '3' },
      build: (files) => ({
        '1': load(files),
        '2': { class_type: 'InvertAndPreview', inputs: { image: ['1', 0] } },
        '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
      }),
    });
    stack = await start([chain]);
    const { outputs } = await run(chain, { image: await png({ colour: { r: 10, g: 200, b: 100 } }) });
    expect(outputs).toMatchObject([
      { name: 'bridge', node_id: '2' },
      { name: 'after', node_id: '3' },
    ]);
    for (const one of outputs)
      expect(await isColour(await bytesOf(one), { r: 245, g: 55, b: 155 })).toBe(true);
  });

  it('loses its oldest outputs all at once when there is no more room', async () => {
    stack = await start([twoPictures], { env: { MAX_RESULT_MEMORY: '3000', MAX_RESULT_SIZE: '3000' } });
    const files = async (n: number) => ({ image: await png({ colour: colourOf(n) }), mask: await png() });
    const first = await run(twoPictures, await files(1));
    for (let n = 2; n < 20; n += 1) await run(twoPictures, await files(n));
    for (const { url } of first.outputs) {
      expect((await stack.client.error(url, 410)).code).toBe('RESULT_EXPIRED');
    }
    const { outputs } = await run(twoPictures, await files(40));
    for (const one of outputs) await bytesOf(one);
  });

  it('ends as it was when its job was submitted, whatever becomes of its workflow', async () => {
    const cut = graphWorkflow('cut', {
      files: [IMAGE],
      outputs: { before: '3', after: '4' },
      build: (files) => ({
        '1': load(files),
        '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
        '3': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
        '4': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
      }),
    });
    const workflows = [cut];
    stack = await start(workflows, { env: { MAX_CONCURRENT_JOBS: '1' } });
    stack.simulator().faults.hang = true;
    const image = await png();
    const ids = [await stack.client.submit('cut', image), await stack.client.submit('cut', image)];
    await stack.client.until(ids[0] as string, ({ status }) => status === 'processing');
    expect(await stack.client.status(ids[1] as string)).toMatchObject({ status: 'pending' });
    workflows.splice(0, 1, { ...batch, type: 'cut' });
    stack.simulator().faults.hang = false;
    for (const id of ids) {
      const status = await stack.client.finished(id);
      expect(status).toMatchObject({ status: 'completed', outputs: [{ name: 'before' }, { name: 'after' }] });
    }
  });

  it('is followed to its end where no message comes', async () => {
    stack = await start([twoPictures, batch]);
    stack.simulator().faults.muteSockets = true;
    const { outputs } = await run(twoPictures, { image: await png(), mask: await png() });
    expect(outputs.map(({ name }) => name)).toEqual(['second', 'first']);
    expect((await run(batch, { image: await png() })).outputs).toHaveLength(3);
  });
});

describe('what a graph makes', () => {
  it('is a batch in its order', async () => {
    stack = await start([batch]);
    const { outputs } = await run(batch, { image: await png() });
    expect(outputs.map(({ filename }) => filename)).toEqual([1, 2, 3].map((n) => `batch_0000${n}_.png`));
    expect(new Set(outputs.map(({ name, node_id }) => `${name} ${node_id}`))).toEqual(new Set(['images 3']));
    const jpegs = await run(batch, { image: await png() }, { format: 'jpeg' });
    for (const one of jpegs.outputs) {
      expect(one).toMatchObject({
        mime_type: 'image/jpeg',
        filename: expect.stringMatching(/^batch_\d+_\.jpg$/),
      });
      expect((await sharp(await bytesOf(one)).metadata()).format).toBe('jpeg');
    }
  });

  it('is an animation that is not decoded unless a format is asked for, without the graph in it', async () => {
    const animation = ofImage('animation', 'SaveAnimatedWEBP', ANIMATION);
    stack = await start([animation]);
    const { outputs, result } = await run(animation, { image: await png() });
    const [output] = outputs;
    expect(output).toMatchObject({
      kind: 'image',
      mime_type: 'image/webp',
      filename: 'anim_00001_.webp',
      width: 48,
    });
    const bytes = await bytesOf(output as never);
    const { folders } = stack.simulator();
    const [filename = ''] = folders.names('output');
    const written = folders.read({ type: 'output', subfolder: '', filename });
    // The pixels come before the metadata, except for one byte of flags; the length of the file is in the head.
    const pixels = (webp: Buffer | undefined) => webp?.subarray(24, bytes.length);
    expect(pixels(bytes)?.equals(pixels(written) ?? Buffer.alloc(0))).toBe(true);
    expect([written?.includes('class_type'), bytes.includes('class_type')]).toEqual([true, false]);
    expect(result).toMatchObject({ format: 'WEBP' });
    const asPng = await run(animation, { image: await png() }, { format: 'png' });
    expect(asPng.outputs).toMatchObject([{ mime_type: 'image/png', filename: 'anim_00001_.png' }]);
  });

  it.each([
    ['gifs', combinedVideo],
    ['images', savedVideo],
  ])('is a video under %s', async (_key, video) => {
    stack = await start([video]);
    const { job_id, outputs, result } = await run(video, { image: await png() });
    const [output] = outputs;
    expect(outputs).toMatchObject([{ kind: 'video', mime_type: 'video/mp4', node_id: '9' }]);
    expect(output).not.toHaveProperty('width');
    await expectWithoutPrompt(output as never, await bytesOf(output as never));
    expect(result).toEqual({
      kind: 'video',
      prompt_id: expect.any(String),
      processing_time_seconds: expect.any(Number),
      mime_type: 'video/mp4',
      size_bytes: output?.size_bytes,
      filename: output?.filename,
      url: output?.url,
    });
    // No format applies to a video, and it has no thumbnail.
    const again = await run(video, { image: await png() }, { format: 'jpeg' });
    expect(again.outputs).toMatchObject([{ mime_type: 'video/mp4' }]);
    await stack.client.error(`/api/jobs/${job_id}/result/thumbnail`, 404);
    const headers = { Accept: 'video/*' };
    const direct = await stack.client.request(`/api/jobs/${job_id}/result`, { headers });
    expect(direct.headers.get('Content-Type')).toBe('video/mp4');
    await expectWithoutPrompt(output as never, Buffer.from(await direct.arrayBuffer()));
  });

  it('is a text, whatever is written in it', async () => {
    stack = await start([caption]);
    const { job_id, outputs, result } = await run(caption, {});
    const text = 'a \u2063image\u2063 größer';
    expect(result).toEqual({ text });
    expect(outputs).toMatchObject([{ kind: 'text', text, mime_type: 'text/plain', filename: 'text.txt' }]);
    expect(await stack.client.json(`/api/jobs/${job_id}/result`, jobResultAnswer)).toMatchObject({
      result: { text },
    });
    const response = await stack.client.request(`/api/jobs/${job_id}/outputs/0`);
    expect(response.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(text);
    expect(await stack.client.json(`/api/jobs/${job_id}/info`, jobRecord)).toMatchObject({
      data: { originalFilename: 'caption' },
    });
  });

  it('is told as the node said it, even if it is a drawing with metadata', async () => {
    const text = '<svg><metadata>about it</metadata><path d="M0 0"/></svg>';
    const drawing = graphWorkflow('drawing', {
      outputs: { text: '1' },
      build: () => ({ '1': { class_type: 'ShowText|pysssss', inputs: { text } } }),
    });
    stack = await start([drawing]);
    expect((await run(drawing, {})).outputs).toMatchObject([{ kind: 'text', text }]);
  });

  it('is told in pictures and texts beside each other', async () => {
    const text = { '2': { class_type: 'ShowText|pysssss', inputs: { text: 'what it is' } } };
    const both = graphWorkflow('both', {
      files: [IMAGE],
      outputs: { caption: '2', image: '3' },
      build: (files) => ({
        '1': load(files),
        ...text,
        '3': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
      }),
    });
    stack = await start([both]);
    const { job_id, outputs, result } = await run(both, { image: await png() });
    expect(result).toEqual({ text: 'what it is' });
    expect(outputs.map(({ kind }) => kind)).toEqual(['text', 'image']);
    // The thumbnail shows the first image.
    const small = await stack.client.request(`/api/jobs/${job_id}/result/thumbnail`);
    expect(small.headers.get('Content-Type')).toBe('image/webp');
  });

  it('is a latent, which a browser saves and does not show', async () => {
    stack = await start([latent]);
    const { outputs } = await run(latent, {});
    expect(outputs).toMatchObject([{ kind: 'latent', filename: 'lat_00001_.latent' }]);
    const response = await stack.client.request((outputs[0] as { url: string }).url);
    expect(response.headers.get('Content-Disposition')).toBe('attachment; filename="lat_00001_.latent"');
    await expectWithoutPrompt(outputs[0] as never, Buffer.from(await response.arrayBuffer()));
  });

  it('is a sound, without the prompt in it', async () => {
    stack = await start([sound]);
    const { outputs } = await run(sound, {});
    expect(outputs).toMatchObject([{ kind: 'audio', mime_type: 'audio/flac', filename: 'tone_00001_.flac' }]);
    await expectWithoutPrompt(outputs[0] as never, await bytesOf(outputs[0] as never));
  });

  it('is what other nodes make in the place of an expanding one', async () => {
    const expanding = graphWorkflow('expanding', {
      files: [IMAGE],
      outputs: { image: '2' },
      build: (files) => ({
        '1': load(files),
        '2': { class_type: 'InvertAndPreview', inputs: { image: ['1', 0] } },
        '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
      }),
    });
    stack = await start([expanding]);
    const image = await png({ colour: { r: 10, g: 200, b: 100 } });
    for (const isMute of [false, true]) {
      stack.simulator().faults.muteSockets = isMute;
      const { outputs } = await run(expanding, { image });
      expect(outputs).toMatchObject([{ name: 'image', node_id: '2', kind: 'image' }]);
      expect(await isColour(await bytesOf(outputs[0] as never), { r: 245, g: 55, b: 155 })).toBe(true);
    }
  });
});

describe('an output node that makes nothing', () => {
  const partly = graphWorkflow('partly', {
    files: [IMAGE],
    outputs: { blocked: '3', good: '4' },
    build: (files) => ({
      '1': load(files),
      '2': { class_type: 'BlockImage', inputs: { image: ['1', 0], message: 'not this branch' } },
      '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
      '4': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    }),
  });

  it('is left out', async () => {
    stack = await start([partly]);
    const { outputs } = await run(partly, { image: await png() });
    expect(outputs.map(({ name }) => name)).toEqual(['good']);
  });

  it("fails the job where no other made anything, with ComfyUI's reason", async () => {
    const nothing = { ...partly, outputs: partly.outputs.slice(0, 1) };
    stack = await start([nothing]);
    const status = await ended(nothing, { image: await png() });
    expect(status).toMatchObject({ status: 'failed', error_details: { category: 'result_missing' } });
    expect(JSON.stringify(status)).toContain('not this branch');
  });

  it('is one that sends its picture over a socket', async () => {
    const direct = ofImage('direct', 'ETN_SendImageWebSocket', { format: 'PNG' });
    stack = await start([direct]);
    const status = await ended(direct, { image: await png() });
    expect(status).toMatchObject({ status: 'failed', error_details: { category: 'result_missing' } });
  });

  it('fails the job with what is larger than images may be, whatever made it', async () => {
    stack = await start([batch], { env: { MAX_OUTPUT_PIXELS: '100' } });
    const status = await ended(batch, { image: await png({ width: 10, height: 11 }) });
    expect(status).toMatchObject({ status: 'failed', error: expect.stringContaining('MAX_OUTPUT_PIXELS') });
    const fits = await ended(batch, { image: await png({ width: 10, height: 10 }) });
    expect(fits).toMatchObject({ status: 'completed' });
  });

  it.each(['before', 'after'] as const)('spoils nothing with an item of it %s others', async (where) => {
    stack = await start([batch]);
    stack.simulator().faults.oddOutputs = where;
    expect((await run(batch, { image: await png() })).outputs).toHaveLength(3);
  });
});

describe('a float that is no number', () => {
  it.each([false, true])('beside an output spoils nothing, with lost messages: %s', async (isMute) => {
    stack = await start([batch]);
    stack.simulator().faults.oddOutputs = 'no number';
    stack.simulator().faults.muteSockets = isMute;
    const { outputs } = await run(batch, { image: await png() });
    expect(outputs).toHaveLength(3);
    expect(stack.simulator().promptIds).toHaveLength(1);
  });
});

describe('the bytes of an output', () => {
  const range = async (url: string, headers: Record<string, string>, method = 'GET') => {
    const response = await stack.client.request(url, { method, headers });
    return { response, bytes: Buffer.from(await response.arrayBuffer()) };
  };

  it('come in parts, and not at all when they are known', async () => {
    stack = await start([twoPictures]);
    const { outputs } = await run(twoPictures, { image: await png(), mask: await png() });
    const { url, size_bytes: size } = outputs[1] as z.output<typeof anySyncAnswer>['outputs'][number];
    const { response, bytes } = await range(url, {});
    expect(response.headers.get('Accept-Ranges')).toBe('bytes');
    const etag = String(response.headers.get('ETag'));
    for (const [asked, from, to] of [
      ['bytes=0-0', 0, 1],
      ['bytes=10-19', 10, 20],
      ['bytes=50-', 50, size],
      ['bytes=-7', size - 7, size],
      ['bytes=10-999999', 10, size],
    ] as const) {
      const part = await range(url, { Range: asked });
      expect(part.response.status).toBe(206);
      expect(part.response.headers.get('Content-Range')).toBe(`bytes ${from}-${to - 1}/${size}`);
      expect(part.bytes.equals(bytes.subarray(from, to))).toBe(true);
    }
    for (const whole of ['bytes=0-1,5-6', 'soup', 'lines=1-2']) {
      expect((await range(url, { Range: whole })).bytes.equals(bytes)).toBe(true);
    }
    expect((await range(url, { Range: 'bytes=0-0', 'If-Range': etag })).bytes).toHaveLength(1);
    expect((await range(url, { Range: 'bytes=0-0', 'If-Range': '"other"' })).bytes).toHaveLength(size);
    const none = await stack.client.error(url, 416, { headers: { Range: `bytes=${size}-` } });
    expect(none.code).toBe('RANGE_NOT_SATISFIABLE');
    const { response: refused } = await range(url, { Range: `bytes=${size}-` });
    expect(refused.headers.get('Content-Range')).toBe(`bytes */${size}`);
    const known = await request(stack.client.baseUrl).get(url).set('If-None-Match', etag);
    expect([known.status, known.text]).toEqual([304, '']);
    // The condition comes before the range.
    for (const asked of ['bytes=0-0', `bytes=${size}-`]) {
      const rest = await request(stack.client.baseUrl).get(url).set({ 'If-None-Match': etag, Range: asked });
      expect([rest.status, rest.headers['content-range']]).toEqual([304, undefined]);
    }
    const head = await range(url, { Range: 'bytes=0-0' }, 'HEAD');
    expect([head.response.status, head.response.headers.get('Content-Length')]).toEqual([200, String(size)]);
  });

  it('are shown or saved, and are there by their number only', async () => {
    stack = await start([twoPictures]);
    const { job_id } = await run(twoPictures, { image: await png(), mask: await png() });
    const url = `/api/jobs/${job_id}/outputs`;
    const dispositionOf = async (path: string) =>
      (await range(path, {})).response.headers.get('Content-Disposition');
    expect(await dispositionOf(`${url}/0`)).toBe('inline; filename="two_00001_.png"');
    expect(await dispositionOf(`${url}/0?download=true`)).toBe('attachment; filename="two_00001_.png"');
    for (const index of ['2', '-1', '1e0', 'x', '0x1', '999999999999']) {
      const refused = await stack.client.error(`${url}/${index}`, 404);
      expect(refused).toMatchObject({ code: 'NOT_FOUND', status_url: `/api/jobs/${job_id}/status` });
    }
    await stack.client.error(`${url}/0?download=perhaps`, 400);
    await stack.client.error('/api/jobs/nobody/outputs/0', 404);
  });
});

describe('events and webhooks', () => {
  it('tell of the outputs, with whole links where the server knows its own', async () => {
    const PUBLIC_URL = 'https://images.example';
    stack = await start([twoPictures], {
      env: { WEBHOOK_SECRET, WEBHOOK_ALLOWED_HOSTS: '127.0.0.1', PUBLIC_URL },
    });
    const receiver = await WebhookReceiver.start(receivers);
    const files = { image: await png(), mask: await png() };
    const { job_id, outputs } = await run(twoPictures, files, { webhook_url: receiver.url });
    await eventually(() => expect(receiver.messages).toHaveLength(1));
    const whole = outputs.map((one) => ({ ...one, url: `${PUBLIC_URL}${one.url}` }));
    expect(receiver.messages[0]?.data['outputs']).toEqual(whole);
    const events = await (await stack.client.request(`/api/jobs/${job_id}/events`)).text();
    const data = /^data: ?(.+)$/m.exec(events)?.[1] ?? '{}';
    expect(JSON.parse(data)).toMatchObject({ outputs });
  });
});
