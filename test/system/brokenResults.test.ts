import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { anySyncAnswer } from '../../src/schemas/jobs.js';
import { makeChunk, pngChunks, SIGNATURE } from '../../src/services/images/pngChunks.js';
import { fileOf, graphWorkflow } from '../support/graphWorkflow.js';
import { withChunks } from '../support/imageFiles.js';
import { png } from '../support/pictures.js';
import { SwappedFolders } from '../support/SwappedFolders.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const IMAGE = { name: 'image', kind: 'image', required: true } as const;

/** Saves the image as a file of one kind. */
const saved = (class_type: string, filename_prefix: string, more: Record<string, string | number> = {}) =>
  graphWorkflow('saved', {
    files: [IMAGE],
    outputs: { result: '9' },
    build: (files) => ({
      '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
      '9': { class_type, inputs: { images: ['1', 0], filename_prefix, ...more } },
    }),
  });
const picture = saved('SaveImage', 'copy');
const animation = saved('SaveAnimatedWEBP', 'moving', {
  fps: 6,
  quality: 80,
  lossless: 'true',
  method: 'default',
});

/** Saves a text; the image is not used. */
const text = graphWorkflow('saved', {
  files: [IMAGE],
  outputs: { result: '9' },
  build: () => ({
    '9': { class_type: 'SaveText', inputs: { text: 'it', filename_prefix: 'caption', extension: 'txt' } },
  }),
});

/** Saves the image twice. */
const batch = graphWorkflow('saved', {
  files: [IMAGE],
  outputs: { result: '9' },
  build: (files) => ({
    '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
    '2': { class_type: 'RepeatImageBatch', inputs: { image: ['1', 0], amount: 2 } },
    '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'copy' } },
  }),
});

async function begin(workflow = picture): Promise<SwappedFolders> {
  const folders = new SwappedFolders();
  stack = await Stack.start({ simulators: [{ folders }], overrides: { workflows: [workflow] } });
  return folders;
}

async function run(fields: Readonly<Record<string, string>> = {}, type = 'saved') {
  const body = new FormData();
  body.set('image', new Blob([new Uint8Array(await png())]), 'a.png');
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return stack.client.request(`/api/${type}`, { method: 'POST', body });
}

async function completed(fields: Readonly<Record<string, string>> = {}) {
  const response = await run(fields);
  expect(response.status).toBe(200);
  return anySyncAnswer.parse(await response.json());
}

async function failed(fields: Readonly<Record<string, string>> = {}, type = 'saved') {
  const response = await run(fields, type);
  expect(response.status).toBe(502);
  return (await response.json()) as { code: string; error: string };
}

/** A picture whose pixels fill several kilobytes of a file. */
function noisy(): Promise<Buffer> {
  const create = { width: 300, height: 200, channels: 3 as const, background: '#808080' };
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 40 };
  return sharp({ create: { ...create, noise } })
    .png()
    .toBuffer();
}

const asJpeg = async (progressive = false) =>
  sharp(await noisy())
    .jpeg({ progressive })
    .toBuffer();

/** Two frames. */
async function moving(format: 'webp' | 'gif'): Promise<Buffer> {
  const raw = { width: 32, height: 64, channels: 3 as const, pageHeight: 32 };
  const values = Buffer.from(Array.from({ length: 32 * 64 * 3 }, (_, n) => (n * n) % 251));
  return sharp(values, { raw }).toFormat(format).toBuffer();
}

const part = (bytes: Buffer, share: number) => bytes.subarray(0, Math.floor(bytes.length * share));

function withBrokenPixels(bytes: Buffer): Buffer {
  const broken = Buffer.from(bytes);
  const middle = broken.length >> 1;
  broken.writeUInt8(broken.readUInt8(middle) ^ 0xff, middle);
  return broken;
}

function withPixels(bytes: Buffer, data: Buffer): Buffer {
  const parts = [...pngChunks(bytes)].map((one) =>
    one.name === 'IDAT' ? makeChunk('IDAT', data) : one.whole,
  );
  return Buffer.concat([SIGNATURE, ...parts]);
}

const BROKEN: Readonly<Record<string, () => Promise<Buffer>>> = {
  'no bytes': async () => Buffer.alloc(0),
  zeros: async () => Buffer.alloc(4000),
  'half a PNG': async () => part(await noisy(), 0.5),
  'a PNG with a wrong checksum': async () => withBrokenPixels(await noisy()),
  'a PNG with pixels that are none': async () => withPixels(await noisy(), Buffer.alloc(20, 7)),
  'a PNG in a million pieces': async () => {
    const piece = makeChunk('teSt', Buffer.alloc(0));
    return Buffer.concat([SIGNATURE, Buffer.alloc(1e6 * piece.length, piece), (await noisy()).subarray(8)]);
  },
  'half a JPEG': async () => part(await asJpeg(), 0.5),
  'a JPEG without its last rows': async () => part(await asJpeg(), 0.98),
  'half a progressive JPEG': async () => part(await asJpeg(true), 0.5),
  'half a WebP': async () =>
    part(
      await sharp(await noisy())
        .webp()
        .toBuffer(),
      0.5,
    ),
  'an animated WebP without its end': async () => part(await moving('webp'), 0.9),
  'a GIF without its end': async () => part(await moving('gif'), 0.9),
  'half an AVIF': async () =>
    part(
      await sharp(await noisy())
        .avif()
        .toBuffer(),
      0.5,
    ),
  'half a TIFF': async () =>
    part(
      await sharp(await noisy())
        .tiff({ compression: 'lzw' })
        .toBuffer(),
      0.5,
    ),
};

const ODD: Readonly<Record<string, () => Promise<Buffer>>> = {
  'a PNG with a wrong checksum beside its pixels': async () => {
    const file = withChunks(await noisy(), 'IDAT', ['tIME', Buffer.from('07ea0101010101', 'hex')]);
    const checksumAt = file.indexOf('tIME') + 4 + 7;
    file.writeUInt8(file.readUInt8(checksumAt) ^ 0xff, checksumAt);
    return file;
  },
  'a JPEG without its end marker': async () => (await asJpeg()).subarray(0, -2),
  'a GIF': () => moving('gif'),
  'a GIF without its trailer': async () => (await moving('gif')).subarray(0, -1),
  'an AVIF': async () =>
    sharp(await noisy())
      .avif()
      .toBuffer(),
  'a TIFF': async () =>
    sharp(await noisy())
      .tiff()
      .toBuffer(),
};

describe('a picture from a machine', () => {
  it.each(Object.entries(BROKEN))('is made again if it is %s', async (_, make) => {
    const folders = await begin();
    const [broken, whole] = [await make(), await noisy()];
    folders.swap = (n) => (n === 1 ? broken : whole);
    const { outputs } = await completed();
    expect(outputs).toMatchObject([{ kind: 'image', mime_type: 'image/png', width: 300 }]);
    expect(folders.written).toBe(2);
  });

  it.each(['no bytes', 'half a PNG'])('is never a result if it stays %s', async (name) => {
    const folders = await begin();
    const broken = await BROKEN[name]?.();
    folders.swap = () => broken ?? Buffer.alloc(0);
    for (const fields of [{}, { format: 'jpeg' }]) {
      expect(await failed(fields)).toMatchObject({ code: 'WORKFLOW_FAILED' });
    }
  });

  it.each(['no bytes', 'a PNG with a wrong checksum', 'a PNG with pixels that are none'])(
    'of a built-in workflow is never a result if it is %s',
    async (name) => {
      const folders = new SwappedFolders();
      stack = await Stack.start({ simulators: [{ folders }] });
      const broken = await BROKEN[name]?.();
      folders.swap = () => broken ?? Buffer.alloc(0);
      expect(await failed({}, 'upscale-image')).toMatchObject({ code: 'WORKFLOW_FAILED' });
    },
  );

  it.each(Object.entries(ODD))('is a result with all its pixels: %s', async (_, make) => {
    const folders = await begin();
    const odd = await make();
    folders.swap = () => odd;
    expect((await completed()).outputs).toMatchObject([{ kind: 'image' }]);
    expect(folders.written).toBe(1);
  });
});

describe('an animation or a video from a machine', () => {
  it('is no result without bytes', async () => {
    const folders = await begin(animation);
    folders.swap = () => Buffer.alloc(0);
    expect(await failed()).toMatchObject({ code: 'WORKFLOW_FAILED' });
  });
});

describe('a text from a machine', () => {
  it.each([{}, { format: 'jpeg' }])('that begins like a picture is a text: %j', async (fields) => {
    const folders = await begin(text);
    folders.swap = () => Buffer.from('GIF of a cat that plays');
    const { outputs } = await completed(fields);
    expect(outputs).toMatchObject([
      { kind: 'text', mime_type: 'text/plain', text: 'GIF of a cat that plays' },
    ]);
    expect(folders.written).toBe(1);
  });

  it.each([
    'ID3 tags are old, FLAC is not',
    'RIFFs by WAVEmakers: LIST of all',
    'OggSome text',
    'glTF is a format',
  ])('that begins like a video or a sound stays as it is: %s', async (said) => {
    const folders = await begin(text);
    folders.swap = () => Buffer.from(said);
    expect((await completed()).outputs).toMatchObject([{ kind: 'text', text: said }]);
  });
});

/** Valid beginnings of images that this server cannot decode. */
const UNSUPPORTED: Readonly<Record<string, Buffer>> = {
  'image/heic': Buffer.from(`\0\0\0\x18ftypheic\0\0\0\0mif1heic${'\0'.repeat(64)}`, 'latin1'),
  'image/bmp': Buffer.from(
    `424d3a0000000000000036000000280000000100000001000000010018${'00'.repeat(30)}`,
    'hex',
  ),
  'image/vnd.adobe.photoshop': Buffer.from(`8BPS\0\x01${'\0'.repeat(64)}`, 'latin1'),
};

describe('a picture of a type that cannot be decoded', () => {
  it.each(Object.entries(UNSUPPORTED))(
    'is made only once, whatever the client wants: %s',
    async (type, bytes) => {
      const folders = await begin();
      folders.swap = () => bytes;
      const { error, code } = await failed({ format: 'jpeg' });
      expect([code, error]).toEqual(['WORKFLOW_FAILED', expect.stringContaining(`${type}, which cannot be`)]);
      expect(error).toContain('JPEG');
      expect(folders.written).toBe(1);
      expect((await completed()).outputs).toMatchObject([{ kind: 'image', mime_type: type }]);
      expect(folders.written).toBe(2);
    },
  );

  it('has no thumbnail', async () => {
    const folders = await begin();
    for (const bytes of Object.values(UNSUPPORTED)) {
      folders.swap = () => bytes;
      const { job_id } = await completed();
      const answer = await stack.client.error(`/api/jobs/${job_id}/result/thumbnail`, 404);
      expect(answer).toMatchObject({ code: 'NOT_FOUND', job_id });
    }
  });

  it('leaves the thumbnail to the first picture that can be decoded', async () => {
    const folders = await begin(batch);
    const [first = Buffer.alloc(0)] = Object.values(UNSUPPORTED);
    const shown = await noisy();
    folders.swap = (n) => (n === 1 ? first : shown);
    const { job_id, outputs } = await completed();
    expect(outputs.map(({ mime_type }) => mime_type)).toEqual(['image/heic', 'image/png']);
    const response = await stack.client.request(`/api/jobs/${job_id}/result/thumbnail`);
    expect(response.status).toBe(200);
    expect(await sharp(await response.arrayBuffer()).metadata()).toMatchObject({ width: 192, height: 128 });
  });
});
