import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CompletedStatus, MiddlewareClient } from '../../src/client/index.js';
import { HttpServers } from '../support/httpServers.js';
import { png } from '../support/pictures.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';
import { Stack } from '../support/stack.js';

const apiKey = 'shop-key-0123456789ab';
const servers = new HttpServers();
const stops: Array<() => Promise<void>> = [];
beforeEach(() => {
  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
});
afterEach(async () => {
  servers.close();
  for (const stop of stops.splice(0)) await stop();
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<Stack> {
  const stack = await Stack.start({ env: { API_KEYS: `shop:${apiKey}`, ...env } });
  stops.unshift(() => stack.stop());
  return stack;
}

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that records requests, and redirects a path to the URL of `redirects`. */
async function recorder(redirects: Readonly<Record<string, [status: number, location: string]>> = {}) {
  const received: Received[] = [];
  const baseUrl = await servers.listen(async (request, response) => {
    const { method, url, headers } = request;
    received.push({ method, url, headers, body: await text(request) });
    const [status, location] = redirects[String(url)] ?? [200, undefined];
    response.writeHead(status, location === undefined ? {} : { Location: location }).end('{}');
  });
  return { baseUrl, received };
}

const anyKey = ({ headers }: { headers: IncomingHttpHeaders }) => [
  headers['x-api-key'],
  headers.authorization,
];

describe("the client's API key", () => {
  it('is not sent to S3 when the server redirects there', async () => {
    const s3 = await S3Server.start();
    stops.unshift(() => s3.stop());
    const stack = await start({
      ASSET_STORE: 's3',
      S3_BUCKET: s3.bucket,
      S3_ENDPOINT: s3.endpoint,
      S3_FORCE_PATH_STYLE: 'true',
      S3_PRESIGN_SECONDS: '60',
    });
    const client = new MiddlewareClient({ baseUrl: stack.client.baseUrl, apiKey });
    const { outputs } = await client.run('remove-background', { imageFile: await png() });
    s3.requests.length = 0;
    expect(await outputs[0].bytes()).toHaveLength(outputs[0].sizeBytes);
    // Requests of the server itself are signed with a header.
    const redirected = s3.requests.filter(({ url }) => url?.includes('X-Amz-Signature'));
    expect(redirected.map(anyKey)).toEqual([[undefined, undefined]]);
  });

  it('goes along with redirects on the own server, and ends at the first other one', async () => {
    const other = await recorder({ '/b': [302, '/c'] });
    const own = await recorder({
      '/mw/start': [301, '/mw/next'],
      '/mw/next': [308, 'last'],
      '/mw/outside': [302, '/files/x'],
      '/mw/far': [307, `${other.baseUrl}/b`],
      '/mw/loop': [302, '/mw/loop'],
    });
    const client = new MiddlewareClient({ baseUrl: `${own.baseUrl}/mw/`, apiKey });
    await client.request('/start');
    await client.request('/outside');
    await client.request('/far', { headers: { Authorization: 'Basic eA==', 'X-More': 'yes' } });
    expect(own.received.map((one) => [one.url, anyKey(one)[0]])).toEqual([
      ['/mw/start', apiKey],
      ['/mw/next', apiKey],
      ['/mw/last', apiKey],
      ['/mw/outside', apiKey],
      ['/files/x', undefined],
      ['/mw/far', apiKey],
    ]);
    expect(own.received.at(-1)?.headers.authorization).toBe('Basic eA==');
    expect(other.received.map(anyKey)).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect(other.received.map(({ headers }) => headers['x-more'])).toEqual(['yes', 'yes']);
    await expect(client.request('/loop')).rejects.toThrow(TypeError);
    const asked = await client.request('/far', { redirect: 'manual' }).catch((error: unknown) => error);
    expect(asked).toMatchObject({ status: 307 });
  });

  it.each([
    [301, 'GET', ''],
    [303, 'GET', ''],
    [307, 'POST', '{"a":1}'],
  ])('leaves the meaning of a redirected POST (%i) as it is', async (status, method, body) => {
    const other = await recorder();
    const own = await recorder({ '/near': [status, '/x'], '/far': [status, `${other.baseUrl}/x`] });
    const client = new MiddlewareClient({ baseUrl: own.baseUrl, apiKey });
    const post = { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } };
    await client.request('/near', post);
    await client.request('/far', post);
    const type = body ? 'application/json' : undefined;
    const at = (one: Received | undefined) => [one?.method, one?.body, one?.headers['content-type']];
    expect([at(own.received[1]), at(other.received[0])]).toEqual([
      [method, body, type],
      [method, body, type],
    ]);
    expect([own.received[1], other.received[0]].map((one) => one && anyKey(one)[0])).toEqual([
      apiKey,
      undefined,
    ]);
  });

  it('is sent to absolute URLs of the own server, as webhooks with PUBLIC_URL have them, and no others', async () => {
    const stack = await start();
    const { baseUrl } = stack.client;
    const client = new MiddlewareClient({ baseUrl, apiKey });
    const { jobId } = await client.run('remove-background', { imageFile: await png() });
    const status = (await client.status(jobId)) as CompletedStatus;
    const outputsAt = (origin: string) =>
      client.outcome({
        ...status,
        outputs: status.outputs.map((one) => ({ ...one, url: origin + one.url })),
      }).outputs;
    const [output] = outputsAt(baseUrl);
    expect(await output.bytes()).toHaveLength(output.sizeBytes);
    const other = await recorder();
    await outputsAt(other.baseUrl)[0].bytes();
    const prefixed = new MiddlewareClient({ baseUrl: `${other.baseUrl}/mw`, apiKey });
    for (const path of ['/mw/x', '/mwx', '/files/x']) await prefixed.request(`${other.baseUrl}${path}`);
    expect(other.received.map((one) => anyKey(one)[0])).toEqual([undefined, apiKey, undefined, undefined]);
  });

  it.each([
    ['', '/api/jobs/list', true],
    ['', '//other.test/x', false],
    ['', '/\\other.test/x', false],
    ['', ' https://other.test/x', false],
    ['http://own.test', '/api/jobs/list', true],
    ['http://own.test/prefix', '/api/jobs/list', true],
    ['http://own.test', '@other.test/x', false],
    ['http://own.test', '.other.test/x', false],
    ['http://own.test', 'http://other.test/x', false],
  ])('with the server "%s" and the target "%s": is sent: %s', async (baseUrl, target, isSent) => {
    const keys: (string | null)[] = [];
    const client = new MiddlewareClient({
      baseUrl,
      apiKey,
      fetch: async (_input, init) => {
        keys.push(new Headers(init?.headers).get('X-API-Key'));
        return new Response('{}');
      },
    });
    await client.json(target);
    expect(keys).toEqual([isSent ? apiKey : null]);
  });

  it('survives the redirect from http to https of the same host', async () => {
    const sent: Array<[url: string, key: string | null]> = [];
    const fake: typeof fetch = async (input, init) => {
      sent.push([String(input), new Headers(init?.headers).get('X-API-Key')]);
      const { protocol, hostname, pathname } = new URL(String(input));
      if (protocol === 'https:') return Response.json({});
      const host = pathname === '/other' ? `other.${hostname}` : hostname;
      return new Response(null, { status: 301, headers: { Location: `https://${host}${pathname}` } });
    };
    const client = new MiddlewareClient({ baseUrl: 'http://images.example', apiKey, fetch: fake });
    await client.request('/health');
    await client.request('/other');
    expect(sent).toEqual([
      ['http://images.example/health', apiKey],
      ['https://images.example/health', apiKey],
      ['http://images.example/other', apiKey],
      ['https://other.images.example/other', null],
    ]);
  });
});
