/** Uploads that are refused while their client still sends them. */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Nginx, requireNginx } from '../support/Nginx.js';
import { png } from '../support/pictures.js';
import { RawClient } from '../support/rawClient.js';
import { Stack } from '../support/stack.js';

const PATH = '/api/async/remove-background';
const HEADERS = { 'Content-Type': 'image/png' };

let stack: Stack;
afterEach(() => stack.stop());

const start = async () => {
  stack = await Stack.start({ env: { API_KEYS: 'a-key-that-is-long-enough' } });
  return stack.client.baseUrl;
};

/** Number of complete responses. */
const responses = ({ received }: RawClient) => received.match(/"timestamp":"[^"]+"\}/g)?.length ?? 0;

/** Sends half of a small picture, then the rest. */
async function sendInTwoParts(client: RawClient): Promise<void> {
  const picture = await png();
  client.post(PATH, { ...HEADERS, 'Content-Length': picture.length }, picture.subarray(0, 100));
  // Long enough for a response that does not wait for the rest.
  await new Promise((resolve) => setTimeout(resolve, 200));
  client.socket.write(picture.subarray(100));
}

describe('a small upload that is refused', () => {
  it.runIf(requireNginx())(
    'leaves a connection to nginx on which the next request gets its response',
    async () => {
      const server = new URL(await start()).host;
      const nginx = await Nginx.start([server, server]);
      const client = await RawClient.connect(nginx.baseUrl);
      await sendInTwoParts(client);
      await eventually(() => expect(responses(client)).toBe(1));
      client.send('GET', '/api/jobs/list', {});
      await eventually(() => expect([responses(client), client.isClosed]).toEqual([2, false]));
      client.socket.destroy();
      await nginx.stop();
    },
  );

  it('gets its response when its rest has come, whoever sends it without its length', async () => {
    const client = await RawClient.connect(await start());
    client.post(PATH, { ...HEADERS, 'Transfer-Encoding': 'chunked' }, '3\r\nabc\r\n');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(client.received).toBe('');
    client.socket.write('0\r\n\r\n');
    expect(await client.status()).toBe(401);
    client.socket.destroy();
  });

  it('gets its response after two seconds if its rest does not come', async () => {
    const client = await RawClient.connect(await start());
    const began = performance.now();
    client.post(PATH, { ...HEADERS, 'Content-Length': 1000 }, 'abc');
    expect(await client.status()).toBe(401);
    expect(performance.now() - began).toBeGreaterThan(1900);
    client.socket.destroy();
  });

  it('gets its response at once if more comes than is small', async () => {
    const client = await RawClient.connect(await start());
    const part = Buffer.alloc(300 * 1024, 'x');
    client.post(PATH, { ...HEADERS, 'Transfer-Encoding': 'chunked' }, `${part.length.toString(16)}\r\n`);
    client.socket.write(part);
    expect(await client.status()).toBe(401);
    client.socket.destroy();
  });
});
