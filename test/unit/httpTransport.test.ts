import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpTransport } from '../../src/services/comfyui/HttpTransport.js';

const server = createServer((_, response) => {
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
