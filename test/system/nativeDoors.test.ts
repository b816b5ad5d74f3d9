/** What must not get past the port of ComfyUI's own API to a machine, and what must. */
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { eventually } from '../support/eventually.js';
import { NativeClient } from '../support/NativeClient.js';
import { OTHER_WAYS, rawRequest } from '../support/otherWays.js';
import { png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';

const KEYS = { API_KEYS: 'one:admin:key-of-the-first-one,other:submit:key-of-the-other-one' };
const SHOW = {
  '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
  '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
  '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
};

const EMPTY = {
  '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } },
  '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
};

let stack: Stack;
const raw = (text: string) => rawRequest(stack.nativeHost, text);
const clients: NativeClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await stack.stop();
});

async function start(options: StackOptions = {}): Promise<void> {
  stack = await Stack.start({ ...options, env: { COMFYUI_API_PORT: '0', ...options.env } });
}

function newClient(key?: string): NativeClient {
  const client = new NativeClient(stack.nativeHost, key === undefined ? {} : { 'X-API-Key': key });
  clients.push(client);
  return client;
}

describe('a path that is written in another way', () => {
  it('leads to no machine', async () => {
    await start({ env: KEYS, simulators: [{ workMs: { InspyrenetRembg: 5000 } }] });
    const one = newClient('key-of-the-first-one');
    await one.upload('photo.png', await png());
    const { json } = await one.submit({ prompt: SHOW, extra_data: { note: 'for nobody else' } });
    const machine = stack.simulator();
    await eventually(() => expect(machine.executions.length).toBeGreaterThan(0));
    const asked = new Map(machine.requests);
    const head = `Host: ${stack.nativeHost}\r\nX-API-Key: key-of-the-other-one\r\nConnection: close\r\n`;
    const body = JSON.stringify({ prompt: EMPTY });
    const length = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    for (const written of OTHER_WAYS) {
      for (const path of ['/queue', '/history']) {
        const answer = await raw(`GET ${written(path)} HTTP/1.1\r\n${head}\r\n`);
        expect(answer, written(path)).toMatch(/^HTTP\/1.1 (200|404) /);
        expect(answer, written(path)).not.toContain('for nobody else');
      }
      const refused = await raw(`POST ${written('/prompt')} HTTP/1.1\r\n${head}${length}\r\n${body}`);
      expect(refused, written('/prompt')).toMatch(/^HTTP\/1.1 40[34] /);
      await raw(`POST ${written('/interrupt')} HTTP/1.1\r\n${head}Content-Length: 2\r\n\r\n{}`);
      for (const what of ['POST /prompt', 'POST /interrupt']) {
        expect(machine.requests.get(what), `${what} by ${written('/queue')}`).toBe(asked.get(what));
      }
    }
    expect((await one.json('/queue')).queue_running[0][1]).toBe(json.prompt_id);
  });

  it('works if it is only a slash too many, as behind a base URL that ends with one', async () => {
    await start();
    const client = newClient();
    await client.upload('photo.png', await png(), {}, '//upload/image');
    const { status, json } = await client.post('//prompt', { prompt: SHOW });
    expect(status).toBe(200);
    expect((await client.request('//api///queue')).json).toHaveProperty('queue_running');
    await eventually(async () =>
      expect(await client.json(`/history//${json.prompt_id}`)).toHaveProperty(json.prompt_id),
    );
    const ws = new WebSocket(`ws://${stack.nativeHost}//ws?clientId=c`);
    const [message] = await once(ws, 'message');
    expect(JSON.parse(String(message))).toMatchObject({ type: 'status', data: { sid: 'c' } });
    ws.terminate();
  });
});

describe('a request with an upgrade that is no WebSocket', () => {
  const UPGRADE =
    'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n';

  it('is served as if it had none, with its body', async () => {
    await start();
    const client = newClient();
    await client.upload('photo.png', await png());
    const body = JSON.stringify({ prompt: SHOW });
    const post = (path: string, text: string) =>
      raw(
        `POST ${path} HTTP/1.1\r\nHost: ${stack.nativeHost}\r\n${UPGRADE}Content-Length: ${text.length}\r\n\r\n${text}`,
      );
    expect(await post('/prompt', body)).toMatch(/^HTTP\/1.1 200 .*"prompt_id"/s);
    // Passed on to the machine, which does not know this path.
    expect(await post('/custom/route', '{}')).toMatch(/^HTTP\/1.1 404 /);
    expect(await raw(`GET /queue HTTP/1.1\r\nHost: ${stack.nativeHost}\r\n${UPGRADE}\r\n`)).toMatch(
      /^HTTP\/1.1 200 .*queue_running/s,
    );
  });

  it('stops the named prompt only', async () => {
    await start({ simulators: [{ workMs: { InspyrenetRembg: 1000 } }] });
    const client = newClient();
    await client.upload('photo.png', await png());
    const { json } = await client.submit({ prompt: SHOW });
    await eventually(() => expect(stack.simulator().executions.length).toBe(1));
    const text = JSON.stringify({ prompt_id: 'another' });
    await raw(
      `POST /interrupt HTTP/1.1\r\nHost: ${stack.nativeHost}\r\n${UPGRADE}Content-Length: ${text.length}\r\n\r\n${text}`,
    );
    await eventually(async () => {
      const { [json.prompt_id]: entry } = await client.json('/history');
      expect(entry?.status.status_str).toBe('success');
    }, 10_000);
  });
});

describe('a page of the port itself', () => {
  it('may send what is passed on to a machine on a loopback address', async () => {
    await start();
    const client = newClient();
    const headers = { Origin: `http://${stack.nativeHost}` };
    // A machine compares the origin with its own address.
    const { status } = await new NativeClient(stack.simulator().host).request('/settings', { headers });
    expect(status).toBe(403);
    expect((await client.request('/settings', { method: 'POST', headers })).status).toBe(404);
  });
});
