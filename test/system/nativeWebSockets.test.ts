/** WebSockets of custom nodes, forwarded through the port of ComfyUI's own API to a machine. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { loadConfig } from '../../src/config/index.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { MachineWithNode } from '../support/MachineWithNode.js';
import { NativeClient } from '../support/NativeClient.js';
import { Stack } from '../support/stack.js';

const KEY = 'key-of-somebody-who-may';

let stack: Stack;
let simulator: Simulator;
let machine: MachineWithNode;
beforeEach(async () => {
  simulator = await startSimulator();
  machine = await MachineWithNode.start(simulator.host);
});
afterEach(async () => {
  await stack.stop();
  machine.stop();
  await simulator.stop();
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  stack = await Stack.start({
    simulators: [],
    env: { COMFYUI_HOST: machine.host, COMFYUI_API_PORT: '0', ...env },
  });
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
      await open('/custom/terminal', { 'X-API-Key': KEY }),
      await open('/custom/terminal', { Authorization: `Bearer ${KEY}` }),
    ];
    for (const socket of sockets) {
      expect(await answer(socket, 'a text')).toBe('a text');
      socket.terminate();
    }
    expect(machine.requests[0]?.url).toBe('/custom/terminal?size=1');
    expect(JSON.stringify(machine.requests)).not.toContain(KEY);
    for (const { headers } of machine.requests) expect(headers.authorization).toBe('Bearer of-the-machine');
  });

  it('is cut off when its key is removed, as is a response that does not end', async () => {
    const other = 'key-of-somebody-else';
    await start({ API_KEYS: `somebody:${KEY},other:${other}`, ALLOW_RAW_WORKFLOWS: 'all' });
    const [socket, kept] = await Promise.all(
      [KEY, other].map((key) => open('/custom/terminal', { 'X-API-Key': key })),
    );
    const logOf = async (key: string) => {
      const response = await new NativeClient(stack.nativeHost, { 'X-API-Key': key }).fetch('/custom/log');
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      expect((await reader?.read())?.value).toBe('begin\n');
      return reader;
    };
    const [log, keptLog] = [await logOf(KEY), await logOf(other)];
    const closed = once(socket as WebSocket, 'close');
    stack.services.keys.replace(loadConfig({ API_KEYS: `other:${other}` }).access.keys);
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
