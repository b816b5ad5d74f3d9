/** Connections of clients whose requests are forwarded through the port of ComfyUI's own API to a machine. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { MachineWithNode } from '../support/MachineWithNode.js';
import { NativeClient } from '../support/NativeClient.js';
import { RawClient } from '../support/rawClient.js';
import type { Stack } from '../support/stack.js';

let stack: Stack;
let machine: MachineWithNode;
beforeEach(async () => {
  machine = await MachineWithNode.start();
  stack = await machine.serve({});
});
afterEach(async () => {
  await stack.stop();
  await machine.stop();
});

describe('the connection of a forwarded request', () => {
  it('stays open for the next one, as with ComfyUI', async () => {
    const client = await RawClient.connect(`http://${stack.nativeHost}`);
    for (let n = 1; n <= 3; n += 1) {
      client.send('GET', '/custom/note', {});
      await eventually(() => expect(client.received.split('a note').length).toBe(n + 1));
    }
    expect(client.received).not.toMatch(/connection: close/i);
    expect(client.isClosed).toBe(false);
    client.socket.destroy();
  });

  it('is closed if the client wants that', async () => {
    const client = await RawClient.connect(`http://${stack.nativeHost}`);
    client.send('GET', '/custom/note', { Connection: 'close' });
    await client.closed();
    expect(client.received).toMatch(/connection: close/i);
    expect(client.received).toContain('a note');
  });

  it('breaks if the machine breaks off its response, which no client takes for complete', async () => {
    const client = new NativeClient(stack.nativeHost);
    const reader = (await client.fetch('/custom/log')).body?.getReader();
    expect(String(Buffer.from((await reader?.read())?.value ?? []))).toBe('begin\n');
    for (const response of machine.logs) response.destroy();
    await expect(reader?.read()).rejects.toThrow();
  });

  it('is reset then if the response of HTTP/1.0 would end with it', async () => {
    const socket = connect(Number(stack.nativeHost.split(':')[1]), '127.0.0.1');
    socket.write('GET /custom/log HTTP/1.0\r\nHost: localhost\r\n\r\n');
    let received = '';
    socket.on('data', (part) => {
      received += part;
    });
    await eventually(() => expect(received).toContain('begin'));
    const broken = once(socket, 'error');
    for (const response of machine.logs) response.destroy();
    expect(await broken).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  it('can be used again after a small upload that the machine dropped before its end', async () => {
    const client = await RawClient.connect(`http://${stack.nativeHost}`);
    client.post('/custom/drop', { 'Content-Length': 10 }, 'abc');
    await eventually(() => expect(machine.calls).toContain('POST /custom/drop'));
    // Long enough for a response that does not wait for the rest.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(client.received).toBe('');
    client.socket.write('defghij');
    expect(await client.status()).toBe(502);
    client.send('GET', '/custom/note', {});
    await eventually(() => expect(client.received).toContain('a note'));
    client.socket.destroy();
  });
});
