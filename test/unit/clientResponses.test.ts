import { afterEach, describe, expect, it, vi } from 'vitest';
import { MiddlewareClient, type OutputFile } from '../../src/client/index.js';

afterEach(() => {
  vi.useRealTimers();
});

const clientWith = (fake: typeof fetch) => new MiddlewareClient({ baseUrl: 'http://a.example', fetch: fake });

describe('an error response', () => {
  it.each([
    [
      { error: { code: 'not_found', message: 'No job.' } },
      'No job.',
      { code: 'not_found', message: 'No job.' },
    ],
    [{ error: { reason: 'x' } }, '502 Bad Gateway', { reason: 'x' }],
    [{ error: 7, code: 8, details: [9], job_id: {} }, '502 Bad Gateway', undefined],
    [['a'], '502 Bad Gateway', undefined],
    [{ error: 'Plain.', details: 'Do it.' }, 'Plain.', 'Do it.'],
  ])('of any format has a message: %j', async (body, message, details) => {
    const client = clientWith(async () => Response.json(body, { status: 502, statusText: 'Bad Gateway' }));
    const error: unknown = await client.json('/x').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message, details, status: 502, code: undefined, jobId: undefined });
  });
});

describe('the time to wait after an error', () => {
  it.each([
    ['7', 7],
    ['Sat, 28 Nov 2026 12:00:20 GMT', 20],
    ['Sat, 28 Nov 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('is read from Retry-After: %s', async (header, seconds) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-28T12:00:00Z') });
    const headers = header === undefined ? {} : { 'Retry-After': header };
    const client = clientWith(async () => Response.json({}, { status: 503, headers }));
    const error: unknown = await client.json('/x').catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty('retryAfterSeconds', seconds);
  });
});

describe('a list of jobs', () => {
  it('is not filtered by what is undefined', async () => {
    const urls: string[] = [];
    const client = clientWith(async (input) => {
      urls.push(String(input));
      return Response.json({});
    });
    await client.jobs({ status: undefined, type: 'a b', limit: 0 });
    expect(urls).toEqual(['http://a.example/api/jobs/list?type=a+b&limit=0']);
  });
});

describe('the events of the server', () => {
  it('wait for a slow program, but not for a server that is silent', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const encoder = new TextEncoder();
    let send = (_n: number): void => undefined;
    const client = clientWith(async (_input, init) => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          send = (n) => controller.enqueue(encoder.encode(`event: job\ndata: ${n}\n\n`));
          send(1);
          init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason));
        },
      });
      return new Response(body);
    });
    const events = client.events();
    expect((await events.next()).value).toEqual({ event: 'job', data: 1 });
    await vi.advanceTimersByTimeAsync(100_000);
    send(2);
    expect((await events.next()).value).toEqual({ event: 'job', data: 2 });
    await vi.advanceTimersByTimeAsync(100_000);
    const silent = expect(events.next()).rejects.toThrow('silent');
    await vi.advanceTimersByTimeAsync(39_000);
    await vi.advanceTimersByTimeAsync(2_000);
    await silent;
  });
});

describe('the bytes of an output', () => {
  it('are what `new Blob` accepts', () => {
    type Bytes = Awaited<ReturnType<OutputFile['bytes']>>;
    const make = (bytes: Bytes) => new Blob([bytes satisfies Uint8Array<ArrayBuffer>]);
    expect(make(new Uint8Array(3)).size).toBe(3);
  });
});
