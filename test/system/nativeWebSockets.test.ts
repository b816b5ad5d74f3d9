/** WebSockets of custom nodes, forwarded through the port of ComfyUI's own API to a machine. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { loadConfig } from '../../src/config/index.js';
import { eventually } from '../support/eventually.js';
import { MachineWithNode } from '../support/MachineWithNode.js';
import { NativeClient } from '../support/NativeClient.js';
import type { Stack } from '../support/stack.js';

const KEY = 'key-of-somebody-who-may';

let stack: Stack;
let machine: MachineWithNode;
beforeEach(async () => {
  machine = await MachineWithNode.start();
});
afterEach(async () => {
  await stack.stop();
  await machine.stop();
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  stack = await machine.serve(env);
}

async function open(path: string, headers = {}, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${stack.nativeHost}${path}`, protocols, { headers });
  await once(socket, 'open');
  return socket;
}

async function answer(socket: WebSocket, message: string | Buffer): Promise<string | Buffer> {
  const answered = once(socket, 'message');
  socket.send(message);
  const [data, isBinary] = (await answered) as [Buffer, boolean];
  return isBinary ? data : String(data);
}

/** Opens a response that does not end. @returns its reader, after the first line */
async function logOf(key: string) {
  const response = await new NativeClient(stack.nativeHost, { 'X-API-Key': key }).fetch('/custom/log');
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toBe('begin\n');
  return reader;
}

const replaceKeys = (keys: string) => stack.services.keys.replace(loadConfig({ API_KEYS: keys }).access.keys);

describe('a WebSocket of a custom node', () => {
  it('exchanges messages of both kinds, and closes as the other end does', async () => {
    await start();
    const socket = await open('/custom/terminal?size=80x24', {}, ['terminal.v1']);
    expect(socket.protocol).toBe('terminal.v1');
    expect(await answer(socket, 'a text')).toBe('a text');
    const bytes = Buffer.alloc(200_000, 7);
    expect(bytes.equals((await answer(socket, bytes)) as Buffer)).toBe(true);
    expect(machine.requests.map(({ url }) => url)).toEqual(['/custom/terminal?size=80x24']);
    const closed = once(socket, 'close');
    for (const one of machine.sockets.clients) one.close(4001, 'that is all');
    const [code, reason] = await closed;
    expect([code, String(reason)]).toEqual([4001, 'that is all']);
  });

  it('is there under /api as well, beside the one for prompts', async () => {
    await start();
    const socket = await open('/api/custom/terminal');
    expect(await answer(socket, 'a text')).toBe('a text');
    expect(machine.requests[0]?.url).toBe('/api/custom/terminal');
    const client = new NativeClient(stack.nativeHost);
    const prompts = await client.connect('c');
    await eventually(() => expect(prompts.messages[0]?.type).toBe('status'));
    client.close();
    socket.terminate();
    await eventually(() => expect(machine.sockets.clients.size).toBe(0));
  });

  it('needs a key where there are keys, which the machine is not told', async () => {
    await start({
      API_KEYS: `somebody:${KEY}`,
      ALLOW_RAW_WORKFLOWS: 'all',
      COMFYUI_AUTH_HEADER: 'Authorization: Bearer of-the-machine',
    });
    await expect(open('/custom/terminal')).rejects.toThrow('401');
    await expect(open('/custom/terminal?token=of-nobody-that-is-known')).rejects.toThrow('401');
    expect(machine.requests).toEqual([]);
    const sockets = [
      await open(`/custom/terminal?token=${KEY}&size=1`),
      await open(`/custom/terminal?size=2?&to%6ben=${KEY}&token=${KEY}`),
      await open(`/custom/terminal?to%6ben=${KEY}`, { 'X-API-Key': KEY }),
      await open('/custom/terminal', { 'X-API-Key': KEY }),
      await open('/custom/terminal', { Authorization: `Bearer ${KEY}` }),
    ];
    for (const socket of sockets) {
      expect(await answer(socket, 'a text')).toBe('a text');
      socket.terminate();
    }
    expect(machine.requests[0]?.url).toBe('/custom/terminal?size=1');
    expect(machine.requests[1]?.url).toBe('/custom/terminal?size=2%3F');
    expect(JSON.stringify(machine.requests)).not.toContain(KEY);
    for (const { headers } of machine.requests) expect(headers.authorization).toBe('Bearer of-the-machine');
  });

  it('is cut off when its key is removed, as is a response that does not end', async () => {
    const other = 'key-of-somebody-else';
    await start({ API_KEYS: `somebody:${KEY},other:${other}`, ALLOW_RAW_WORKFLOWS: 'all' });
    const [socket, kept] = await Promise.all(
      [KEY, other].map((key) => open('/custom/terminal', { 'X-API-Key': key })),
    );
    const [log, keptLog] = [await logOf(KEY), await logOf(other)];
    const closed = once(socket as WebSocket, 'close');
    replaceKeys(`other:${other}`);
    expect((await closed)[0]).toBe(1006);
    await expect(log?.read()).rejects.toThrow();
    await eventually(() => expect([machine.sockets.clients.size, machine.logs.size]).toEqual([1, 1]));
    expect(await answer(kept as WebSocket, 'a text')).toBe('a text');
    for (const one of machine.logs) one.write('more\n');
    expect((await keptLog?.read())?.value).toBe('more\n');
    await keptLog?.cancel();
    await eventually(() => expect(machine.logs.size).toBe(0));
    (kept as WebSocket).terminate();
    await eventually(() => expect(stack.services.keys.watchers).toBe(0));
  });

  it('that the machine does not have is refused, and one of a machine that goes away is closed', async () => {
    await start();
    await expect(open('/nobody/has/this')).rejects.toThrow();
    const socket = await open('/custom/terminal');
    const closed = once(socket, 'close');
    machine.stop();
    expect((await closed)[0]).toBe(1006);
  });

  it('is cut off when the server ends', async () => {
    await start();
    const socket = await open('/custom/terminal');
    const closed = once(socket, 'close');
    await stack.stop();
    expect((await closed)[0]).toBe(1006);
  });
});

describe('a key that changes', () => {
  it('keeps what is forwarded only as long as a new request would be', async () => {
    await start({ API_KEYS: `ops:admin:${KEY}` });
    const [socket, log] = [await open('/custom/terminal', { 'X-API-Key': KEY }), await logOf(KEY)];
    // Another name alone changes nothing: what a machine sends is the same for all names.
    replaceKeys(`boss:admin:${KEY}`);
    expect(await answer(socket, 'a text')).toBe('a text');
    const closed = once(socket, 'close');
    replaceKeys(`boss:${KEY}`);
    expect((await closed)[0]).toBe(1006);
    await expect(log?.read()).rejects.toThrow();
    await expect(open('/custom/terminal', { 'X-API-Key': KEY })).rejects.toThrow('403');
    await eventually(() => expect([machine.sockets.clients.size, machine.logs.size]).toEqual([0, 0]));
  });

  it('keeps what every key that may send graphs may read', async () => {
    await start({ API_KEYS: `ops:admin:${KEY}`, ALLOW_RAW_WORKFLOWS: 'all' });
    const [socket, log] = [await open('/custom/terminal', { 'X-API-Key': KEY }), await logOf(KEY)];
    replaceKeys(`ops:${KEY}`);
    expect(await answer(socket, 'a text')).toBe('a text');
    for (const one of machine.logs) one.write('more\n');
    expect((await log?.read())?.value).toBe('more\n');
    await log?.cancel();
    socket.terminate();
  });

  it('reaches no machine if it was removed after its check', async () => {
    await start({ API_KEYS: `somebody:${KEY}`, ALLOW_RAW_WORKFLOWS: 'all' });
    const keys = stack.services.keys;
    const headers = { 'X-API-Key': KEY };
    const requests = [
      () => new NativeClient(stack.nativeHost, headers).fetch('/custom/log'),
      () => open('/custom/terminal', headers),
    ];
    for (const request of requests) {
      // The request is allowed, and its key is removed in the same moment.
      vi.spyOn(stack.services.graphSubmissions, 'refusalFor').mockImplementationOnce(() => {
        replaceKeys('other:key-of-somebody-else');
        return undefined;
      });
      await expect(request()).rejects.toThrow();
      replaceKeys(`somebody:${KEY}`);
    }
    // A later request of the same kind has arrived, so an earlier one would have, too.
    (await open('/custom/terminal?later', headers)).terminate();
    expect(machine.calls.filter((call) => call.includes('/custom/'))).toEqual(['GET /custom/terminal?later']);
    await eventually(() => expect([machine.sockets.clients.size, keys.watchers]).toEqual([0, 0]));
  });

  it('leaves no WebSocket on a machine that accepts it too late', async () => {
    await start({ API_KEYS: `somebody:${KEY}`, ALLOW_RAW_WORKFLOWS: 'all' });
    let accept = () => {};
    machine.sockets.options.verifyClient = (_info, done) => {
      accept = () => done(true);
    };
    const opening = open('/custom/terminal', { 'X-API-Key': KEY });
    await eventually(() => expect(machine.requests).toHaveLength(1));
    replaceKeys('other:key-of-somebody-else');
    await expect(opening).rejects.toThrow();
    accept();
    await eventually(() => expect(machine.sockets.clients.size).toBe(0));
  });
});
