import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpTransport } from '../../src/services/comfyui/HttpTransport.js';

const received: string[] = [];
const server = createServer(({ url = '' }, response) => {
  received.push(url);
  response.writeHead(200, { 'content-length': 1_000_000_000 });
  response.write('{');
});
let transport: HttpTransport;

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  transport = new HttpTransport({ id: host, host, baseUrl: `http://${host}`, headers: {} }, {}, 5000);
});
afterEach(async () => {
  transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('a timeout', () => {
  /** In a separate thread, because this one is blocked. */
  const answering = () =>
    new Worker(
      `const { createServer } = require('node:http');
       const { parentPort } = require('node:worker_threads');
       const server = createServer((_, response) => setTimeout(() => response.end('{}'), 20));
       server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
      { eval: true },
    );
  const standStill = (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  };

  it('does not count the time in which this process was busy', async () => {
    const worker = answering();
    const [port] = await once(worker, 'message');
    const host = `127.0.0.1:${port}`;
    const other = new HttpTransport({ id: host, host, baseUrl: `http://${host}`, headers: {} }, {}, 5000);
    const answer = other.request({ method: 'GET', path: '/', timeoutMs: 400 });
    // The request is sent; the response arrives while this thread is blocked.
    await sleep(5);
    // Timers are handled next, before sockets.
    await new Promise(setImmediate);
    standStill(1000);
    await expect(answer).resolves.toMatchObject({ status: 200 });
    other.close();
    await worker.terminate();
  });

  it('counts the time in which it could have read an answer', async () => {
    const startedAt = performance.now();
    const answer = transport.request({ method: 'GET', path: '/', timeoutMs: 200, maxBytes: 2_000_000_000 });
    await expect(answer).rejects.toMatchObject({ failure: 'no answer' });
    expect(performance.now() - startedAt).toBeGreaterThan(190);
  });
});

describe('a response that is too large', () => {
  const request = { method: 'GET', path: '/queue', timeoutMs: 5000 } as const;

  it('is the fault of the machine, where it is no result', async () => {
    await expect(transport.request(request)).rejects.toMatchObject({ failure: 'unexpected response' });
  });

  it('is the fault of the prompt, where it is its result', async () => {
    const result = transport.request({ ...request, maxBytes: 1000, isResult: true });
    await expect(result).rejects.toMatchObject({ failure: 'result too large' });
  });
});

describe('an aborted request', () => {
  const reason = new Error('cancelled');
  const request = (path: string, signal: AbortSignal) =>
    transport.request({ method: 'GET', path, timeoutMs: 5000, maxBytes: 2_000_000_000, signal });

  it('is not sent if it was aborted before', async () => {
    await expect(request('/before', AbortSignal.abort(reason))).rejects.toBe(reason);
    await sleep(50);
    expect(received).not.toContain('/before');
  });

  it('is not sent if it is aborted while it waits for its connection', async () => {
    const controller = new AbortController();
    const answer = request('/waiting', controller.signal);
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await sleep(50);
    expect(received).not.toContain('/waiting');
  });

  it('closes its connection in the middle of the response', async () => {
    const controller = new AbortController();
    const closed = once(server, 'request').then(([, response]) => once(response, 'close'));
    const answer = request('/middle', controller.signal);
    await once(server, 'request');
    await sleep(50);
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await closed;
  });
});
