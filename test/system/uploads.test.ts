import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorAnswer } from '../../src/schemas/common.js';
import { jpeg, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.stop());

const ROUTES = ['/api/remove-background', '/api/upscale-image', '/api/async/upscale-remove-bg'];

/** A PNG header that claims this size; the file is complete but has almost no pixel data. */
function pngHeader(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', Buffer.alloc(9)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

async function expectRefusal(image: Uint8Array, status: number, code: string): Promise<void> {
  for (const path of ROUTES) {
    expect((await stack.client.refused(path, image, status, { filename: 'photo.png' })).code).toBe(code);
  }
  await expectNothingLeft();
}

async function expectNothingLeft(): Promise<void> {
  expect(stack.blobs.size).toBe(0);
  expect((await stack.services.manager.queue.size()).jobs).toBe(0);
  expect(stack.simulator().promptIds).toEqual([]);
}

async function rawPost(body: string | Buffer, contentType: string, path = '/api/upscale-image') {
  const response = await stack.client.request(path, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: { 'Content-Type': contentType },
  });
  return { status: response.status, body: errorAnswer.parse(await response.json()) };
}

describe('an upload that is refused', () => {
  it('is text called photo.png', () =>
    expectRefusal(Buffer.from('hello, I am text'), 415, 'UNSUPPORTED_IMAGE_TYPE'));

  it('is a GIF', async () => {
    await expectRefusal(
      await sharp(await png())
        .gif()
        .toBuffer(),
      415,
      'UNSUPPORTED_IMAGE_TYPE',
    );
  });

  it('is an SVG, which is never read', async () => {
    const svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
    await expectRefusal(Buffer.from(svg), 415, 'UNSUPPORTED_IMAGE_TYPE');
  });

  it('is a WebP, where that type was not allowed', async () => {
    await expectRefusal(
      await sharp(await png())
        .webp()
        .toBuffer(),
      415,
      'UNSUPPORTED_IMAGE_TYPE',
    );
  });

  it('is a truncated JPEG', async () => {
    const whole = await jpeg({ width: 200, height: 200 });
    await expectRefusal(whole.subarray(0, whole.length / 2), 400, 'INVALID_IMAGE');
  });

  it('is a truncated PNG', async () => {
    const whole = await png({ width: 200, height: 200 });
    await expectRefusal(whole.subarray(0, whole.length - 13), 400, 'INVALID_IMAGE');
  });

  it('is a 30,000 x 30,000 PNG header', () =>
    expectRefusal(pngHeader(30_000, 30_000), 413, 'IMAGE_TOO_LARGE'));

  it('would be enlarged beyond the limit', async () => {
    const refusal = await stack.client.refused('/api/upscale-image', pngHeader(6000, 6000), 413);
    expect(refusal).toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      error: expect.stringContaining('24000 x 24000'),
    });
  });

  it('has 11 MB', () => expectRefusal(randomBytes(11 * 1024 * 1024), 413, 'FILE_TOO_LARGE'));

  it('has one byte more than is taken, while as many as are taken are looked at', async () => {
    const max = 10 * 1024 * 1024;
    await expectRefusal(Buffer.alloc(max + 1), 413, 'FILE_TOO_LARGE');
    await expectRefusal(Buffer.alloc(max), 415, 'UNSUPPORTED_IMAGE_TYPE');
  });

  it('declares a size far beyond the limit, and is not read', async () => {
    const { status, body } = await rawPost(Buffer.alloc(12 * 1024 * 1024), 'multipart/form-data; boundary=x');
    expect(status).toBe(413);
    expect(body.code).toBe('FILE_TOO_LARGE');
  });

  it('comes twice', async () => {
    const form = new FormData();
    const blob = new Blob([new Uint8Array(await png())]);
    form.append('imageFile', blob, 'a.png');
    form.append('imageFile', blob, 'b.png');
    const refusal = await stack.client.error('/api/upscale-image', 400, { method: 'POST', body: form });
    expect(refusal.code).toBe('TOO_MANY_FILES');
    await expectNothingLeft();
  });

  it('has the wrong field name, which the answer tells', async () => {
    const refusal = await stack.client.refused('/api/upscale-image', await png(), 400, { field: 'photo' });
    expect(refusal).toMatchObject({ code: 'NO_IMAGE', error: 'No image file provided.' });
    expect(refusal.details).toContain('"photo"');
  });

  it('is not there', async () => {
    const form = new FormData();
    form.set('scale', '2');
    const none = await stack.client.error('/api/upscale-image', 400, { method: 'POST', body: form });
    expect(none).toMatchObject({ code: 'NO_IMAGE', error: 'No image file provided.' });
    const nothing = await stack.client.error('/api/upscale-image', 400, { method: 'POST' });
    expect(nothing.code).toBe('NO_IMAGE');
    const empty = await stack.client.refused('/api/upscale-image', Buffer.alloc(0), 400);
    expect(empty).toMatchObject({
      code: 'NO_IMAGE',
      error: 'The image file in the field "imageFile" is empty.',
    });
    const json = await rawPost('{"imageFile":"x"}', 'application/json');
    expect(json.body).toMatchObject({ code: 'NO_IMAGE', details: expect.stringContaining('"inputs"') });
  });

  it('is a broken multipart body', async () => {
    const bodies: Array<[string, string]> = [
      [
        '--x\r\nContent-Disposition: form-data; name="imageFile"; filename="a"\r\n\r\nhalf',
        'multipart/form-data; boundary=x',
      ],
      ['nothing of the kind', 'multipart/form-data; boundary=x'],
      ['--x--', 'multipart/form-data'],
      ['--x\r\nno colon here\r\n\r\n--x--', 'multipart/form-data; boundary=x'],
    ];
    for (const [body, type] of bodies) {
      const answer = await rawPost(body, type);
      expect([answer.status, answer.body.code]).toEqual([400, 'MALFORMED_UPLOAD']);
    }
    await expectNothingLeft();
  });
});

describe('a parameter that is refused', () => {
  const cases: Array<[string, Record<string, string>, string]> = [
    ['/api/upscale-image', { scale: '5' }, 'scale must be a number from 1 to 4, but was "5".'],
    ['/api/upscale-image', { scale: 'big' }, 'scale must be a number from 1 to 4, but was "big".'],
    ['/api/remove-background', { crop: 'maybe' }, 'crop must be true or false, but was "maybe".'],
    ['/api/remove-background', { format: 'tiff' }, 'format must be PNG, JPEG or WEBP, but was "tiff".'],
    ['/api/remove-background', { mode: 'later' }, 'mode must be async or sync, but was "later".'],
    ['/api/remove-background', { async: '2' }, 'async must be true or false, but was "2".'],
  ];
  it.each(cases)('%s %o', async (path, fields, error) => {
    const refusal = await stack.client.refused(path, await png(), 400, { fields });
    expect(refusal).toMatchObject({ code: 'INVALID_PARAMETER', error });
    await expectNothingLeft();
  });

  it('is named together with all others', async () => {
    const fields = { scale: '5', format: 'JPEG' };
    const { error, details } = await stack.client.refused('/api/upscale-image', await png(), 400, { fields });
    expect([error, details]).toEqual([
      'scale must be a number from 1 to 4, but was "5".',
      { parameter: 'scale', takes: 'a number from 1 to 4' },
    ]);
    const query = 'limit=abc&status=dunno';
    const list = await stack.client.error(`/api/jobs/list?${query}`, 400);
    expect(list.error).toMatch(
      /^status must be one of .*, but was "dunno"; limit must be a whole number .*, but was "abc"\.$/,
    );
    expect(list.details).toMatchObject({
      parameter: 'status',
      all: [{ parameter: 'status' }, { parameter: 'limit' }],
    });
  });

  it('comes twice in the query', async () => {
    const refusal = await stack.client.refused('/api/upscale-image?scale=2&scale=3', await png(), 400);
    expect(refusal.error).toBe('scale must be a single value, but was ["2","3"].');
  });
});

describe('an upload that is taken', () => {
  const BOUNDARY = 'a-boundary';

  async function* inPieces(whole: Buffer) {
    for (let at = 0; at < whole.length; at += 7000) yield whole.subarray(at, at + 7000);
  }

  /** The bytes that the server keeps of an image whose form arrived in pieces. */
  async function keptOf(image: Buffer, options: { declared: boolean; more?: string }): Promise<Buffer> {
    const field = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="other"\r\n\r\n${options.more ?? ''}\r\n`;
    const form = Buffer.concat([
      Buffer.from(
        `--${BOUNDARY}\r\nContent-Disposition: form-data; name="imageFile"; filename="a.png"\r\n\r\n`,
      ),
      image,
      Buffer.from(`\r\n${field}--${BOUNDARY}--\r\n`),
    ]);
    // A body of known length declares it; a stream is sent in chunks without a length.
    const body = options.declared ? new Uint8Array(form) : ReadableStream.from(inPieces(form));
    const response = await stack.client.request('/api/async/upscale-image', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` },
    } as RequestInit);
    expect(response.status).toBe(202);
    const { job_id: id } = (await response.json()) as { job_id: string };
    const { manager } = stack.services;
    const { image: file } = (await manager.get(id)).request.files;
    if (!file) throw new Error('The job has no image.');
    const kept = await manager.inputs.whole(file);
    await stack.services.manager.remove(id);
    return kept;
  }

  it('is kept byte by byte, whether its length was declared or not, and whatever else is in the form', async () => {
    stack.simulator().faults.hang = true;
    const noise = { raw: { width: 300, height: 300, channels: 3 as const } };
    const large = await sharp(randomBytes(300 * 300 * 3), noise)
      .png()
      .toBuffer();
    for (const image of [await png(), large]) {
      for (const declared of [true, false]) {
        for (const more of ['', 'x'.repeat(16_000)]) {
          expect((await keptOf(image, { declared, more })).equals(image)).toBe(true);
        }
      }
    }
    // The memory of the rest of the form is not kept with the image.
    const small = await keptOf(await png(), { declared: true, more: 'x'.repeat(16_000) });
    expect(small.buffer.byteLength).toBeLessThan(1.2 * small.length);
    stack.simulator().faults.hang = false;
  });
});

describe('a loader that accepts only files in the input folder', () => {
  let other: Stack;
  let folder: WorkflowFiles;
  beforeEach(async () => {
    folder = await WorkflowFiles.create({
      'pack.json': JSON.stringify({
        '1': { class_type: 'LoadPackImage', inputs: { image: 'x.png' } },
        '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
      }),
    });
    other = await Stack.start({ simulators: [{}, {}, {}], env: { WORKFLOWS_DIR: folder.directory } });
    for (const { folders } of other.simulators) {
      folders.write({ type: 'input', subfolder: '', filename: 'secret.png' }, await png());
    }
  });
  afterEach(async () => {
    await other.stop();
    await folder.delete();
  });

  it('fails its job at once and says why, without the names of other files', async () => {
    const asked = (route: string) =>
      other.simulators.reduce((sum, { requests }) => sum + (requests.get(route) ?? 0), 0);
    const [prompts, views] = [asked('POST /prompt'), asked('GET /view')];
    const form = new FormData();
    form.set('image', new Blob([new Uint8Array(await png())]), 'a.png');
    const { error, details } = await other.client.error('/api/pack', 502, { method: 'POST', body: form });
    expect(error).toContain("accepts only files in ComfyUI's input folder");
    expect(JSON.stringify([error, details])).not.toMatch(/secret|comfyui-express/);
    expect(details).toMatchObject({
      category: 'workflow_validation',
      node_id: '1',
      node_class: 'LoadPackImage',
    });
    expect([asked('POST /prompt') - prompts, asked('GET /view') - views]).toEqual([1, 0]);
  });
});
