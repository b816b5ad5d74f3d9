import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { errorAnswer } from '../../src/schemas/common.js';
import { APP_ORIGINS } from '../support/appOrigins.js';
import { NativeClient } from '../support/NativeClient.js';
import { RawClient } from '../support/rawClient.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

type Headers = Readonly<Record<string, string>>;

/** The status of a response; `fetch` cannot send these headers. */
async function ask(method: string, path: string, headers: Headers): Promise<number> {
  const sent = request(`${stack.client.baseUrl}${path}`, { method, headers });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of response) text += part;
  if (response.statusCode === 403) expect(errorAnswer.parse(JSON.parse(text)).code).toBe('FORBIDDEN');
  return Number(response.statusCode);
}

const OPEN = '/api/circuit-breakers/instance-1/open';
const openBreaker = (headers: Headers) => ask('POST', OPEN, headers);
const isOpen = () => stack.services.instances[0]?.breaker.isForced;
const here = () => stack.client.baseUrl;

describe('a page of another origin', () => {
  it.each<[string, Headers]>([
    ['another site', { Origin: 'https://evil.example' }],
    ['another port of this machine', { Origin: 'http://127.0.0.1:1' }],
    ['a sandboxed frame or a file', { Origin: 'null' }],
    ['another site, by what the browser says', { 'Sec-Fetch-Site': 'cross-site' }],
    ['a neighbour', { Origin: 'http://other.localhost', 'Sec-Fetch-Site': 'same-site' }],
    ['a name that begins like ours', { Origin: 'http://127.0.0.1.evil.example' }],
    ['two origins', { Origin: 'http://127.0.0.1, https://evil.example' }],
  ])('may change nothing: %s', async (_, headers) => {
    stack = await Stack.start();
    for (const [method, path] of [
      ['POST', OPEN],
      ['POST', '/api/jobs/cleanup'],
      ['POST', '/api/async/remove-background'],
      ['DELETE', '/api/jobs/none'],
      ['PUT', '/nowhere'],
    ] as const) {
      expect([path, await ask(method, path, headers)]).toEqual([path, 403]);
    }
    expect(isOpen()).toBe(false);
    // The request is allowed, but the browser hides the response from the page.
    expect(await ask('GET', '/api/jobs/list', headers)).toBe(200);
  });

  it.each<[string, () => Headers]>([
    ['a program', () => ({})],
    ['our own page', () => ({ Origin: here(), 'Sec-Fetch-Site': 'same-origin' })],
    ['our own page in an older browser', () => ({ Origin: here() })],
    ['our own page behind a proxy with TLS', () => ({ Host: 'app.example', Origin: 'https://app.example' })],
    ['the same on a port', () => ({ Host: 'app.example:8443', Origin: 'https://app.example:8443' })],
    ['a port that goes without saying', () => ({ Host: 'app.example:443', Origin: 'https://app.example' })],
    [
      'a proxy that changes the host',
      () => ({ Origin: 'https://a.example', 'Sec-Fetch-Site': 'same-origin' }),
    ],
  ])('is not: %s', async (_, headers) => {
    stack = await Stack.start();
    expect(await openBreaker(headers())).toBe(200);
    expect(isOpen()).toBe(true);
  });

  it('may do so when it is listed', async () => {
    stack = await Stack.start({ env: { CORS_ORIGINS: 'https://app.example' } });
    const site = { 'Sec-Fetch-Site': 'cross-site' };
    expect(await openBreaker({ Origin: 'https://app.example', ...site })).toBe(200);
    expect(await openBreaker({ Origin: 'https://other.example', ...site })).toBe(403);
    expect(await openBreaker(site)).toBe(403);
  });

  it.each(APP_ORIGINS)('may do so when it is listed: %s', async (origin) => {
    stack = await Stack.start({ env: { CORS_ORIGINS: origin, COMFYUI_API_PORT: '0' } });
    expect(await openBreaker({ Origin: origin, 'Sec-Fetch-Site': 'cross-site' })).toBe(200);
    expect(await openBreaker({ Origin: 'app://another' })).toBe(403);
    const seen = await stack.client.request('/api/jobs/list', { headers: { Origin: origin } });
    expect(seen.headers.get('Access-Control-Allow-Origin')).toBe(origin);
    const page = new NativeClient(stack.nativeHost, { Origin: origin });
    expect((await page.post('/interrupt')).status).toBe(200);
    await (await page.connect('c')).close();
    await expect(
      new NativeClient(stack.nativeHost, { Origin: 'app://another' }).connect('c'),
    ).rejects.toThrow('403');
  });

  it('may do so where every one may', async () => {
    stack = await Stack.start({ env: { CORS_ORIGINS: '*' } });
    expect(await openBreaker({ Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' })).toBe(200);
  });

  it('is none at PUBLIC_URL', async () => {
    stack = await Stack.start({ env: { PUBLIC_URL: 'https://images.example/api-of-ours' } });
    expect(await openBreaker({ Origin: 'https://images.example' })).toBe(200);
    expect(await openBreaker({ Origin: 'http://images.example' })).toBe(403);
  });

  it('is told from ours by the host that a proxy names, where proxies are trusted', async () => {
    const headers = { Origin: 'https://app.example', 'X-Forwarded-Host': 'app.example' };
    stack = await Stack.start();
    expect(await openBreaker(headers)).toBe(403);
    await stack.stop();
    stack = await Stack.start({ env: { TRUST_PROXY: 'loopback' } });
    expect(await openBreaker(headers)).toBe(200);
  });
});

describe('a request', () => {
  it('of HTTP/1.1 without a host is refused in JSON, one that expects the impossible is answered', async () => {
    stack = await Stack.start();
    const client = await RawClient.connect(stack.client.baseUrl);
    client.socket.write('GET /status HTTP/1.1\r\n\r\n');
    expect([await client.status(), (await client.json())['code']]).toEqual([400, 'INVALID_PARAMETER']);
    client.socket.destroy();
    const other = await RawClient.connect(stack.client.baseUrl);
    other.post('/nowhere', { Expect: 'a wonder', 'Content-Length': 0 });
    expect([await other.status(), (await other.json())['code']]).toEqual([404, 'NOT_FOUND']);
    other.socket.destroy();
  });
});

describe('on loopback and without keys', () => {
  const list = (host: string) => ask('GET', '/api/jobs/list', { Host: host });

  it.each([
    'localhost',
    'LOCALHOST:3000',
    'a.localhost:1',
    'localhost.',
    '127.0.0.1',
    '127.8.9.1:80',
    '[::1]:3000',
  ])('the host %s is this machine', async (host) => {
    stack = await Stack.start({ env: { HOST: '127.0.0.1' } });
    expect(await list(host)).toBe(200);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.1.evil.example',
    'evil@127.0.0.1',
    '127.0.0.1/@evil',
    '192.168.1.2',
    '[::2]',
    'x'.repeat(8000),
  ])('the host %s is refused', async (host) => {
    stack = await Stack.start({ env: { HOST: 'localhost' } });
    for (const path of ['/api/jobs/list', '/status', '/', '/nowhere']) {
      expect([path, await ask('GET', path, { Host: host })]).toEqual([path, 403]);
    }
    expect(await list('localhost')).toBe(200);
    expect(await list(host)).toBe(403);
  });

  it('further hosts may be listed, on any port or on one', async () => {
    const env = { HOST: '::1', ALLOWED_HOSTS: 'GPU.lan, box.lan:8080', PUBLIC_URL: 'https://images.example' };
    stack = await Stack.start({ env });
    for (const host of ['gpu.lan', 'gpu.LAN:99', 'box.lan:8080', 'images.example']) {
      expect([host, await list(host)]).toEqual([host, 200]);
    }
    expect(await list('box.lan')).toBe(403);
  });

  it('a client without one is no browser', async () => {
    stack = await Stack.start({ env: { HOST: '127.0.0.1' } });
    const client = await RawClient.connect(stack.client.baseUrl);
    client.socket.write('GET /status HTTP/1.0\r\n\r\n');
    expect(await client.status()).toBe(200);
    await client.closed();
  });

  it.each<Headers>([{ HOST: '0.0.0.0' }, { HOST: '127.0.0.1', API_KEYS: 'ops:admin:ops-key-0123456789ab' }])(
    'only: not with %o',
    async (env) => {
      stack = await Stack.start({ env });
      const key = { 'X-API-Key': 'ops-key-0123456789ab' };
      expect(await ask('GET', '/api/jobs/list', { Host: 'gpu.example', ...key })).toBe(200);
    },
  );
});
