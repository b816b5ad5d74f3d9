import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorAnswer } from '../../src/schemas/common.js';
import { anySyncAnswer, asyncAnswer, jobRecord } from '../../src/schemas/jobs.js';
import { InputUnreachable } from '../../src/services/assets/InputUnreachable.js';
import type { ServiceOverrides } from '../../src/services/ServiceOverrides.js';
import type { AssetFiles } from '../../src/services/submissions/FileGathering.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { type Built, RecordingWorkflows } from '../support/recordingWorkflows.js';
import { Stack } from '../support/stack.js';

/** The relevant parts of an OpenAPI document. */
const openApi = z.object({
  paths: z.record(
    z.string(),
    z.object({
      post: z
        .object({
          requestBody: z.object({
            content: z.record(
              z.string(),
              z.object({
                schema: z.object({
                  properties: z.record(z.string(), z.unknown()).optional(),
                  required: z.array(z.string()).optional(),
                }),
              }),
            ),
          }),
        })
        .catch({ requestBody: { content: {} } }),
    }),
  ),
});

const KIB = 1024;
const MAX_FILE_BYTES = 64 * KIB;
const MP4 = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');
const WAV = Buffer.from('RIFF\x24\0\0\0WAVEfmt \x10\0\0\0', 'latin1');
const NOTES = Buffer.from('just a few words');

/** Files on the web, by URL. */
const web = new Map<string, Buffer>();
/** URLs whose response never ends. */
const endless = new Set<string>();
const given: string[] = [];

const fetcher: Required<ServiceOverrides>['inputFetcher'] = {
  fetch: async (url, { signal }, use) => {
    given.push(url);
    const bytes = web.get(url);
    if (bytes) return use({ body: Readable.from([bytes]), filename: url.split('/').at(-1) });
    if (!endless.has(url)) throw new InputUnreachable('bad_status', '404');
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    throw signal.reason;
  },
};

const assetFiles: AssetFiles = {
  read: async (id) => (id === 'known' ? { bytes: photo, filename: 'kept.png' } : undefined),
};

const workflows = new RecordingWorkflows();
let stack: Stack;
let photo: Buffer;
let mask: Buffer;

beforeAll(async () => {
  photo = await png({ colour: colourOf(7) });
  mask = await png({ colour: colourOf(8) });
  web.set('https://files.example/a%20photo.png', photo);
  web.set('https://files.example/empty.png', Buffer.alloc(0));
  stack = await Stack.start({
    env: { MAX_FILE_SIZE: String(MAX_FILE_BYTES), MAX_UPLOAD_MEMORY: String(1024 * KIB) },
    overrides: { workflows: workflows.all, inputFetcher: fetcher, assetFiles, random: () => 42 },
  });
});
afterAll(() => stack.stop());

const dataUri = (bytes: Buffer) => `data:application/octet-stream;base64,${bytes.toString('base64')}`;

function form(parts: Readonly<Record<string, Buffer | string>>): FormData {
  const filled = new FormData();
  for (const [name, part] of Object.entries(parts)) {
    if (typeof part === 'string') filled.set(name, part);
    else filled.set(name, new Blob([new Uint8Array(part)]), `${name}.bin`);
  }
  return filled;
}

/** A request that posts JSON; text is sent unchanged. */
const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const multipart = (parts: Parameters<typeof form>[0]): RequestInit => ({ method: 'POST', body: form(parts) });
const raw = (type: string, bytes: Buffer): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': type },
  body: new Uint8Array(bytes),
});

async function refused(path: string, status: number, init: RequestInit) {
  const response = await stack.client.request(path, init);
  const body = errorAnswer.parse(await response.json());
  expect([response.status, body.error]).toEqual([status, expect.any(String)]);
  return body;
}

/** Submits a job, waits for its end, and returns the arguments of its graph. */
async function accepted(path: string, init: RequestInit) {
  const response = await stack.client.request(path, init);
  const text = await response.text();
  expect([response.status, text]).toEqual([202, expect.any(String)]);
  const answer = asyncAnswer.parse(JSON.parse(text));
  const status = await stack.client.finished(answer.job_id);
  expect(status.status).toBe('completed');
  return { answer, status, built: workflows.built.at(-1) as Built };
}

const bytesOf = ({ files }: Built) =>
  Object.fromEntries([...files].map(([name, file]) => [name, file.bytes.toString('latin1')]));
const latin = (bytes: Buffer) => bytes.toString('latin1');

describe('every way to submit', () => {
  const ways: Array<[string, () => [string, RequestInit], readonly string[]]> = [
    ['a form', () => ['collage', multipart({ photo, mask, prompt: 'a hat', steps: '7' })], ['photo', 'mask']],
    [
      'JSON with data URIs',
      () => [
        'collage',
        json({ inputs: { photo: dataUri(photo), mask: dataUri(mask), prompt: 'a hat', steps: 7 } }),
      ],
      ['photo', 'mask'],
    ],
    [
      'JSON with a URL and parameters beside the inputs',
      () => [
        'collage',
        json({ inputs: { photo: 'https://files.example/a%20photo.png' }, prompt: 'a hat', steps: 7 }),
      ],
      ['photo'],
    ],
    [
      'JSON with an asset, and numbers as text',
      () => ['collage', json({ inputs: { photo: { asset_id: 'known' }, prompt: 'a hat', steps: '7' } })],
      ['photo'],
    ],
    [
      'a body that is the file, parameters in the query',
      () => ['collage?prompt=a%20hat&steps=7', raw('image/png', photo)],
      ['photo'],
    ],
    ['a body that is a sound', () => ['sing?prompt=a%20hat&steps=7', raw('audio/wav', WAV)], ['voice']],
    ['no body, where no file is needed', () => ['dream?prompt=a%20hat&steps=7', { method: 'POST' }], []],
    ['JSON without files', () => ['dream', json({ inputs: { prompt: 'a hat' }, steps: 7 })], []],
    ['a form without files', () => ['dream', multipart({ prompt: 'a hat', steps: '7' })], []],
  ];

  it.each(ways)('%s, for later', async (_, submission, files) => {
    const [path, init] = submission();
    const { built, answer } = await accepted(`/api/async/${path}`, init);
    expect([...built.files.keys()]).toEqual(files);
    expect(built.parameters).toMatchObject({ prompt: 'a hat', steps: 7 });
    expect(answer).not.toHaveProperty('warnings');
  });

  it.each(ways)('%s, waiting for the result', async (_, submission, files) => {
    const [path, init] = submission();
    const response = await stack.client.request(`/api/${path}`, init);
    expect(response.status).toBe(200);
    const answer = anySyncAnswer.parse(await response.json());
    expect(answer.outputs).toHaveLength(1);
    expect(answer).not.toHaveProperty('warnings');
    const built = workflows.built.at(-1) as Built;
    expect([...built.files.keys()]).toEqual(files);
    expect(built.parameters).toMatchObject({ prompt: 'a hat', steps: 7 });
  });

  it('may begin with a byte order mark where it is JSON', async () => {
    await accepted('/api/async/dream', json('\ufeff{"prompt":"a hat"}'));
  });

  it('may be told how in JSON, with its own types', async () => {
    const body = { inputs: { prompt: null, seed: 5 }, async: true, format: 'webp', steps: null };
    const { built, answer } = await accepted('/api/dream', json(body));
    expect(built.parameters).toEqual({ seed: '5' });
    const info = await stack.client.json(`/api/jobs/${answer.job_id}/info`, jobRecord);
    expect(info.data.format).toBe('WEBP');
  });
});

describe('files', () => {
  it('of every kind reach the graph byte by byte, in the order of the workflow', async () => {
    const files = { notes: NOTES, voice: WAV, mask, photo, clip: MP4 };
    const inputs = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, dataUri(bytes)]));
    for (const init of [multipart(files), json({ inputs })]) {
      const { built } = await accepted('/api/async/collage', init);
      expect([...built.files.keys()]).toEqual(['clip', 'photo', 'mask', 'voice', 'notes']);
      const { clip, voice, notes } = bytesOf(built);
      expect([clip, voice, notes]).toEqual([latin(MP4), latin(WAV), latin(NOTES)]);
    }
  });

  it('of which the first image is also called imageFile', async () => {
    for (const init of [multipart({ imageFile: photo }), json({ inputs: { imageFile: dataUri(photo) } })]) {
      const { built } = await accepted('/api/async/collage', init);
      expect([...built.files.keys()]).toEqual(['photo']);
    }
  });

  it('that are fetched have the name that their address has', async () => {
    const body = { inputs: { photo: 'https://files.example/a%20photo.png' } };
    const { answer } = await accepted('/api/async/collage', json(body));
    const info = await stack.client.json(`/api/jobs/${answer.job_id}/info`, jobRecord);
    expect(info.data.originalFilename).toBe('a%20photo.png');
  });

  it('that must be there and are not are named', async () => {
    expect(await refused('/api/collage', 400, multipart({ mask }))).toMatchObject({
      code: 'NO_IMAGE',
      error: 'No image file provided.',
      details: expect.stringContaining('"photo"'),
    });
    for (const init of [multipart({ left: photo }), json({ inputs: { left: dataUri(photo) } })]) {
      const refusal = await refused('/api/pair', 400, init);
      expect(refusal).toMatchObject({ code: 'NO_IMAGE', details: expect.stringContaining('"right"') });
    }
    const silent = await refused('/api/sing', 400, { method: 'POST' });
    expect(silent).toMatchObject({ code: 'NO_IMAGE', error: 'No audio file provided.' });
    expect((await refused('/api/sing', 400, json({}))).code).toBe('NO_IMAGE');
    expect((await refused('/api/sing', 400, raw('audio/wav', Buffer.alloc(0)))).code).toBe('NO_IMAGE');
  });

  it('are refused twice for one input', async () => {
    const twice = form({ left: photo, right: mask });
    twice.append('left', new Blob([new Uint8Array(photo)]), 'b.png');
    const both = { photo: dataUri(photo), imageFile: dataUri(mask) };
    const requests: Array<[string, RequestInit]> = [
      ['/api/pair', { method: 'POST', body: twice }],
      ['/api/collage', multipart({ photo, imageFile: mask })],
      ['/api/collage', json({ inputs: both })],
    ];
    for (const [path, init] of requests) {
      expect((await refused(path, 400, init)).code).toBe('TOO_MANY_FILES');
    }
  });

  it('are refused in a field that is no input, with the ones that are', async () => {
    expect(await refused('/api/pair', 400, multipart({ photo }))).toMatchObject({
      code: 'INVALID_PARAMETER',
      error: 'There is no file input "photo": files belong in "left", "right".',
    });
    expect(await refused('/api/dream', 400, multipart({ photo }))).toMatchObject({
      code: 'INVALID_PARAMETER',
      error: 'There is no file input "photo": this workflow takes no files.',
    });
    const sound = await refused('/api/sing', 400, multipart({ photo }));
    expect(sound).toMatchObject({ code: 'NO_IMAGE', details: expect.stringContaining('"voice"') });
  });

  it('are refused where they are not of their kind, by their bytes', async () => {
    const wrong: Array<[Record<string, Buffer>, string, string]> = [
      [{ photo: WAV }, 'UNSUPPORTED_IMAGE_TYPE', 'audio/wav'],
      [{ photo, mask: MP4 }, 'UNSUPPORTED_IMAGE_TYPE', 'the file for "mask" is video/mp4'],
      [{ photo, clip: WAV }, 'UNSUPPORTED_FILE_TYPE', 'must be video'],
      [{ photo, voice: MP4 }, 'UNSUPPORTED_FILE_TYPE', 'must be audio'],
      [{ photo, voice: NOTES }, 'UNSUPPORTED_FILE_TYPE', 'an unknown type'],
    ];
    for (const [files, code, words] of wrong) {
      const inputs = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, dataUri(bytes)]));
      for (const init of [multipart(files), json({ inputs })]) {
        const refusal = await refused('/api/async/collage', 415, init);
        expect(refusal).toMatchObject({ code, error: expect.stringContaining(words) });
      }
    }
    const typed = await refused('/api/sing', 415, raw('audio/wav', photo));
    expect(typed.code).toBe('UNSUPPORTED_FILE_TYPE');
  });

  it('are refused where they are broken, or have too many pixels, with the name of the input', async () => {
    const half = photo.subarray(0, photo.length - 20);
    const broken = await refused('/api/async/pair', 400, multipart({ left: photo, right: half }));
    expect(broken).toMatchObject({ code: 'INVALID_IMAGE', error: expect.stringContaining('for "right"') });
    const vast = Buffer.from(photo);
    vast.writeUInt32BE(30_000, 16);
    vast.writeUInt32BE(30_000, 20);
    const refusal = await refused('/api/async/collage', 413, multipart({ photo, mask: vast }));
    expect(refusal).toMatchObject({ code: 'IMAGE_TOO_LARGE', error: expect.stringContaining('for "mask"') });
  });

  it('may each be as large as a file may be, and no larger', async () => {
    const large = Buffer.alloc(MAX_FILE_BYTES);
    const { built } = await accepted('/api/async/collage', multipart({ photo, notes: large }));
    expect(built.files.get('notes')?.bytes).toHaveLength(MAX_FILE_BYTES);
    await accepted('/api/async/collage', json({ inputs: { photo: dataUri(photo), notes: dataUri(large) } }));
    const larger = Buffer.alloc(MAX_FILE_BYTES + 1);
    const tooLarge: Array<[string, RequestInit]> = [
      ['/api/async/collage', multipart({ photo, notes: larger })],
      ['/api/async/collage', json({ inputs: { photo: dataUri(photo), notes: dataUri(larger) } })],
      ['/api/async/sing', raw('audio/wav', larger)],
      ['/api/async/sing', json(`{"inputs":{"voice":"${'x'.repeat(2_000_000)}"}}`)],
    ];
    for (const [path, init] of tooLarge) {
      expect((await refused(path, 413, init)).code).toBe('FILE_TOO_LARGE');
    }
  });

  it('cannot be a body without a name where there are several', async () => {
    const refusal = await refused('/api/pair', 400, raw('image/png', photo));
    expect(refusal).toMatchObject({ code: 'INVALID_PARAMETER', error: expect.stringContaining('one file') });
    expect((await refused('/api/dream', 400, raw('image/png', photo))).code).toBe('INVALID_PARAMETER');
  });
});

describe('a file that is only named', () => {
  const submit = (value: unknown) => json({ inputs: { photo: value } });

  it('and cannot be had is a 422 that names the input', async () => {
    const unreachable = [
      'https://files.example/gone.png',
      'https://files.example/empty.png',
      { asset_id: 'lost' },
    ];
    for (const value of unreachable) {
      const refusal = await refused('/api/async/collage', 422, submit(value));
      expect(refusal.code).toBe('INPUT_UNREACHABLE');
      expect(refusal.error).toMatch(/^The input "photo" /);
      expect(refusal.details).toMatchObject({ input: 'photo' });
    }
  });

  it('and is no address is refused', async () => {
    const values = [
      'photo.png',
      'file:///etc/passwd',
      7,
      true,
      {},
      { asset_id: 7 },
      ['https://a', 'https://b'],
    ];
    for (const value of [...values, 'data:image/png;base64,###', 'data:', `https://x/${'x'.repeat(9000)}`]) {
      const refusal = await refused('/api/async/collage', 400, submit(value));
      expect([value, refusal.code]).toEqual([value, 'INVALID_PARAMETER']);
      expect(refusal.details).toMatchObject({ parameter: 'photo' });
    }
  });

  it('is not fetched any more when its client hangs up, and its memory is free again', async () => {
    endless.add('https://files.example/endless.png');
    const hangUp = new AbortController();
    const lost = stack.client.request('/api/async/collage', {
      ...submit('https://files.example/endless.png'),
      signal: hangUp.signal,
    });
    await eventually(() => expect(given.at(-1)).toContain('endless'));
    hangUp.abort();
    await expect(lost).rejects.toThrow();
    // Uses all available memory at once.
    await eventually(async () => {
      const response = await stack.client.request(
        '/api/async/sing',
        raw('audio/wav', Buffer.alloc(MAX_FILE_BYTES)),
      );
      expect(response.status).toBe(415);
    });
  });

  it('counts as memory of its client as long as it is fetched', async () => {
    endless.add('https://files.example/slow.png');
    const hangUps = Array.from({ length: 16 }, () => new AbortController());
    const fetched = given.length;
    const waiting = hangUps.map(({ signal }) =>
      stack.client.request('/api/async/collage', { ...submit('https://files.example/slow.png'), signal }),
    );
    await eventually(() => expect(given.length).toBe(fetched + 15));
    const full = await refused('/api/async/collage', 503, submit('https://files.example/slow.png'));
    expect(full.code).toBe('QUEUE_FULL');
    for (const hangUp of hangUps) hangUp.abort();
    await Promise.allSettled(waiting);
  });
});

describe('a body that cannot be read', () => {
  it.each([
    ['no JSON', 'this is no JSON'],
    ['half of it', '{"inputs": {"prompt": "a'],
    ['more than one', '{} {}'],
    ['a comment', '{/* */}'],
    ['a comma too many', '{"inputs": {},}'],
    ['nothing but white space', '  '],
    ['too deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['too deep in the inputs', `{"inputs":{"prompt":${'['.repeat(50)}${']'.repeat(50)}}}`],
    ['of more values than any workflow has', `{${Array.from({ length: 10_001 }, (_, n) => `"k${n}":0`)}}`],
    ['of more values than any workflow has, in a list', JSON.stringify({ prompt: Array(10_001).fill(0) })],
    ['a list', '[]'],
    ['a text', '"dream"'],
    ['null', 'null'],
  ])('because it is %s', async (_, body) => {
    expect((await refused('/api/async/dream', 400, json(body))).code).toBe('MALFORMED_UPLOAD');
  });

  it('because it is not UTF-8', async () => {
    const body = raw('application/json', Buffer.from('{"prompt":"\xff"}', 'latin1'));
    expect((await refused('/api/async/dream', 400, body)).code).toBe('MALFORMED_UPLOAD');
  });

  it('because it is of a type that nobody reads', async () => {
    const body = raw('application/x-www-form-urlencoded', Buffer.from('prompt=a+hat'));
    const refusal = await refused('/api/async/dream', 400, body);
    expect([refusal.code, refusal.details]).toEqual([
      'MALFORMED_UPLOAD',
      expect.stringContaining('application/json'),
    ]);
    expect((await refused('/api/async/collage', 400, body)).code).toBe('NO_IMAGE');
  });

  it('because its inputs are no object', async () => {
    for (const inputs of [[], 'x', 7]) {
      const refusal = await refused('/api/async/dream', 400, json({ inputs }));
      expect(refusal).toMatchObject({ code: 'INVALID_PARAMETER', details: { parameter: 'inputs' } });
    }
  });
});

describe('parameters', () => {
  it('that nobody knows are named in warnings, wherever the job is told of', async () => {
    const requests: Array<[string, RequestInit]> = [
      ['dream?promt=a%20hat', { method: 'POST' }],
      ['dream', multipart({ promt: 'a hat' })],
      ['dream', json({ inputs: { promt: 'a hat' } })],
      ['dream', json({ promt: 'a hat' })],
    ];
    const warnings = ['Unknown parameter "promt" was ignored. The nearest known name is "prompt".'];
    for (const [path, init] of requests) {
      const { answer, status } = await accepted(`/api/async/${path}`, init);
      expect([answer.warnings, status.warnings]).toEqual([warnings, warnings]);
      const response = await stack.client.request(`/api/${path}`, init);
      expect(anySyncAnswer.parse(await response.json()).warnings).toEqual(warnings);
    }
  });

  it('with the strangest names break no answer', async () => {
    const strange = [
      '\u2063image\u2063',
      '__proto__',
      'constructor',
      '"\\',
      '\u0000',
      '\ud83d',
      'x'.repeat(5000),
    ];
    const body = `{"inputs":{${strange.map((name) => `${JSON.stringify(name)}:1`).join()}}}`;
    const response = await stack.client.request('/api/dream', json(body));
    const answer = anySyncAnswer.parse(await response.json());
    expect(answer.warnings).toHaveLength(strange.length);
  });

  it('are known as files where they are text for one', async () => {
    const { answer } = await accepted('/api/async/collage', multipart({ photo, mask: 'white' }));
    expect(answer.warnings).toEqual(['"mask" must be a file: its text was ignored.']);
  });

  it('of the inputs win over those beside them, and those of the body over the query', async () => {
    const body = { inputs: { steps: 1 }, steps: 2 };
    const { built } = await accepted('/api/async/dream?steps=3&prompt=query', json(body));
    expect(built.parameters).toMatchObject({ steps: 1, prompt: 'query' });
  });

  it('of JSON are refused where a schema takes no such value', async () => {
    for (const [name, value] of [
      ['steps', 1.5],
      ['steps', true],
      ['prompt', ['a']],
      ['prompt', { text: 'a' }],
      ['format', 7],
      ['webhook_url', []],
    ]) {
      const refusal = await refused('/api/async/dream', 400, json({ inputs: { [String(name)]: value } }));
      expect(refusal).toMatchObject({ code: 'INVALID_PARAMETER', details: { parameter: name } });
    }
  });

  it('may be an empty text', async () => {
    for (const init of [multipart({ prompt: '', steps: '' }), json({ inputs: { prompt: '', steps: '' } })]) {
      const { built } = await accepted('/api/async/dream', init);
      expect(built.parameters).toMatchObject({ prompt: '' });
      expect(built.parameters['steps']).toBeUndefined();
    }
  });
});

describe('a seed', () => {
  const BIG = '18446744073709551615';

  it.each<[string, () => [string, RequestInit]]>([
    ['a form', () => ['dream', multipart({ seed: BIG })]],
    ['the query', () => [`dream?seed=${BIG}`, { method: 'POST' }]],
    ['JSON', () => ['dream', json(`{"inputs":{"seed":${BIG}}}`)]],
    ['JSON, as text', () => ['dream', json({ inputs: { seed: BIG } })]],
  ])('beyond 2^53 stays exact in %s', async (_, submission) => {
    const [path, init] = submission();
    const { built, status } = await accepted(`/api/async/${path}`, init);
    expect(built.parameters['seed']).toBe(BIG);
    expect(status).not.toHaveProperty('seed');
  });

  it('that was left out is chosen, and told with the result', async () => {
    const { built, status, answer } = await accepted('/api/async/dream', { method: 'POST' });
    expect(built.parameters['seed']).toBe(42);
    expect(status).toMatchObject({ seed: 42 });
    expect(answer).not.toHaveProperty('seed');
    const response = await stack.client.request('/api/dream', json({}));
    expect(anySyncAnswer.parse(await response.json()).seed).toBe(42);
  });
});

describe('the same Idempotency-Key', () => {
  let keys = 0;
  /** Sends requests with the same idempotency key. @returns the ids of their jobs, or the error codes */
  async function jobsOf(requests: ReadonlyArray<[string, RequestInit]>): Promise<string[]> {
    keys += 1;
    const jobs: string[] = [];
    for (const [path, { headers, ...init }] of requests) {
      const keyed = { ...(headers as Record<string, string>), 'Idempotency-Key': `key ${keys}` };
      const response = await stack.client.request(`/api/async/${path}`, { ...init, headers: keyed });
      const { job_id, code } = (await response.json()) as { job_id?: string; code?: string };
      jobs.push(job_id ?? String(code));
    }
    return jobs;
  }

  it('is one job for the same files and parameters, however they came', async () => {
    const jobs = await jobsOf([
      ['pair', multipart({ left: photo, right: mask, steps: '3' })],
      ['pair?steps=3', multipart({ right: mask, left: photo })],
    ]);
    expect(new Set(jobs).size).toBe(1);
    // A seed chosen by the server is no difference.
    const seeds = await jobsOf([
      ['dream', json({})],
      ['dream', json({ inputs: {} })],
    ]);
    expect(new Set(seeds).size).toBe(1);
  });

  it('is refused for another file of several, and for another parameter', async () => {
    const first = { left: photo, right: mask };
    for (const other of [
      multipart({ left: photo, right: photo }),
      multipart({ left: mask, right: photo }),
      multipart({ ...first, seed: '1' }),
    ]) {
      const [, second] = await jobsOf([
        ['pair', multipart(first)],
        ['pair', other],
      ]);
      expect(second).toBe('IDEMPOTENCY_KEY_REUSED');
    }
  });

  it('fetches a URL once, whatever is there by then', async () => {
    const url = 'https://files.example/changing.png';
    web.set(url, photo);
    const fetched = given.length;
    const submission: [string, RequestInit] = ['collage', json({ inputs: { photo: url } })];
    const jobs = await jobsOf([submission, submission]);
    expect(new Set(jobs).size).toBe(1);
    expect(given.length).toBe(fetched + 1);
  });
});

describe('a file that is fetched', () => {
  it('comes over the network where its host is allowed, and only there', async () => {
    const host = createServer((_request, response) => response.end(photo));
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    const url = `http://127.0.0.1:${(host.address() as AddressInfo).port}/photo.png`;
    const recorded = new RecordingWorkflows();
    const start = (env: Record<string, string>) =>
      Stack.start({ env, overrides: { workflows: recorded.all } });
    const [open, closed] = [await start({ INPUT_URL_ALLOWED_HOSTS: '127.0.0.1' }), await start({})];
    try {
      const submission = json({ inputs: { photo: url } });
      const fetched = await open.client.request('/api/collage', submission);
      expect(fetched.status).toBe(200);
      expect(recorded.built.at(-1)?.files.get('photo')?.bytes.equals(photo)).toBe(true);
      const refusal = await closed.client.error('/api/collage', 422, submission);
      expect(refusal).toMatchObject({ code: 'INPUT_UNREACHABLE', details: { input: 'photo' } });
    } finally {
      await Promise.all([open.stop(), closed.stop()]);
      host.close();
    }
  });
});

describe('the OpenAPI document', () => {
  it('has every form of body that a workflow takes', async () => {
    const response = await stack.client.request('/openapi.json');
    const { paths } = openApi.parse(await response.json());
    const bodies = (type: string) => paths[`/api/async/${type}`]?.post.requestBody.content ?? {};
    expect(Object.keys(bodies('collage'))).toEqual(['multipart/form-data', 'application/json', 'image/*']);
    expect(Object.keys(bodies('sing'))).toEqual(['multipart/form-data', 'application/json', 'audio/*']);
    expect(Object.keys(bodies('pair'))).toEqual(['multipart/form-data', 'application/json']);
    const { schema } = bodies('collage')['multipart/form-data'] ?? {};
    expect(Object.keys(schema?.properties ?? {})).toEqual(
      expect.arrayContaining(['clip', 'photo', 'mask', 'voice', 'notes', 'prompt', 'webhook_url']),
    );
    expect(schema?.required).toEqual(['photo']);
  });
});
