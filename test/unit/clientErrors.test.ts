/** What a client gets for bytes that are no HTTP, after requests of the same connection. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Response } from 'express';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { createHttpServer } from '../../src/httpServer.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/rawClient.js';

const GARBAGE = 'BROKEN\r\n\r\n';
const REFUSED = 'HTTP/1.1 400 Bad Request';

let server: Server;
let client: RawClient;
let open: Response[];
let hungUp: number;

beforeEach(async () => {
  open = [];
  hungUp = 0;
  const app = express();
  app.all('/quick', (_request, response) => void response.send('quick'));
  app.all('/open', (_request, response) => {
    response.once('close', () => {
      if (!response.writableFinished) hungUp += 1;
    });
    open.push(response);
  });
  server = createHttpServer(app, loadConfig({}));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  client = await RawClient.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(() => {
  client.socket.destroy();
  server.closeAllConnections();
  server.close();
});

/** Waits until the app has this many open responses, and returns the last one. */
async function opened(count = 1): Promise<Response> {
  await eventually(() => expect(open).toHaveLength(count));
  return open[count - 1] as Response;
}

/** Time for bytes that must not come. */
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 100));

/** The statuses of the responses received, in their order. */
const statuses = () => client.received.match(/HTTP\/1\.1 \d+/g)?.map((line) => Number(line.slice(-3)));

it('is 400 on a new connection', async () => {
  client.socket.write(GARBAGE);
  expect(await client.json()).toMatchObject({ code: 'INVALID_PARAMETER' });
  await client.closed();
  expect(statuses()).toEqual([400]);
});

it('is 400 after a complete response', async () => {
  client.send('GET', '/quick', {});
  await eventually(() => expect(client.received).toContain('quick'));
  client.socket.write(GARBAGE);
  await client.closed();
  expect(statuses()).toEqual([200, 400]);
});

it.each([
  [{}, [200, 400]],
  [{ Expect: 'else' }, [200, 400]],
  // Node closes the connection if the body was not asked for.
  [{ Expect: '100-continue' }, [200]],
])('comes after a response that streams, which stays whole (%j)', async (headers, expected) => {
  client.send('POST', '/open', { ...headers, 'Content-Length': 0 });
  const response = await opened();
  response.write('first');
  await eventually(() => expect(client.received).toContain('first'));
  client.socket.write(GARBAGE);
  await aMoment();
  client.socket.write(GARBAGE);
  await aMoment();
  expect(client.received).not.toContain(REFUSED);
  response.end('second');
  await client.closed();
  expect(client.received).toMatch(/5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n($|HTTP\/1\.1 400 Bad Request\r\n)/);
  expect(statuses()).toEqual(expected);
});

it('does not take the place of a response that has not begun', async () => {
  client.send('GET', '/open', {}, GARBAGE);
  const response = await opened();
  await aMoment();
  expect(client.received).toBe('');
  response.send('mine');
  await client.closed();
  expect(client.received).toContain(`mine${REFUSED}`);
  expect(statuses()).toEqual([200, 400]);
});

it('is 400 after all responses of a pipeline', async () => {
  client.send('GET', '/open', {});
  client.send('GET', '/quick', {}, GARBAGE);
  const response = await opened();
  await aMoment();
  response.send('mine');
  await client.closed();
  expect(client.received).toMatch(/mineHTTP\/1\.1 200 .*quickHTTP\/1\.1 400 /s);
  expect(statuses()).toEqual([200, 200, 400]);
});

it('is not answered after a response that closes the connection', async () => {
  client.send('GET', '/open', { Connection: 'close' }, GARBAGE);
  (await opened()).send('mine');
  await client.closed();
  expect(statuses()).toEqual([200]);
});

it('does not hide that the client hangs up', async () => {
  client.send('GET', '/open', {}, GARBAGE);
  await opened();
  await aMoment();
  client.socket.end();
  await eventually(() => expect(hungUp).toBe(1));
});

const CHUNKED = { 'Transfer-Encoding': 'chunked' };

it('is 400 within the body of a request without a response', async () => {
  client.send('POST', '/open', CHUNKED, '2\r\n{}\r\n');
  await opened();
  client.socket.write(GARBAGE);
  await client.closed();
  expect(statuses()).toEqual([400]);
});

it('cuts a response that streams if it is within the body of the same request', async () => {
  client.send('POST', '/open', CHUNKED, '2\r\n{}\r\n');
  (await opened()).write('first');
  await eventually(() => expect(client.received).toContain('first'));
  client.socket.write(GARBAGE);
  await client.closed();
  expect(client.received).toMatch(/5\r\nfirst\r\n$/);
});

it('has no second response if it is within the body of a request that has one', async () => {
  client.send('POST', '/quick', CHUNKED, '2\r\n{}\r\n');
  await eventually(() => expect(client.received).toContain('quick'));
  client.socket.write(GARBAGE);
  await client.closed();
  expect(statuses()).toEqual([200]);
});

it('closes the connection if it is within a body whose turn has not come', async () => {
  client.send('GET', '/open', {});
  client.send('POST', '/open', CHUNKED, '2\r\n{}\r\n');
  await opened(2);
  client.socket.write(GARBAGE);
  await client.closed();
  expect(client.received).toBe('');
});
