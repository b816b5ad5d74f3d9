import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { NativeClient, type NativeSocket } from '../support/NativeClient.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

const CLIENTS = 200;
/** Every fifth client has a prompt, and every second client does not read. */
const EACH = 5;
const hasPrompt = (n: number) => n % EACH === 0;

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

/** Submits a prompt for the n-th client. @returns its id */
async function submit(n: number): Promise<string> {
  const { json } = await client.submit({
    prompt: {
      '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
      '2': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
      '3': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: `of-${n}` } },
    },
    client_id: `client-${n}`,
  });
  return String(json.prompt_id);
}

async function connectAll(): Promise<NativeSocket[]> {
  const sockets: NativeSocket[] = [];
  for (let n = 0; n < CLIENTS; n += 1) {
    const socket = await client.connect(`client-${n}`);
    if (n % 2 === 1) socket.ws.pause();
    sockets.push(socket);
  }
  return sockets;
}

/** The owners of the prompts that a socket received messages about. */
function heardOf(socket: NativeSocket, owners: ReadonlyMap<string, number>): unknown[] {
  const about = new Set(socket.messages.flatMap(({ data }) => data['prompt_id'] ?? []));
  return [...about].map((id) => owners.get(String(id)));
}

describe('200 clients at once, half of which do not read', () => {
  it('hear what is theirs and nothing else', async () => {
    await client.upload('photo.png', await png());
    const sockets = await connectAll();
    const owners = new Map<string, number>();
    for (const n of [...sockets.keys()].filter(hasPrompt)) owners.set(await submit(n), n);
    await eventually(async () => {
      expect(Object.keys(await client.json('/history'))).toHaveLength(owners.size);
    }, 60_000);
    for (const { ws } of sockets) ws.resume();
    for (const [id, n] of owners) await sockets[n]?.ended(id);
    for (const [n, socket] of sockets.entries()) {
      const [prompts, previews] = hasPrompt(n) ? [[n], 1] : [[], 0];
      expect(heardOf(socket, owners)).toEqual(prompts);
      expect(socket.previews).toHaveLength(previews);
    }
  }, 120_000);

  it('get each image that a node sends over the socket, however late they read', async () => {
    // About 2.4 MB each: more than the buffers of both ends have room for.
    const noise = randomBytes(900 * 900 * 3);
    const photo = await sharp(noise, { raw: { width: 900, height: 900, channels: 3 } })
      .png()
      .toBuffer();
    await client.upload('noise.png', photo);
    const socket = await client.connect('late');
    socket.ws.pause();
    const saver = { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } };
    const { json } = await client.submit({
      prompt: {
        '1': { class_type: 'LoadImage', inputs: { image: 'noise.png' } },
        ...Object.fromEntries(['2', '3', '4', '5', '6', '7'].map((id) => [id, saver])),
      },
      client_id: 'late',
    });
    await eventually(async () => expect(await client.json('/history')).toHaveProperty(json.prompt_id));
    socket.ws.resume();
    await socket.ended(json.prompt_id);
    expect(socket.previews).toHaveLength(6);
  });

  it('lose previews and queue lengths first, then the socket', async () => {
    const slow = await client.connect('slow');
    slow.ws.pause();
    const native = stack.services.native;
    const socket = native?.sockets.get(undefined, 'slow');
    const preview = {
      promptId: 'p',
      mimeType: 'image/jpeg',
      image: Buffer.alloc(512 * 1024),
      metadata: undefined,
    };
    // More than the buffers of both ends.
    for (let n = 0; n < 200; n += 1) socket?.sendPreview(preview, undefined);
    expect(socket?.waitingBytes).toBeLessThan(2 * 1024 * 1024);
    const text = JSON.stringify({ type: 'progress', data: { text: 'x'.repeat(1024 * 1024) } });
    for (let n = 0; n < 40; n += 1) socket?.send(text);
    await eventually(() => expect(native?.sockets.get(undefined, 'slow')).toBeUndefined());
  });
});
