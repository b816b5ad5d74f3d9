import type { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { AddressGuard } from '../../src/services/outbound/AddressGuard.js';
import { OutboundClient } from '../../src/services/outbound/OutboundClient.js';
import { isPublicAddress } from '../../src/services/outbound/publicAddress.js';
import { RefusedAddress } from '../../src/services/outbound/RefusedAddress.js';
import { DeadlineExceeded, withDeadline } from '../../src/utils/deadline.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';

const servers = new HttpServers();
const clients: OutboundClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  servers.close();
  vi.unstubAllEnvs();
});

/** Hosts as the configuration reads them. */
const hostsIn = (list: readonly string[]) =>
  loadConfig({ INPUT_URL_ALLOWED_HOSTS: list.join(',') }).uploads.urlAllowedHosts;

const guardOf = (allowedHosts: string[] = []) =>
  new AddressGuard({ allowedHosts: hostsIn(allowedHosts), setting: 'SOME_HOSTS' });

/** A guard for names that resolve to these addresses. */
function guardWith(addresses: string[], allowedHosts: string[] = []): AddressGuard {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return new AddressGuard({
    allowedHosts: hostsIn(allowedHosts),
    setting: 'SOME_HOSTS',
    resolve: (_hostname, _options, callback) => callback(null, found),
  });
}

function clientWith(guard: AddressGuard): OutboundClient {
  const client = new OutboundClient(guard, 4);
  clients.push(client);
  return client;
}

const SECRET = 'Bearer hush';
const requestTo = (url: string, signal = new AbortController().signal) => ({
  url,
  headers: { authorization: SECRET, 'content-type': 'application/json' },
  body: ' {"a": 1} ',
  signal,
});

const resolved = (guard: AddressGuard, name: string, port = 80) =>
  new Promise<unknown>((resolve) =>
    guard.lookupFor(port)(name, { all: true }, (error, addresses) => resolve(error ?? addresses)),
  );

describe('an address is public', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '198.17.255.255',
    '198.20.0.1',
    '168.63.129.15',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450:4001::1',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '64:ff9b::808:808',
  ])('%s', (address) => expect(isPublicAddress(address)).toBe(true));
});

describe('an address is not public', () => {
  it.each([
    ['this network', ['0.0.0.0', '0.1.2.3', '::']],
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1']],
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fdff::1']],
    ['shared by a carrier', ['100.64.0.1', '100.127.255.255']],
    ['link-local', ['169.254.0.1', 'fe80::1', 'febf::1', 'fec0::1', 'feff::1']],
    ['protocol assignments', ['192.0.0.1', '192.0.0.192', '192.88.99.1', '2001:1::1', '2001:1ff::1']],
    ['benchmarks', ['198.18.0.1', '198.19.255.255', '2001:2::1']],
    ['documentation', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1']],
    ['multicast', ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1']],
    [
      'reserved',
      ['240.0.0.1', '255.255.255.254', '255.255.255.255', '100::1', '4000::1', '5f00::1', 'e000::1'],
    ],
    ['cloud services', ['169.254.169.254', '168.63.129.16', '100.100.100.200', 'fd00:ec2::254']],
    ['IPv4-compatible', ['::127.0.0.1', '::7f00:1', '::8.8.8.8', '::168.63.129.16']],
    ['IPv4-mapped', ['::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '::ffff:10.0.0.1', '::ffff:168.63.129.16']],
    ['IPv4-translated', ['::ffff:0:127.0.0.1', '::ffff:0:8.8.8.8']],
    ['NAT64 of private ones', ['64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b::a83f:8110']],
    ['NAT64 of local use', ['64:ff9b:1::7f00:1', '64:ff9b:1::8.8.8.8']],
    ['6to4', ['2002:7f00:1::', '2002:a00:1::1', '2002:a9fe:a9fe::']],
    ['Teredo', ['2001::1', '2001:0:4136:e378:8000:63bf:80ff:fffe']],
    ['with a zone', ['fe80::1%eth0', '2606:4700::1111%eth0']],
    ['no address', ['', 'localhost', '0177.0.0.1', '0x7f.1', '2130706433', '8.8.8', '8.8.8.8.', '[::1]']],
  ])('%s', (_range, addresses) => {
    for (const address of addresses) expect(isPublicAddress(address), address).toBe(false);
  });
});

describe('a URL', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://0x7f.1/',
    'http://0x7f.0.0.1./',
    'http://0177.0.0.1/',
    'http://2130706433/',
    'http://127.0.0.1./',
    'http://１２７.0.0.1/',
    'http://168.63.129.16/',
    'http://0xa83f8110/',
    'http://[::]/',
    'http://[::1]/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[0:0:0:0:0:ffff:10.0.0.1]/',
    'http://[64:ff9b::10.0.0.1]/',
    'https://[fd00:ec2::254]/latest/meta-data/',
  ])('that spells a private address as %s is refused', (url) =>
    expect(guardOf().problemWith(url)).toMatch(/private network/),
  );

  it.each([
    'http://[fe80::1%25eth0]/',
    'ftp://a.example/',
    '//a.example',
    'http://u:p@a.example/',
    'http://',
  ])('such as %s is not one', (url) =>
    expect(guardOf().problemWith(url)).toMatch(/must be an http or https URL/),
  );

  it.each([
    ['10.0.0.1', 'http://10.1/'],
    ['0x7f.1', 'http://127.0.0.1./'],
    ['::1', 'http://[0:0::1]/'],
    ['[fd00::1]', 'http://[fd00:0::1]:80/'],
  ])('may lead to a private address that is allowed as %s: %s', (allowed, url) => {
    expect(guardOf([allowed]).problemWith(url)).toBeUndefined();
    expect(guardOf(['10.0.0.2']).problemWith(url)).toMatch(/private network/);
  });

  it.each([
    ['10.0.0.1:8080', 'http://10.0.0.1:8080/', 'http://10.0.0.1:8081/'],
    ['10.0.0.1:80', 'http://10.0.0.1/', 'https://10.0.0.1/'],
    ['10.0.0.1:443', 'https://10.0.0.1/', 'http://10.0.0.1/'],
    ['[fd00::1]:080', 'http://[fd00::1]/', 'http://[fd00::1]:8080/'],
  ])('may lead to the one port that is allowed as %s: %s, not %s', (allowed, url, other) => {
    expect(guardOf([allowed]).problemWith(url)).toBeUndefined();
    expect(guardOf([allowed]).problemWith(other)).toMatch(/private network/);
  });
});

describe('a name', () => {
  it.each([['127.0.0.1'], ['168.63.129.16'], ['8.8.8.8', '10.0.0.1'], ['fe80::1%2'], []])(
    'that resolves to %s is refused',
    async (...addresses) => {
      const error = await resolved(guardWith(addresses), 'Name.example');
      expect(error).toBeInstanceOf(RefusedAddress);
      expect(String(error)).toContain(
        'name.example is inside a private network, and not listed in SOME_HOSTS',
      );
    },
  );

  it('that resolves to public addresses, or is allowed, is connected to', async () => {
    expect(await resolved(guardWith(['8.8.8.8', '2606:4700::1111']), 'a.example')).toHaveLength(2);
    const allowed = guardWith(['10.0.0.1'], ['A.example.', 'bücher.example']);
    for (const name of ['a.example', 'A.EXAMPLE.', 'xn--bcher-kva.example']) {
      expect(await resolved(allowed, name), name).toEqual([{ address: '10.0.0.1', family: 4 }]);
    }
    expect(await resolved(allowed, 'b.example')).toBeInstanceOf(RefusedAddress);
  });

  it('that is allowed on one port is connected to on this port', async () => {
    const allowed = guardWith(['10.0.0.1'], ['a.example:8080', 'b.example']);
    expect(await resolved(allowed, 'A.example.', 8080)).toHaveLength(1);
    expect(await resolved(allowed, 'a.example', 80)).toBeInstanceOf(RefusedAddress);
  });
});

describe('a request to the world', () => {
  it('arrives as it was given, and says what came back', async () => {
    const seen: { request: IncomingMessage; body: string }[] = [];
    const origin = await servers.listen(async (request, response) => {
      seen.push({ request, body: (await request.toArray()).join('') });
      response.writeHead(429, { 'Retry-After': '7' }).end();
    });
    const client = clientWith(guardOf(['127.0.0.1']));
    expect(await client.post(requestTo(`${origin}/a?b=c`))).toEqual({ status: 429, retryAfterSeconds: 7 });
    expect(seen[0]?.body).toBe(' {"a": 1} ');
    expect(seen[0]?.request.url).toBe('/a?b=c');
    expect(seen[0]?.request.headers).toMatchObject({
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'content-length': '10',
    });
  });

  it('does not connect to an address, or through a name, that is not allowed', async () => {
    const listener = vi.fn();
    const origin = await servers.listen(listener);
    const byName = origin.replace('127.0.0.1', 'a.example');
    await expect(clientWith(guardOf()).post(requestTo(origin))).rejects.toThrow(RefusedAddress);
    const rebinding = clientWith(guardWith(['127.0.0.1']));
    await expect(rebinding.post(requestTo(byName))).rejects.toThrow(RefusedAddress);
    expect(listener).not.toHaveBeenCalled();
  });

  it('connects to the one port of a name that is allowed', async () => {
    const [one, other] = [vi.fn(), vi.fn()];
    const origins = await Promise.all(
      [one, other].map((listener) =>
        servers.listen((_request, response) => {
          listener();
          response.end();
        }),
      ),
    );
    const [allowed = '', refused = ''] = origins.map((origin) => origin.replace('127.0.0.1', 'a.example'));
    const client = clientWith(guardWith(['127.0.0.1'], [new URL(allowed).host]));
    expect((await client.post(requestTo(allowed))).status).toBe(200);
    await expect(client.post(requestTo(refused))).rejects.toThrow(RefusedAddress);
    expect([one, other].map(({ mock }) => mock.calls.length)).toEqual([1, 0]);
  });

  it('goes through no proxy that the environment names', async () => {
    const proxy = vi.fn();
    const proxyUrl = await servers.listen(proxy);
    for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy']) vi.stubEnv(name, proxyUrl);
    const origin = await servers.listen((_request, response) => response.end());
    const client = clientWith(guardOf(['127.0.0.1']));
    expect((await client.post(requestTo(origin))).status).toBe(200);
    expect(proxy).not.toHaveBeenCalled();
  });

  it('follows no redirect', async () => {
    const inside = vi.fn();
    const target = await servers.listen(inside);
    const origin = await servers.listen((_request, response) =>
      response.writeHead(308, { Location: target }).end(),
    );
    expect((await clientWith(guardOf(['127.0.0.1'])).post(requestTo(origin))).status).toBe(308);
    expect(inside).not.toHaveBeenCalled();
  });

  it('reads little of an endless response', async () => {
    let sent = 0;
    let isClosed = false;
    const part = Buffer.alloc(64 * 1024);
    const origin = await servers.listen((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(part)) sent += part.length;
      };
      response.on('drain', more).on('close', () => {
        isClosed = true;
      });
      more();
    });
    expect((await clientWith(guardOf(['127.0.0.1'])).post(requestTo(origin))).status).toBe(200);
    await eventually(() => expect(isClosed).toBe(true));
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  it('unpacks nothing', async () => {
    const origin = await servers.listen((_request, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('not what gzip makes');
    });
    expect((await clientWith(guardOf(['127.0.0.1'])).post(requestTo(origin))).status).toBe(200);
  });

  it('ends with the head of the response when the body does not come, and soon closes the connection', async () => {
    const controller = new AbortController();
    const closed = vi.fn();
    const origin = await servers.listen((_request, response) => {
      response.on('close', closed).write('a');
    });
    const client = clientWith(guardOf(['127.0.0.1']));
    expect((await client.post(requestTo(origin, controller.signal))).status).toBe(200);
    await eventually(() => expect(closed).toHaveBeenCalled());
    // Nobody listens to the response any more.
    controller.abort();
  });

  it('ends with its deadline when the headers do not come', async () => {
    const origin = await servers.listen(() => undefined);
    const client = clientWith(guardOf(['127.0.0.1']));
    const request = withDeadline(50, undefined, (signal) => client.post(requestTo(origin, signal)));
    await expect(request).rejects.toThrow(DeadlineExceeded);
  });

  it('fails with an error that shows nothing of what was sent', async () => {
    const origin = await servers.listen((request) => request.socket.destroy());
    const url = `${origin}/hook?token=hush`;
    const error = await clientWith(guardOf(['127.0.0.1']))
      .post(requestTo(url))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/hush/);
    expect(Object.keys(error as Error)).toEqual([]);
  });
});
