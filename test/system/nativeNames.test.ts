/** Names of files and prompts as clients of ComfyUI's own API see them. */
import { randomUUID } from 'node:crypto';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { NativeClient } from '../support/NativeClient.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let client: NativeClient;

beforeEach(async () => {
  stack = await Stack.start({
    simulators: [{}, {}],
    env: { COMFYUI_API_PORT: '0', MAX_JOBS_PER_INSTANCE: '1' },
  });
  client = new NativeClient(stack.nativeHost);
});
afterEach(async () => {
  client.close();
  await stack.stop();
});

type Place = Record<'filename' | 'subfolder' | 'type', string>;

/** A prompt that saves one colour. */
const coloured = (color: number, filename_prefix: unknown) => ({
  '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color } },
  text: { class_type: 'ShowText|pysssss', inputs: { text: 'cover' } },
  save: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix } },
});

/** Runs a prompt. @returns the file in its message and in its history */
async function saved(prompt: unknown, id: string = randomUUID()): Promise<{ place: Place; kinds: string[] }> {
  const client_id = randomUUID();
  const socket = await client.connect(client_id);
  await client.submit({ prompt, prompt_id: id, client_id });
  await socket.ended(id);
  const message = socket.of(id).find(({ type, data }) => type === 'executed' && data['node'] === 'save');
  const { images } = (message?.data['output'] ?? {}) as { images: [Place] };
  const { [id]: entry } = await client.json('/history');
  expect(entry.outputs.save.images).toEqual(images);
  return { place: images[0], kinds: socket.kinds(id) };
}

async function pixel(place: Place): Promise<number[]> {
  const { status, bytes } = await client.view(place);
  expect(status).toBe(200);
  return [...(await sharp(bytes).removeAlpha().raw().toBuffer()).subarray(0, 3)];
}

describe('a file whose name a prompt computes', () => {
  it('is not taken for that of another prompt on another machine', async () => {
    const [red, blue] = await Promise.all(
      [0xff0000, 0x0000ff].map((color) => saved(coloured(color, ['text', 0]))),
    );
    expect(red?.place.filename).not.toBe(blue?.place.filename);
    expect(red && (await pixel(red.place))).toEqual([255, 0, 0]);
    expect(blue && (await pixel(blue.place))).toEqual([0, 0, 255]);
    const made = stack.simulators.map((one) => one.executions.length);
    expect(made).toEqual([1, 1]);
  });
});

describe('a file whose name contains a UUID of the client', () => {
  it.each(['img-%', '%', 'user/req-%-final', 'img_%', '%-%'])('is found: %s', async (prefix) => {
    const own = randomUUID();
    const { place } = await saved(coloured(0x00ff00, prefix.replaceAll('%', own)));
    expect(place.filename).toContain(own);
    expect(await pixel(place)).toEqual([0, 255, 0]);
    // The client's own part of the name is kept, and nothing else.
    const [job] = place.filename.match(/[0-9a-f-]{36}(?=_\d+_\.png$)/) ?? [];
    const status = await stack.client.status(job ?? '');
    const outputs = status.status === 'completed' ? status.outputs : [];
    const image = outputs.find(({ filename }) => filename.endsWith('.png'));
    expect(image?.filename).toBe(place.filename.replace(`-${job}`, ''));
  });
});

describe('the id of a prompt', () => {
  it.each(['job$&0', 'a$$b', "$'$`", '"quoted"\\'])('is the same in all messages: %s', async (id) => {
    const { kinds } = await saved(coloured(1, 'x'), id);
    expect(kinds[0]).toBe('execution_start');
    expect(kinds.slice(-2)).toEqual(['execution_success', 'executing null']);
    const { [id]: entry } = await client.json('/history');
    const ids = entry.status.messages.map(([, data]: [string, { prompt_id: string }]) => data.prompt_id);
    expect(new Set(ids)).toEqual(new Set([id]));
    await eventually(async () => expect((await client.json('/queue')).queue_running).toEqual([]));
  });
});

it('has its own name in an error about it', async () => {
  await client.upload('photo.png', Buffer.from('no image'));
  const prompt = {
    '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
    '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
  };
  const socket = await client.connect('me');
  const { json } = await client.submit({ prompt, client_id: 'me' });
  const id: string = json.prompt_id;
  await socket.ended(id);
  const message = socket.of(id).find(({ type }) => type === 'execution_error');
  expect(message?.data).toMatchObject({
    node_id: '1',
    exception_type: 'PIL.UnidentifiedImageError',
    current_inputs: { image: ['photo.png'] },
    traceback: [],
  });
  const { [id]: entry } = await client.json(`/history/${id}`);
  expect(entry.status.messages.at(-1)).toEqual(['execution_error', message?.data]);
});
