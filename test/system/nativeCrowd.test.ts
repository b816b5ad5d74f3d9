import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { NativeClient, type NativeSocket } from '../support/NativeClient.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

const CLIENTS = 200;
/** Every tenth client has a prompt. */
const EACH = 10;

let stack: Stack;
let client: NativeClient;

beforeAll(async () => {
  stack = await Stack.start({ simulators: [{}, {}], env: { COMFYUI_API_PORT: '0' } });
  client = new NativeClient(stack.nativeHost);
});

afterAll(async () => {
  client.close();
  await stack.stop();
});

describe('200 clients at once, half of which do not read', () => {
  it('hear what is theirs and nothing else, and take no more memory than they may', async () => {
    await client.upload('photo.png', await png());
    const sockets: NativeSocket[] = [];
    for (let n = 0; n < CLIENTS; n += 1) sockets.push(await client.connect(`client-${n}`));
    for (const [n, { ws }] of sockets.entries()) if (n % 2 === 1) ws.pause();
    const owners = new Map<string, number>();
    for (let n = 0; n < CLIENTS; n += EACH / 2) {
      const { json } = await client.submit({
        prompt: {
          '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
          '2': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
          '3': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: `of-${n}` } },
        },
        client_id: `client-${n}`,
      });
      owners.set(json.prompt_id, n);
    }
    await eventually(async () => {
      expect(Object.keys(await client.json('/history'))).toHaveLength(owners.size);
    }, 60_000);
    for (const { ws } of sockets) ws.resume();
    for (const [id, n] of owners) await sockets[n]?.ended(id);
    for (const [n, socket] of sockets.entries()) {
      const about = new Set(socket.messages.flatMap(({ data }) => data['prompt_id'] ?? []));
      expect([...about].map((id) => owners.get(String(id)))).toEqual(n % (EACH / 2) === 0 ? [n] : []);
      expect(socket.previews).toHaveLength(n % (EACH / 2) === 0 ? 1 : 0);
    }
  }, 120_000);

  it('lose previews and queue lengths first, then the socket', async () => {
    const slow = await client.connect('slow');
    slow.ws.pause();
    const native = stack.services.native;
    const socket = native?.sockets.get(undefined, 'slow');
    const preview = {
      promptId: 'p',
      mimeType: 'image/png',
      image: Buffer.alloc(512 * 1024),
      metadata: undefined,
    };
    // More than the buffers of both systems take.
    for (let n = 0; n < 200; n += 1) socket?.sendPreview(preview, undefined);
    expect(socket?.waitingBytes).toBeLessThan(2 * 1024 * 1024);
    const text = JSON.stringify({ type: 'progress', data: { text: 'x'.repeat(1024 * 1024) } });
    for (let n = 0; n < 40; n += 1) socket?.send(text);
    await eventually(() => expect(native?.sockets.get(undefined, 'slow')).toBeUndefined());
  });
});
