/** Sends the same requests to a simulated ComfyUI and to the server's port in front of it, and compares the responses. */
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NativeClient } from '../support/NativeClient.js';
import { png, transparentPng } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let machine: NativeClient;
let server: NativeClient;

beforeAll(async () => {
  stack = await Stack.start({ env: { COMFYUI_API_PORT: '0' } });
  machine = new NativeClient(stack.simulator().host);
  server = new NativeClient(stack.nativeHost);
  for (const client of [machine, server]) {
    await client.upload('there.png', await png());
    await client.upload('transparent.png', await transparentPng());
  }
  for (const name of ['theirs.png', ...NAMES]) await machine.upload(name, await transparentPng());
});

afterAll(() => stack.stop());

/** Names with characters that are special in URLs and headers, and not ASCII. */
const NAMES = ['a b.png', '100%.png', "it's (1), really; yes.png", 'näme.png', '名前 🙂.png'];

const load = { class_type: 'LoadImage', inputs: { image: 'there.png' } };
const save = (id: string) => ({ class_type: 'SaveImage', inputs: { images: [id, 0], filename_prefix: 'x' } });
const rembg = (inputs: object) => ({ class_type: 'InspyrenetRembg', inputs });
const scale = (inputs: object) => ({ class_type: 'ImageScaleBy', inputs: { image: ['1', 0], ...inputs } });

const PROMPTS: Readonly<Record<string, unknown>> = {
  'no prompt': {},
  'a class that there is not': {
    prompt: { '1': load, '2': { class_type: 'NoSuchNode', inputs: {} }, '3': save('2') },
  },
  'no class': { prompt: { '1': { inputs: {} } } },
  'the format of the interface': { prompt: { id: 'x', nodes: [{ id: 1, type: 'LoadImage' }], links: [] } },
  'no outputs': { prompt: { '1': load } },
  'an input that is missing': { prompt: { '1': rembg({ torchscript_jit: 'default' }), '3': save('1') } },
  'a value that is not in the list': {
    prompt: { '1': load, '2': rembg({ image: ['1', 0], torchscript_jit: 'bogus' }), '3': save('2') },
  },
  'numbers that are too large and a method that there is not': {
    prompt: { '1': load, '2': scale({ upscale_method: 'nope', scale_by: 99 }), '3': save('2') },
  },
  'numbers that are too small': {
    prompt: { '1': load, '2': scale({ upscale_method: 'lanczos', scale_by: 0 }), '3': save('2') },
  },
  'a number that is none': {
    prompt: { '1': load, '2': scale({ upscale_method: 'lanczos', scale_by: 'wide' }), '3': save('2') },
  },
  'a list that is no link': {
    prompt: { '1': load, '2': scale({ upscale_method: 'lanczos', scale_by: [1, 2, 3] }), '3': save('2') },
  },
  'a link of another type': {
    prompt: { '1': load, '3': { ...save('1'), inputs: { images: ['1', 1], filename_prefix: 'x' } } },
  },
  'a link to nothing': {
    prompt: { '2': { class_type: 'ImageInvert', inputs: { image: ['9', 0] } }, '3': save('2') },
  },
  'a slot that there is not': {
    prompt: { '1': load, '3': { class_type: 'PreviewImage', inputs: { images: ['1', 5] } } },
  },
  'a file that is not there': {
    prompt: { '1': { class_type: 'LoadImage', inputs: { image: 'gone.png' } }, '3': save('1') },
  },
  'a file in a folder that is not there': {
    prompt: { '1': { class_type: 'LoadImage', inputs: { image: 'sub/gone.png' } }, '3': save('1') },
  },
  'a temporary file that is not there': {
    prompt: { '1': { class_type: 'LoadImage', inputs: { image: 'gone.png [temp]' } }, '3': save('1') },
  },
  'an output that is not there': {
    prompt: { '1': { class_type: 'LoadImage', inputs: { image: 'gone.png [output]' } }, '3': save('1') },
  },
  'a file that is not there, for one of two outputs': {
    prompt: {
      '1': load,
      '2': save('1'),
      '3': { class_type: 'LoadImage', inputs: { image: 'gone.png' } },
      '5': save('3'),
    },
  },
  'two outputs, one of which is a target': {
    prompt: {
      '1': load,
      '2': save('1'),
      '3': { class_type: 'LoadImage', inputs: { image: 'gone.png' } },
      '4': save('3'),
    },
    partial_execution_targets: ['2'],
  },
  'targets that are no outputs': {
    prompt: { '1': load, '2': save('1') },
    partial_execution_targets: ['1', '9'],
  },
  'the number of a node in a link': {
    prompt: { '1': load, '2': { class_type: 'PreviewImage', inputs: { images: [1, 0] } } },
  },
  'a good prompt': { prompt: { '1': load, '2': save('1') } },
  'a number as its id': { prompt: { '1': load, '2': save('1') }, prompt_id: 41 },
  'a good prompt with an id': {
    prompt: { '1': load, '2': save('1') },
    prompt_id: '7a12c8bf-2753-43db-b166-21c7108cd445',
    client_id: 'c',
  },
};

const jobsWith = (query: string) => `/api/jobs?${query}`;

const READS = [
  '/object_info/KSampler',
  '/object_info/LoadImage',
  '/object_info/NoSuchNode',
  '/api/object_info/UpscaleModelLoader',
  '/models',
  '/models/upscale_models',
  '/system_stats',
  '/history/unknown-id',
  '/api/jobs/unknown-id',
  ...['status=bogus', 'status=failed,bogus', 'sort_by=bogus', 'sort_by=', 'sort_order=up'].map(jobsWith),
  ...['limit=0', 'limit=-1', 'limit=', 'limit=1.5', 'limit=all', 'offset=x', 'offset='].map(jobsWith),
  '/no/such/route',
  '/view?filename=nope.png&type=output',
  '/view?filename=../../etc/passwd&type=output',
  '/view?filename=there.png&type=input',
];

/** Requests for pictures and for parts of files: queries and headers of `GET /view`. */
const VIEWS: readonly (readonly [query: string, headers?: Readonly<Record<string, string>>])[] = [
  ...['webp;90', 'jpeg;75', 'png;50', '75', 'webp;best', 'webp;0', ''].map(
    (preview) => [`preview=${preview}`] as const,
  ),
  ...['rgb', 'rgba', 'a'].flatMap((channel) => [
    [`channel=${channel}`] as const,
    [`channel=${channel}&preview=jpeg;75`] as const,
  ]),
  ['channel=other'],
  ['preview=jpeg;75', { Range: 'bytes=0-9' }],
  ...['0-9', '10-', '-10', '0-999999', '999999-', '9-5'].map(
    (range) => ['', { Range: `bytes=${range}` }] as const,
  ),
  ['', { 'If-None-Match': '"other"' }],
  ['', { 'If-None-Match': '*' }],
  ['', { 'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
  ['', { 'If-Modified-Since': 'Thu, 01 Jan 2099 00:00:00 GMT' }],
  ['', { Range: 'bytes=0-9', 'If-Range': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
];

const COMMANDS: readonly (readonly [string, unknown])[] = [
  ['/queue', { delete: ['unknown'] }],
  ['/queue', { clear: true }],
  ['/interrupt', { prompt_id: 'unknown' }],
  ['/interrupt', undefined],
  ['/interrupt', 'xx'],
  ['/interrupt', '{"prompt_id": '],
  ['/history', { clear: true }],
  ['/api/jobs/unknown/cancel', undefined],
  ['/api/jobs/cancel', {}],
  ['/api/jobs/cancel', { job_ids: 'one' }],
  ['/api/jobs/cancel', { job_ids: [] }],
  ['/api/jobs/cancel', { job_ids: ['7a12c8bf-2753-43db-b166-21c7108cd445'] }],
  ['/api/jobs/cancel', { job_ids: ['7A12C8BF-2753-43DB-B166-21C7108CD445', 'one', 5] }],
  ['/free', { unload_models: true, free_memory: true }],
];

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Removes ids, numbers in the queue, and Python's tracebacks, which this server does not have. */
function comparable({ status, type, text }: { status: number; type: string | null; text: string }): unknown {
  // ComfyUI's error responses have no body, except those about prompts.
  if (status === 404 || (status === 400 && text === '')) return { status };
  const kept = (key: string, value: unknown) => (key === 'traceback' || key === 'number' ? undefined : value);
  try {
    return { status, type, json: JSON.parse(text.replaceAll(UUID, 'id'), kept) };
  } catch {
    return { status, type, text };
  }
}

async function expectSame(ask: (client: NativeClient) => ReturnType<NativeClient['request']>): Promise<void> {
  const [there, here] = [comparable(await ask(machine)), comparable(await ask(server))];
  // One response has no body, and the other has a reason.
  if (JSON.stringify(there) === '{"status":400}') expect(here).toMatchObject({ status: 400 });
  else expect(here).toEqual(there);
}

/** Returns status, headers and bytes of a file. A picture is compared by its pixels. */
async function fileAt(client: NativeClient, query: string, init: RequestInit): Promise<unknown> {
  const response = await client.fetch(`/view?type=input&${query}`, {
    ...init,
    // Without it, `fetch` forbids that anything is taken from a cache.
    headers: { 'Cache-Control': 'max-age=0', ...init.headers },
  });
  const { status, headers } = response;
  const bytes = Buffer.from(await response.arrayBuffer());
  const isThere = ['etag', 'last-modified'].map((name) => headers.has(name));
  if (status >= 400) return { status, range: headers.get('content-range') };
  const named = ['content-type', 'content-disposition', 'content-length', 'content-range', 'accept-ranges'];
  const isImage = status === 200 && bytes.length > 0 && headers.get('content-type')?.startsWith('image/');
  return {
    status,
    // A converted picture has an `ETag` here only.
    isThere: query.includes('preview') || /channel=(rgb|a)(&|$)/.test(query) ? 'any' : isThere,
    headers: status === 304 ? 'any' : named.map((name) => headers.get(name)),
    bytes: isImage ? await sharp(bytes).raw().toBuffer() : bytes,
  };
}

/** Both are on the machine. The server has the first one itself. */
const FILES = ['transparent.png', 'theirs.png'];

describe.each(FILES)('the port of ComfyUI’s own API sends %s as a ComfyUI', (filename) => {
  const compare = async (query: string, init: RequestInit) => {
    const [there, here] = await Promise.all(
      [machine, server].map((client) => fileAt(client, `filename=${filename}&${query}`, init)),
    );
    expect(here).toEqual(there);
  };

  it.each(VIEWS.map(([query, headers = {}]) => [query, headers] as const))(
    'for %s with %j',
    async (query, headers) => {
      await compare(query, { headers });
    },
  );

  it.each(['', 'preview=webp', 'channel=a'])('to HEAD with "%s"', async (query) => {
    await compare(query, { method: 'HEAD' });
  });
});

describe('the port of ComfyUI’s own API sends names as a ComfyUI', () => {
  it.each(NAMES)('%s', async (filename) => {
    for (const form of ['', '&channel=rgb']) {
      const query = `filename=${encodeURIComponent(filename)}${form}`;
      const [there, here] = await Promise.all([machine, server].map((client) => fileAt(client, query, {})));
      expect(there).toMatchObject({ status: 200 });
      expect(here).toEqual(there);
    }
  });

  it.each(['there.png [input]', 'there.png [output]', 'theirs.png [input]', ' [input]'])(
    'with their folder: %s',
    async (filename) => {
      for (const type of ['', '&type=output', '&type=temp']) {
        await expectSame((client) => client.request(`/view?filename=${encodeURIComponent(filename)}${type}`));
      }
    },
  );
});

describe('the port of ComfyUI’s own API answers as a ComfyUI', () => {
  it.each(Object.keys(PROMPTS))('to a prompt with %s', async (name) => {
    await expectSame((client) => client.submit(PROMPTS[name]));
  });

  it.each(READS)('to GET %s', async (path) => {
    await expectSame((client) => client.request(path));
  });

  it.each(COMMANDS)('to POST %s with %j', async (path, body) => {
    await expectSame((client) => client.post(path, body));
  });
});
