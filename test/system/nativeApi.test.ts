import { afterEach, describe, expect, it } from 'vitest';
import { NativeClient } from '../support/NativeClient.js';
import { png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;

afterEach(() => stack?.stop());

async function start(options: StackOptions = {}): Promise<NativeClient> {
  stack = await Stack.start({ ...options, env: { COMFYUI_API_PORT: '0', ...options.env } });
  return new NativeClient(stack.nativeHost);
}

const invert = (image: string, prefix = 'inverted') => ({
  '1': { class_type: 'LoadImage', inputs: { image } },
  '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: prefix } },
});

describe('a prompt on the port of ComfyUI’s own API', () => {
  it('is answered, followed and fetched as on a ComfyUI', async () => {
    const client = await start({ simulators: [{}, {}] });
    const socket = await client.connect('client-1');
    const uploaded = await client.upload('photo.png', await png({ width: 32, height: 24 }));
    expect(uploaded).toEqual({ name: 'photo.png', subfolder: '', type: 'input' });
    const answer = await client.submit({ prompt: invert('photo.png'), client_id: 'client-1' });
    expect(answer).toMatchObject({ status: 200, json: { number: 0, node_errors: {} } });
    const id = String(answer.json.prompt_id);
    await socket.ended(id);
    console.log(JSON.stringify(socket.messages, null, 1).slice(0, 6000));
    const history = await client.json(`/history/${id}`);
    console.log(JSON.stringify(history));
  });
});
