import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { jobRecord, syncAnswer } from '../../src/schemas/jobs.js';
import { statusAnswer } from '../../src/schemas/status.js';
import { eventually } from '../support/eventually.js';
import { HeldUpload, rawUpload } from '../support/heldUpload.js';
import { colourOf, png } from '../support/pictures.js';
import { RawClient } from '../support/rawClient.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(async () => {
  vi.useRealTimers();
  await stack.stop();
});

const PATH = '/api/async/remove-background';
const MULTIPART = { 'Content-Type': 'multipart/form-data; boundary=x' };
const MIB = 1024 * 1024;

/** A multipart body with one file. */
function multipart(bytes: Buffer, name = 'a.png'): Buffer {
  const head = `--x\r\nContent-Disposition: form-data; name="imageFile"; filename="${name}"\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--x--\r\n')]);
}

const port = () => Number(new URL(stack.client.baseUrl).port);
const raw = () => RawClient.connect(stack.client.baseUrl);

describe('a client that waits with its body (Expect: 100-continue)', () => {
  it('is refused before it sends one that is too large', async () => {
    stack = await Stack.start();
    const client = await raw();
    client.post(PATH, { ...MULTIPART, 'Content-Length': 50 * MIB, Expect: '100-continue' });
    expect(await client.json()).toMatchObject({ code: 'FILE_TOO_LARGE' });
    expect(client.received).not.toContain('100 Continue');
    client.socket.destroy();
  });

  it('is refused before it sends one without a key', async () => {
    stack = await Stack.start({ env: { API_KEYS: 'a-key-that-is-long-enough' } });
    const client = await raw();
    client.post(PATH, { ...MULTIPART, 'Content-Length': 5 * MIB, Expect: '100-continue' });
    expect(await client.json()).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(client.received).not.toContain('100 Continue');
    client.socket.destroy();
  });

  it('is told to send one that is taken', async () => {
    stack = await Stack.start();
    const client = await raw();
    const body = multipart(await png());
    client.post(PATH, { ...MULTIPART, 'Content-Length': body.length, Expect: '100-continue' });
    await eventually(() => expect(client.received).toContain('HTTP/1.1 100 Continue'));
    client.socket.write(body);
    expect(await client.status()).toBe(202);
    client.socket.destroy();
  });
});

describe('a client that does not wait', () => {
  it.each([
    ['with an image that is too large', {}, 413, 50 * MIB],
    ['without a key', { API_KEYS: 'a-key-that-is-long-enough' }, 401, 5 * MIB],
  ])('%s reads its refusal while it still sends, and is cut off when it goes on and on', async (...given) => {
    const [, env, status, length] = given;
    stack = await Stack.start({ env: env as Record<string, string> });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = await raw();
    client.post(PATH, { ...MULTIPART, 'Content-Length': length }, Buffer.alloc(MIB));
    const answered = new RegExp(`^HTTP/1\\.1 ${status} `);
    await vi.waitFor(() => expect(client.received).toMatch(answered), { timeout: 10_000 });
    expect(client.isClosed).toBe(false);
    vi.advanceTimersByTime(5000);
    await client.closed();
  });
});

describe('what is too long', () => {
  it('is a 414 for a URL and a 431 for headers', async () => {
    stack = await Stack.start();
    expect((await stack.client.error(`/api/jobs/list?type=${'x'.repeat(9000)}`, 414)).code).toBe(
      'URI_TOO_LONG',
    );
    const client = await raw();
    client.post(PATH, { 'X-Large': 'x'.repeat(20_000) });
    expect(await client.json()).toMatchObject({ code: 'HEADERS_TOO_LARGE' });
    expect(await client.status()).toBe(431);
  });

  it('is a 400 for forms with too many fields or parts, or with fields that are too long or too deep', async () => {
    stack = await Stack.start();
    const forms: Array<[string, (form: FormData) => void]> = [
      ['40 fields', (form) => Array.from({ length: 40 }, (_, n) => form.set(`f${n}`, 'x'))],
      ['a long name', (form) => form.set('x'.repeat(200), 'x')],
      ['a long value', (form) => form.set('scale', 'x'.repeat(20_000))],
      ['a deep name', (form) => form.set(`a${'[b]'.repeat(30)}`, 'x')],
    ];
    for (const [what, fill] of forms) {
      const form = new FormData();
      fill(form);
      form.set('imageFile', new Blob([new Uint8Array(await png())]), 'a.png');
      const { code } = await stack.client.error(PATH, 400, { method: 'POST', body: form });
      expect([what, code]).toEqual([what, 'MALFORMED_UPLOAD']);
    }
  });
});

describe('a body that has come', () => {
  it('and leaves its parser waiting for a file is a broken one, and not one that is still to come', async () => {
    stack = await Stack.start();
    const part = 'Content-Disposition: form-data; name="imageFile"; filename="a.png"\r\n\r\nhalf';
    const body = `--x--\r\n--x\r\n--x\r\n${part}`;
    const client = await raw();
    client.post(PATH, { ...MULTIPART, 'Content-Length': body.length }, body);
    expect([await client.status(), (await client.json())['code']]).toEqual([400, 'MALFORMED_UPLOAD']);
    client.socket.destroy();
  });
});

describe('a slow upload', () => {
  it('is given up when too few bytes come, and its memory is free again', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    stack = await Stack.start({ env: { MAX_UPLOAD_MEMORY: String(10 * MIB) } });
    const client = await raw();
    client.post(
      PATH,
      { ...MULTIPART, 'Content-Length': 10 * MIB },
      multipart(Buffer.alloc(100)).subarray(0, 90),
    );
    await eventually(async () => {
      expect((await stack.client.refused(PATH, await png(), 503)).code).toBe('QUEUE_FULL');
    });
    vi.advanceTimersByTime(20_000);
    expect(await client.json()).toMatchObject({ code: 'REQUEST_TIMEOUT' });
    expect(await client.status()).toBe(408);
    await client.closed();
    expect((await stack.client.post(PATH, await png())).status).toBe(202);
  });

  it('is left alone while it keeps the pace', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    stack = await Stack.start();
    let serverSocket: Socket | undefined;
    stack.server.once('connection', (socket: Socket) => {
      serverSocket = socket;
    });
    const body = multipart(Buffer.concat([await png(), Buffer.alloc(300_000)]));
    const client = await raw();
    client.post(PATH, { ...MULTIPART, 'Content-Length': body.length });
    for (let at = 0; at < body.length; at += 50_000) {
      const part = body.subarray(at, at + 50_000);
      await new Promise((resolve) => client.socket.write(part, resolve));
      // The server must have read it before the time advances.
      await eventually(() => expect(serverSocket?.bytesRead).toBeGreaterThan(at + part.length));
      if (at + 50_000 < body.length) vi.advanceTimersByTime(10_000);
    }
    expect(await client.status()).toBe(202);
    client.socket.destroy();
  });

  it('is given up when the whole of it takes too long', async () => {
    stack = await Stack.start({ env: { UPLOAD_TIMEOUT: '100' } });
    const upload = await HeldUpload.begin(port(), rawUpload(PATH, Buffer.alloc(MIB)));
    expect(await upload.refused()).toBe(408);
  });

  it('takes no memory from others when its client is gone', async () => {
    stack = await Stack.start({ env: { MAX_UPLOAD_MEMORY: String(10 * MIB) } });
    const client = await raw();
    client.post(PATH, { ...MULTIPART, 'Content-Length': 10 * MIB }, Buffer.alloc(1000));
    await eventually(async () => {
      expect((await stack.client.refused(PATH, await png(), 503)).code).toBe('QUEUE_FULL');
    });
    client.socket.destroy();
    await eventually(async () => expect((await stack.client.post(PATH, await png())).status).toBe(202));
  });
});

describe('memory for uploads', () => {
  it('is set aside before they come: more than fit are refused with a Retry-After, and /status goes on', async () => {
    stack = await Stack.start({ env: { MAX_UPLOAD_MEMORY: String(20 * MIB) } });
    const request = rawUpload(PATH, Buffer.alloc(9 * MIB));
    const uploads = [await HeldUpload.begin(port(), request), await HeldUpload.begin(port(), request)];
    await eventually(async () => {
      const refused = await stack.client.post(PATH, Buffer.alloc(3 * MIB));
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ code: 'QUEUE_FULL' });
    });
    await stack.client.json('/status', statusAnswer);
    // Zeros are no image: the uploads are rejected and their memory is free again.
    for (const upload of uploads) expect(await upload.finish()).toBe(415);
    expect((await stack.client.post(PATH, Buffer.alloc(3 * MIB))).status).toBe(415);
  });

  it('does not stay taken while a client waits for its result', async () => {
    stack = await Stack.start({
      env: { MAX_UPLOAD_MEMORY: String(10 * MIB), MAX_FILE_SIZE: String(10 * MIB) },
    });
    stack.simulator().faults.hang = true;
    const waiting = stack.client.post('/api/remove-background', await png());
    await eventually(() => expect(stack.services.processor.activeJobs).toBe(1));
    expect((await stack.client.post(PATH, Buffer.alloc(9 * MIB))).status).toBe(415);
    stack.simulator().faults.hang = false;
    expect((await waiting).status).toBe(200);
  });
});

describe('memory for uploads, with many clients', () => {
  const FORWARDED = { TRUST_PROXY: 'loopback', MAX_FILE_SIZE: String(MIB) };

  /** Starts an upload of 1 MiB from an address. Resolves when the server has read `sent` bytes of it. */
  async function begin(address: string, sent: number): Promise<RawClient> {
    const connection = once(stack.server, 'connection') as Promise<[Socket]>;
    const client = await raw();
    const [serverSocket] = await connection;
    const body = multipart(Buffer.alloc(MIB - 1000));
    const headers = { ...MULTIPART, 'X-Forwarded-For': address, 'Content-Length': body.length };
    client.post(PATH, headers, body.subarray(0, sent));
    await eventually(() => expect(serverSocket.bytesRead).toBeGreaterThan(sent));
    return client;
  }

  /** A complete upload from a unique address. @returns the status of the response */
  async function other(bytes: Buffer): Promise<number> {
    const headers = { 'X-Forwarded-For': '198.51.100.9' };
    return (await stack.client.post(PATH, bytes, { headers })).status;
  }

  it('leaves room for the others, however much one of them announces', async () => {
    stack = await Stack.start({ env: { ...FORWARDED, MAX_UPLOAD_MEMORY: String(4 * MIB) } });
    const slow: RawClient[] = [];
    for (let n = 0; n < 20; n += 1) slow.push(await begin('192.0.2.1', 500));
    // Four uploads of slightly less than 1 MiB.
    await eventually(() => {
      expect(slow.filter(({ received }) => received.includes('QUEUE_FULL'))).toHaveLength(16);
    });
    expect(await (await begin('192.0.2.1:99', 500)).status()).toBe(503);
    for (let n = 0; n < 5; n += 1) expect(await other(await png())).toBe(202);
  });

  it('is counted by what came: lengths that are only announced take none from others', async () => {
    stack = await Stack.start({ env: { ...FORWARDED, MAX_UPLOAD_MEMORY: String(2 * MIB) } });
    const slow: RawClient[] = [];
    for (let n = 0; n < 20; n += 1) slow.push(await begin(`192.0.2.${n}`, 10_000));
    expect(await other(Buffer.alloc(MIB - 10))).toBe(415);
    expect(slow.filter(({ isClosed }) => isClosed)).toEqual([]);
    for (const { socket } of slow) socket.destroy();
  });

  it('is taken from the one who has most of it when it is full', async () => {
    stack = await Stack.start({ env: { ...FORWARDED, MAX_UPLOAD_MEMORY: String(2 * MIB) } });
    const larger = await begin('192.0.2.1', 0.95 * MIB);
    const smaller = await begin('192.0.2.2', 0.8 * MIB);
    // Zeros are no image, but the upload is complete.
    expect(await other(Buffer.alloc(0.7 * MIB))).toBe(415);
    expect(await larger.json()).toMatchObject({ code: 'QUEUE_FULL' });
    expect([await larger.status(), larger.received.includes('Retry-After')]).toEqual([503, true]);
    expect([smaller.received, smaller.isClosed]).toEqual(['', false]);
    // Its memory is released at once.
    expect(await other(Buffer.alloc(MIB - 10))).toBe(415);
    larger.socket.destroy();
    smaller.socket.destroy();
  });
});

describe('one client', () => {
  it('may only have so many requests open, while load balancers get their answers', async () => {
    stack = await Stack.start({ env: { MAX_OPEN_REQUESTS_PER_CLIENT: '3', MAX_CONCURRENT_JOBS: '2' } });
    stack.simulator().faults.hang = true;
    const picture = await png();
    const open = [1, 2, 3].map(() => stack.client.post('/api/remove-background', picture));
    await eventually(async () => {
      const refused = await stack.client.request('/api/jobs/list');
      expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '1']);
      expect(await refused.json()).toMatchObject({ code: 'RATE_LIMITED' });
    });
    await stack.client.json('/status', statusAnswer);
    stack.simulator().faults.hang = false;
    for (const response of await Promise.all(open)) expect(response.status).toBe(200);
    await eventually(async () => expect((await stack.client.request('/api/jobs/list')).status).toBe(200));
  });
});

describe('a full queue', () => {
  it('takes exactly as many as it may, however many come at once, and sends the others away for longer each', async () => {
    stack = await Stack.start({ env: { MAX_QUEUE_SIZE: '5', MAX_CONCURRENT_JOBS: '1' } });
    stack.simulator().faults.hang = true;
    const first = await stack.client.submit('remove-background', await png());
    await stack.client.until(first, ({ status }) => status === 'processing');
    const picture = await png({ colour: colourOf(2) });
    const responses = await Promise.all(Array.from({ length: 60 }, () => stack.client.post(PATH, picture)));
    expect(responses.filter(({ status }) => status === 202)).toHaveLength(5);
    const waits = responses.flatMap(({ headers }) => headers.get('Retry-After') ?? []).map(Number);
    expect(waits).toHaveLength(55);
    // Without measurements: the workflow of the waiting jobs declares 8 seconds, and jobs run one at a time.
    expect([Math.min(...waits), Math.max(...waits)]).toEqual([8, 48]);
    stack.simulator().faults.hang = false;
    await eventually(async () => expect((await stack.services.manager.queue.size()).jobs).toBe(0));
    await stack.client.finished(first);
    await eventually(() => expect(stack.services.processor.activeJobs).toBe(0));
    // With measurements: milliseconds per job.
    stack.simulator().faults.hang = true;
    const more = await Promise.all(Array.from({ length: 20 }, () => stack.client.post(PATH, picture)));
    const measured = more.flatMap(({ headers }) => headers.get('Retry-After') ?? []).map(Number);
    expect(Math.max(...measured)).toBeLessThan(16);
    stack.simulator().faults.hang = false;
  });
});

describe('a client that takes its answer slowly', () => {
  /** An image whose result is larger than the kernel's buffer for a connection. */
  async function noise(): Promise<Buffer> {
    const data = randomBytes(900 * 900 * 3);
    return sharp(data, { raw: { width: 900, height: 900, channels: 3 } })
      .png()
      .toBuffer();
  }

  async function result(): Promise<string> {
    const id = await stack.client.submit('upscale-image', await noise());
    expect((await stack.client.finished(id)).status).toBe('completed');
    return id;
  }

  /** Requests a result and does not read it. */
  async function slowReader(path: string): Promise<RawClient> {
    const client = await raw();
    client.socket.pause();
    client.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return client;
  }

  it('holds nobody up, and is cut off when its time is over', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    stack = await Stack.start({ env: { MIN_TRANSFER_RATE: '1000000' } });
    const id = await result();
    const clients = await Promise.all(
      ['result', 'result/image'].map((part) => slowReader(`/api/jobs/${id}/${part}`)),
    );
    await vi.waitFor(async () => expect(await connections()).toBeGreaterThanOrEqual(2));
    for (let n = 0; n < 5; n += 1) {
      const response = await stack.client.request(`/api/jobs/${id}/result/image`);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(5 * MIB);
    }
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([false, false]);
    // Thirty seconds, plus one second per megabyte.
    vi.advanceTimersByTime(120_000);
    for (const client of clients) client.socket.resume();
    await Promise.all(clients.map((client) => client.closed()));
  });

  /** Requests responses that exceed the kernel's buffer for a connection, and reads none of them. */
  async function slowReaderOfDocuments(): Promise<RawClient> {
    const client = await raw();
    client.socket.pause();
    client.socket.write('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200));
    return client;
  }

  /** Resolves when responses for `count` connections wait in this process because the kernel's buffers are full. */
  async function waitingFor(sockets: ReadonlySet<Socket>, count: number): Promise<void> {
    let before = -1;
    await eventually(() => {
      expect([...sockets].filter(({ writableLength }) => writableLength > 0)).toHaveLength(count);
      const written = [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
      const isFull = written === before;
      before = written;
      expect(isFull).toBe(true);
    });
  }

  /** The server's sockets of new connections. */
  function serverSockets(): Set<Socket> {
    const sockets = new Set<Socket>();
    stack.server.on('connection', (socket: Socket) => sockets.add(socket));
    return sockets;
  }

  it.each([
    ['in time', '100000000', 30_000, false],
    ['too late', '100000000', 45_000, true],
    ['as slowly as it may', '1000', 120_000, false],
    ['without a minimum', '0', 3_600_000, false],
  ])('is cut off from any other answer, too: %s', async (_, MIN_TRANSFER_RATE, ms, isCutOff) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    stack = await Stack.start({ env: { MIN_TRANSFER_RATE } });
    const sockets = serverSockets();
    const client = await slowReaderOfDocuments();
    await waitingFor(sockets, 1);
    for (let passed = 0; passed < ms; passed += 5000) {
      vi.advanceTimersByTime(5000);
      // Closed connections are removed in the next turn.
      await nextTurn();
    }
    expect([...sockets][0]?.destroyed).toBe(isCutOff);
    client.socket.destroy();
  });

  it('makes room when too much waits for all, the ones first that have been at it longest', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    stack = await Stack.start({ env: { MAX_RESULT_MEMORY: '200000', MAX_RESULT_SIZE: '200000' } });
    const sockets = serverSockets();
    const clients: RawClient[] = [];
    for (let n = 1; n <= 40; n += 1) {
      clients.push(await slowReaderOfDocuments());
      await waitingFor(sockets, n);
      vi.advanceTimersByTime(5000);
      await nextTurn();
      if ([...sockets].some(({ destroyed }) => destroyed)) break;
    }
    const [first, ...others] = [...sockets];
    expect(first?.destroyed).toBe(true);
    expect(others.at(-1)?.destroyed).toBe(false);
    for (const { socket } of clients) socket.destroy();
  });

  it('is cut off for newer ones when all of them take too much memory', async () => {
    stack = await Stack.start({ env: { MAX_RESULT_MEMORY: '60000000', MAX_RESULT_SIZE: '60000000' } });
    const id = await result();
    const bytes = (await stack.client.resultImage(id)).length;
    const fitting = Math.floor(60_000_000 / bytes);
    expect(fitting).toBeGreaterThan(0);
    const clients: RawClient[] = [];
    for (let n = 0; n < fitting + 2; n += 1) {
      clients.push(await slowReader(`/api/jobs/${id}/result/image`));
    }
    for (const client of clients) client.socket.resume();
    const complete = await Promise.all(
      clients.map(async (client) => {
        await eventually(() => {
          if (!client.isClosed && client.received.length < bytes) throw new Error('neither cut off nor done');
        });
        client.socket.destroy();
        return client.received.length >= bytes;
      }),
    );
    expect(complete.slice(0, 2)).toEqual([false, false]);
    expect(complete.at(-1)).toBe(true);
  });

  it.each(['0', '1'])('gets them all where the minimum is %s bytes a second', async (MIN_TRANSFER_RATE) => {
    stack = await Stack.start({ env: { MIN_TRANSFER_RATE } });
    const response = await stack.client.request(`/api/jobs/${await result()}/result/image`);
    expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get('Content-Length')));
  });

  it('gets the same bytes in JSON as in the image itself, however large', async () => {
    stack = await Stack.start();
    const { body, image } = await stack.client.process('upscale-image', await noise());
    expect(syncAnswer.parse(body).result.size_bytes).toBe(image.length);
    expect((await stack.client.resultImage(body.job_id)).equals(image)).toBe(true);
    const json = await stack.client.request(`/api/jobs/${body.job_id}/result`);
    expect(json.headers.get('Content-Length')).toBe(String((await json.arrayBuffer()).byteLength));
  });
});

describe("a file's name", () => {
  const NAMES: Array<[string, string, string]> = [
    ['a path', '../../../etc/passwd', 'passwd'],
    ['a path of Windows', 'C:\\\\Windows\\\\system32\\\\evil.png', 'evil.png'],
    ['NUL and newlines', 'a%00b%0D%0ASet-Cookie: x=1.png', 'a%00bSet-Cookie: x=1.png'],
    ['10,000 characters', `${'n'.repeat(10_000)}.png`, 'n'.repeat(200)],
    ['other scripts', '猫の写真 ☕ Ünïcödé.png', '猫の写真 ☕ Ünïcödé.png'],
    ['turned writing', 'photo\u202Egnp.exe', 'photognp.exe'],
    ['control characters', 'a\u0085b\u2028c\u009f.png', 'abc.png'],
    ['nothing visible', '\u200b\u200e', 'image'],
  ];

  it.each(NAMES)('with %s is harmless', async (_, name, kept) => {
    stack = await Stack.start();
    const client = await raw();
    const body = multipart(await png(), name);
    client.post(PATH, { ...MULTIPART, 'Content-Length': body.length });
    client.socket.write(body);
    const { job_id } = (await client.json()) as { job_id: string };
    client.socket.destroy();
    await stack.client.finished(job_id);
    const record = await stack.client.json(`/api/jobs/${job_id}/info`, jobRecord);
    expect(record.data.originalFilename).toBe(kept);
    const image = await stack.client.request(`/api/jobs/${job_id}/result/image`);
    expect(image.headers.get('Content-Disposition')).toBe(
      `inline; filename="remove-background-${job_id}.png"`,
    );
  });
});

describe("a file's name that no form may have", () => {
  it.each([
    ['a bell and colours for a terminal', 'a\u0007b\u001b[31mc.png', 'MALFORMED_UPLOAD'],
    ['NUL', 'a\u0000b.png', 'MALFORMED_UPLOAD'],
    ['nothing but a path', '../..', 'NO_IMAGE'],
  ])('%s is refused', async (_, name, code) => {
    stack = await Stack.start();
    const client = await raw();
    const body = multipart(await png(), name);
    client.post(PATH, { ...MULTIPART, 'Content-Length': body.length }, body);
    expect([await client.status(), (await client.json())['code']]).toEqual([400, code]);
    client.socket.destroy();
  });
});

function connections(): Promise<number> {
  return new Promise((resolve) => stack.server.getConnections((_, count) => resolve(count)));
}
