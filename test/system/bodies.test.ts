/** The limits of uploads hold for every endpoint that takes a body, not only for those that take files. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/rawClient.js';
import { Stack, type StackOptions } from '../support/stack.js';

const KEYS = { API_KEYS: 'shop:submit:key-of-the-shop-1234,ops:admin:key-of-the-admin-567' };

interface Door {
  readonly method: string;
  readonly path: string;
  readonly isNative: boolean;
  /** Status of the response to `{}`. */
  readonly status: number;
}

const door = (method: string, path: string, status: number, isNative = false): Door => {
  return { method, path, status, isNative };
};

/** Endpoints that keep a whole JSON body in memory. */
const JSON_DOORS = [
  door('POST', '/api/v2/jobs', 422),
  door('POST', '/api/v2/assets/from-hash', 400),
  door('PUT', '/api/workflows/my-flow', 400),
  door('POST', '/api/instances', 400),
  door('PATCH', '/api/instances/instance-1', 400),
  door('POST', '/prompt', 400, true),
  door('POST', '/queue', 200, true),
];

/** The simulator does not know the path. */
const PASSED_ON = door('POST', '/userdata/notes.txt', 404, true);
const ALL_DOORS = [...JSON_DOORS, PASSED_ON];

let stack: Stack;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await stack.stop();
});

async function start({ env, ...options }: StackOptions = {}): Promise<void> {
  stack = await Stack.start({ ...options, env: { COMFYUI_API_PORT: '0', ...env } });
}

/** Sends the headers, and this part of the body. */
async function send(
  { method, path, isNative }: Door,
  headers: Readonly<Record<string, string | number>>,
  body: Buffer | string = '',
): Promise<RawClient> {
  const client = await RawClient.connect(isNative ? `http://${stack.nativeHost}` : stack.client.baseUrl);
  clients.push(client);
  client.send(method, path, { 'Content-Type': 'application/json', ...headers }, body);
  return client;
}

const COMPRESSIONS = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
] as const;

/** Expects the response to `{}`, after it was parsed. */
async function expectRead({ status }: Door, client: RawClient): Promise<void> {
  expect(await client.status()).toBe(status);
  expect(client.received).not.toMatch(/cannot be read|malformed/);
}

const titled = (doors: readonly Door[]) => doors.map((one) => [`${one.method} ${one.path}`, one] as const);

describe.each(titled(ALL_DOORS))('the body of %s', (_, to) => {
  it('is sent after a 100 Continue, if the client waits for one', async () => {
    await start();
    const client = await send(to, { 'Content-Length': 2, Expect: '100-continue' });
    await eventually(() => expect(client.received).toContain('HTTP/1.1 100 Continue'));
    client.socket.write('{}');
    await expectRead(to, client);
  });

  it('must arrive in time', async () => {
    await start({ env: { UPLOAD_TIMEOUT: '100' } });
    const client = await send(to, { 'Content-Length': 1000 }, '{"a":');
    expect(await client.status()).toBe(408);
    expect(client.received).toContain('The upload is too slow: it was not complete after 0.1 seconds.');
    await client.closed();
  });
});

describe.each(titled(JSON_DOORS))('the body of %s', (_, to) => {
  it('takes memory for uploads', async () => {
    await start({ env: { MAX_FILE_SIZE: '60000', MAX_UPLOAD_MEMORY: '60000' } });
    const length = { 'Content-Length': 40_000 };
    const first = await send(to, length, '{"a":');
    await eventually(async () => {
      const second = await send(to, length, '{"a":');
      await second.status();
      expect(second.received).toMatch(/queue_full/i);
    });
    expect(first.received).toBe('');
    first.socket.destroy();
    await eventually(async () => expectRead(to, await send(to, { 'Content-Length': 2 }, '{}')));
  });

  it('can be compressed', async () => {
    await start();
    for (const [coding, compress] of COMPRESSIONS) {
      const body = compress('{}');
      const headers = { 'Content-Length': body.length, 'Content-Encoding': coding };
      await expectRead(to, await send(to, headers, body));
    }
  });

  it('is not decompressed beyond the maximum size', async () => {
    await start({ env: { MAX_FILE_SIZE: '60000' } });
    const body = gzipSync(Buffer.alloc(32 * 1024 * 1024, ' '));
    const headers = { 'Content-Length': body.length, 'Content-Encoding': 'gzip' };
    const client = await send(to, headers, body);
    expect(await client.status()).toBe(413);
    expect(client.received).toMatch(/The body is larger than/);
  });

  it('is refused if it is no compressed one, or its compression is unknown', async () => {
    await start();
    const headers = { 'Content-Length': 2, 'Content-Encoding': 'gzip' };
    expect(await (await send(to, headers, '{}')).status()).toBe(400);
    const unknown = await send(to, { ...headers, 'Content-Encoding': 'zstd' }, '{}');
    expect(await unknown.status()).toBe(415);
    expect(unknown.received).toContain('Accept-Encoding: gzip, x-gzip, deflate, br');
  });
});

const REMOVAL = door('POST', '/api/async/remove-background', 400);
const FORM = 'multipart/form-data; boundary=B';

/** Bodies that are parsed while they arrive, without a decompressor. */
const STREAMED = [
  ['JSON with files', REMOVAL, 'application/json'],
  ['a form', REMOVAL, FORM],
  ['a file', REMOVAL, 'image/png'],
  ['an unknown type', REMOVAL, 'application/gzip'],
  ['a form for a sync request', door('POST', '/api/remove-background', 400), FORM],
  ['a form for an asset', door('POST', '/api/v2/assets', 400), FORM],
  ['a form for ComfyUI', door('POST', '/upload/image', 400, true), FORM],
  ['a form with a mask for ComfyUI', door('POST', '/upload/mask', 400, true), FORM],
] as const;

describe.each(STREAMED)('%s', (_, to, type) => {
  it.each(['gzip', 'GZip', 'gzip, br', 'zstd'])(
    'is refused before it is sent if its encoding is %s',
    async (coding) => {
      await start();
      for (const length of [{ 'Content-Length': 20_000 }, { 'Transfer-Encoding': 'chunked' }]) {
        const headers = {
          'Content-Type': type,
          'Content-Encoding': coding,
          Expect: '100-continue',
          ...length,
        };
        const client = await send(to, headers);
        expect(await client.status()).toBe(415);
        expect(client.received).toMatch(/Accept-Encoding: identity\r\n/);
        expect(client.received).toMatch(/unsupported_encoding/i);
        expect(client.received).not.toContain('100 Continue');
      }
    },
  );

  it('is read if its encoding is none, or it is empty', async () => {
    await start();
    for (const [coding, length] of [
      ['identity', 2],
      ['utf-8', 2],
      ['gzip', 0],
    ] as const) {
      const headers = { 'Content-Type': type, 'Content-Encoding': coding, 'Content-Length': length };
      const client = await send(to, headers, '{}'.slice(0, length));
      expect([400, 415]).toContain(await client.status());
      expect(client.received).not.toMatch(/unsupported_encoding/i);
    }
  });
});

it.each(titled(JSON_DOORS.filter(({ isNative }) => !isNative)))(
  'a client whose JSON has another type is told so by %s',
  async (_, to) => {
    await start();
    for (const type of ['application/x-www-form-urlencoded', 'text/plain']) {
      const client = await send(to, { 'Content-Type': type, 'Content-Length': 2 }, '{}');
      expect(await client.status()).toBe(400);
      expect(client.received).toContain('its Content-Type is not application/json');
    }
    const none = await send(to, {});
    expect(await none.status()).toBe(400);
    expect(none.received).toContain('there is none');
  },
);

it.each(titled(JSON_DOORS.filter(({ path }) => !/from-hash|queue/.test(path))))(
  'a key that may not use %s is told before it sends a body',
  async (_, to) => {
    await start({ env: KEYS });
    const headers = { 'X-API-Key': 'key-of-the-shop-1234', 'Content-Length': 5000, Expect: '100-continue' };
    const client = await send(to, headers);
    expect(await client.status()).toBe(403);
    expect(client.received).not.toContain('100 Continue');
  },
);

it('a machine gets its own key instead of the client’s, also if the client expects a 100 Continue', async () => {
  await start({
    simulators: [{ requireHeader: { name: 'authorization', value: 'Bearer of-the-machine' } }],
    env: { ...KEYS, COMFYUI_AUTH_HEADER: 'Authorization: Bearer of-the-machine' },
  });
  for (const expected of ['100-continue', 'something-else']) {
    const headers = { Authorization: 'Bearer key-of-the-admin-567', 'Content-Length': 2, Expect: expected };
    await expectRead(PASSED_ON, await send(PASSED_ON, headers, '{}'));
  }
});
