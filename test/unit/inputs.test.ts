import type { RequestListener, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type FetchedInput, InputFetcher } from '../../src/services/assets/InputFetcher.js';
import { InputUnreachable } from '../../src/services/assets/InputUnreachable.js';
import { AddressGuard } from '../../src/services/outbound/AddressGuard.js';
import { OutboundClient } from '../../src/services/outbound/OutboundClient.js';
import { DeadlineExceeded } from '../../src/utils/deadline.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';

const MAX_BYTES = 1024 * 1024;
const LIMITS = { maxBytes: MAX_BYTES, client: 'a' };
const servers = new HttpServers();
const clients: OutboundClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  servers.close();
});

interface Surroundings {
  readonly allowedHosts?: string[];
  readonly timeoutMs?: number;
  /** The addresses that every name resolves to, one per lookup; the last one is repeated. */
  readonly addresses?: string[];
}

function fetcherIn({ allowedHosts = ['127.0.0.1'], timeoutMs = 20_000, addresses = [] }: Surroundings = {}) {
  const left = [...addresses];
  const guard = new AddressGuard({
    allowedHosts,
    setting: 'SOME_HOSTS',
    resolve: (_hostname, _options, callback) => {
      const address = left.length > 1 ? left.shift() : left[0];
      if (address) callback(null, [{ address, family: 4 }]);
      else callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), []);
    },
  });
  const client = new OutboundClient(guard, Number.POSITIVE_INFINITY);
  clients.push(client);
  return new InputFetcher(guard, client, timeoutMs);
}

const all = async ({ body, filename }: FetchedInput) => ({ bytes: await buffer(body), filename });

/** A signal that is never aborted. */
const patient = () => new AbortController().signal;

const get = (url: string, surroundings?: Surroundings, signal = patient()) =>
  fetcherIn(surroundings).fetch(url, { ...LIMITS, signal }, all);

/** Returns the error's message, after a check that it reveals nothing confidential. */
async function problemOf(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((reason: unknown) => reason);
  if (!(error instanceof InputUnreachable)) throw error;
  expect(inspect({ ...error, message: error.message, cause: error.cause }, { depth: 9 })).not.toMatch(
    /127\.0\.0\.1|10\.0\.0|hush|ECONN|ENOTFOUND|SOME_HOSTS/,
  );
  return error.problem;
}

const answering = (text: string | Buffer): RequestListener => {
  return (_request, response) => void response.end(text);
};
const leadingTo = (location: string, status = 302): RequestListener => {
  return (_request, response) => void response.writeHead(status, { Location: location }).end('over there');
};

/** Sends as fast as the client reads; calls `onEnd` with the number of bytes when the connection closes. */
function flood(response: ServerResponse, onEnd: (bytes: number) => void): void {
  const part = Buffer.alloc(64 * 1024);
  let sent = 0;
  const more = () => {
    while (!response.destroyed && response.write(part)) sent += part.length;
  };
  response.on('drain', more).on('close', () => onEnd(sent));
  more();
}

describe('an input by URL', () => {
  it('comes with its name, and says nothing of who asks', async () => {
    const seen: unknown[] = [];
    const bytes = Buffer.alloc(MAX_BYTES, 'ab');
    const origin = await servers.listen((request, response) => {
      seen.push(request.url, request.headers);
      response.end(bytes);
    });
    const input = await get(`${origin}/a/Zo%C3%AB.png?b=c#d`);
    expect(input.bytes.equals(bytes)).toBe(true);
    expect(input.filename).toBe('Zoë.png');
    expect(seen[0]).toBe('/a/Zo%C3%AB.png?b=c');
    expect(seen[1]).toMatchObject({ 'accept-encoding': 'identity', accept: '*/*' });
    expect(Object.keys(seen[1] as object)).not.toContain('authorization');
  });

  it.each(['/', '/a/', '/%E0%A4%A'])('may have no name: %s', async (path) => {
    const origin = await servers.listen(answering('abc'));
    expect((await get(origin + path)).filename).toBeUndefined();
  });

  it.each([301, 302, 303, 307, 308])('is followed to where a %s leads', async (status) => {
    const target = await servers.listen(answering('abc'));
    const origin = await servers.listen(leadingTo(`${target}/x`, status));
    expect((await get(`${origin}/name.png`)).bytes.toString()).toBe('abc');
  });

  it('is followed five times, by relative addresses too, and not a sixth time', async () => {
    const origin = await servers.listen((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('abc');
      else response.writeHead(302, { Location: `./${left - 1}` }).end();
    });
    expect((await get(`${origin}/5`)).bytes.toString()).toBe('abc');
    expect(await problemOf(get(`${origin}/6`))).toBe('too_many_redirects');
  });

  it('is not followed in a circle', async () => {
    const listener = vi.fn(leadingTo('/'));
    const origin = await servers.listen(listener);
    expect(await problemOf(get(origin))).toBe('too_many_redirects');
    expect(listener).toHaveBeenCalledTimes(6);
  });

  it.each([
    'http://10.0.0.1/',
    'http://[::1]/',
    'http://2130706434/',
    'http://user:hush@a.example/',
    'file:///etc/passwd',
    'data:text/plain,abc',
    'http://',
  ])('is not followed to %s', async (location) => {
    const origin = await servers.listen(leadingTo(location));
    expect(await problemOf(get(origin))).toBe('bad_redirect');
  });

  it.each([
    ['not_a_url', 'http://user:hush@a.example/'],
    ['not_a_url', 'ftp://a.example/x'],
    ['not_a_url', 'file:///etc/passwd'],
    ['not_a_url', 'a.example/x'],
    ['not_a_url', 'data:text/plain,abc'],
    ['private_address', 'http://10.0.0.1/'],
    ['private_address', 'http://0x7f.2/'],
    ['private_address', 'http://[::ffff:7f00:2]/'],
  ])('is refused for %s: %s', async (problem, url) => expect(await problemOf(get(url))).toBe(problem));

  it('looks the same whether a name is unknown, leads inside, or nobody listens', async () => {
    const listener = vi.fn(answering('abc'));
    const port = new URL(await servers.listen(listener)).port;
    const origin = `http://a.example:${port}`;
    const inside = await get(origin, { addresses: ['127.0.0.1'] }).catch(String);
    expect(inside).toContain('no public server responded there');
    expect(listener).not.toHaveBeenCalled();
    servers.close();
    const unknown = await get(origin, { addresses: [] }).catch(String);
    const silent = await get(origin, { addresses: ['127.0.0.1'], allowedHosts: ['a.example'] }).catch(String);
    expect([unknown, silent]).toEqual([inside, inside]);
  });

  it('is not followed to a name that leads inside', async () => {
    const inside = vi.fn(answering('abc'));
    const { port } = new URL(await servers.listen(inside));
    const origin = await servers.listen(leadingTo(`http://b.example:${port}/`));
    expect(await problemOf(get(origin, { addresses: ['127.0.0.1'] }))).toBe('no_answer');
    expect(inside).not.toHaveBeenCalled();
  });

  it('is fetched from the address that was checked, whatever the name leads to after that', async () => {
    const origin = (await servers.listen(answering('abc'))).replace('127.0.0.1', 'a.example');
    const surroundings = { addresses: ['127.0.0.1', '10.0.0.1'], allowedHosts: ['a.example'] };
    expect((await get(origin, surroundings)).bytes.toString()).toBe('abc');
    const changing = { addresses: ['10.0.0.1', '127.0.0.1'], allowedHosts: ['127.0.0.1'] };
    expect(await problemOf(get(origin, changing))).toBe('no_answer');
  });

  it.each([204, 206, 300, 304, 404, 500])('is no input when the answer is %s', async (status) => {
    const origin = await servers.listen((_request, response) => response.writeHead(status).end());
    await expect(get(origin)).rejects.toThrow(`the status was not 200 (${status})`);
  });

  it('is read no further than its limit when it never ends', async () => {
    let sent: number | undefined;
    const origin = await servers.listen((_request, response) => {
      flood(response, (bytes) => {
        sent = bytes;
      });
    });
    expect(await problemOf(get(origin))).toBe('too_large');
    await eventually(() => expect(sent).toBeLessThan(32 * MAX_BYTES));
  });

  it('is not read at all when it says that it is too large', async () => {
    const used = vi.fn(all);
    const origin = await servers.listen((_request, response) => {
      response.writeHead(200, { 'Content-Length': MAX_BYTES + 1 }).write('a');
    });
    const fetched = fetcherIn().fetch(origin, { ...LIMITS, signal: patient() }, used);
    expect(await problemOf(fetched)).toBe('too_large');
    expect(used).not.toHaveBeenCalled();
  });

  it('is not complete when there is less of it than it says', async () => {
    const origin = await servers.listen((_request, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('abc', () => response.destroy());
    });
    expect(await problemOf(get(origin))).toBe('cut_off');
  });

  it('ends where it says that it ends', async () => {
    const origin = await servers.listen((request) => {
      request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabcdef');
    });
    expect((await get(origin)).bytes.toString()).toBe('abc');
  });

  it('is refused when it is compressed', async () => {
    const origin = await servers.listen((_request, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('abc');
    });
    expect(await problemOf(get(origin))).toBe('encoded');
  });

  it.each(['head', 'body', 'end'])('is given up when its %s does not come in time', async (missing) => {
    const origin = await servers.listen((_request, response) => {
      if (missing !== 'head') response.writeHead(200).flushHeaders();
      if (missing === 'end') response.write('abc');
    });
    expect(await problemOf(get(origin, { timeoutMs: 100 }))).toBe('too_slow');
  });

  it('is given up, with the reason, when nobody wants it any more', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const origin = await servers.listen((_request, response) => {
      response.write('abc', () => controller.abort(reason));
    });
    await expect(get(origin, {}, controller.signal)).rejects.toBe(reason);
  });

  it('leaves the error of whoever uses it as it is', async () => {
    const origin = await servers.listen(answering('abc'));
    for (const failure of [new Error('the disk is full'), new DeadlineExceeded('the disk is slow')]) {
      const fetched = fetcherIn().fetch(origin, { ...LIMITS, signal: patient() }, () =>
        Promise.reject(failure),
      );
      await expect(fetched).rejects.toBe(failure);
    }
  });
});

describe('inputs by URL of several clients', () => {
  it('arrive although one client has many from a slow host', async () => {
    let open = 0;
    const origin = await servers.listen((request, response) => {
      if (request.url === '/fast') response.end('abc');
      else open += 1;
    });
    const fetcher = fetcherIn();
    const controller = new AbortController();
    const slow = Array.from({ length: 40 }, () =>
      fetcher.fetch(`${origin}/slow`, { ...LIMITS, signal: controller.signal }, all),
    );
    await eventually(() => expect(open).toBe(8));
    const other = await fetcher.fetch(`${origin}/fast`, { ...LIMITS, client: 'b', signal: patient() }, all);
    expect(other.bytes.toString()).toBe('abc');
    expect(open).toBe(8);
    controller.abort(new Error('gone'));
    for (const one of await Promise.allSettled(slow)) expect(one.status).toBe('rejected');
    expect(open).toBe(8);
  });

  it('have their time from the moment at which they begin', async () => {
    const origin = await servers.listen((request, response) => {
      if (request.url === '/fast') response.end('abc');
    });
    const fetcher = fetcherIn({ timeoutMs: 2000 });
    const fetch = (path: string) => fetcher.fetch(origin + path, { ...LIMITS, signal: patient() }, all);
    const slow = Array.from({ length: 8 }, () => problemOf(fetch('/slow')));
    // They wait until the first ones are given up.
    const waiting = Array.from({ length: 3 }, () => fetch('/fast'));
    expect(await Promise.all(slow)).toEqual(Array(8).fill('too_slow'));
    for (const { bytes } of await Promise.all(waiting)) expect(bytes.toString()).toBe('abc');
  });
});
