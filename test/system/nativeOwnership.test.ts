/** Files on the port of ComfyUI's own API that another prompt wrote under the name of a result. */
import { afterEach, describe, expect, it } from 'vitest';
import type { NativeClient, NativeSocket } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import { type Image, run, save } from '../support/nativeRuns.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { wav } from '../support/sounds.js';
import type { StackOptions } from '../support/stack.js';

const site = new NativeSite();
afterEach(() => site.stop());

const THEIRS = colourOf(70);
const OWN = colourOf(5);
const isPng = (bytes: Buffer) => bytes.subarray(1, 4).toString('latin1') === 'PNG';

/** Starts a server with two machines. @returns a client that has uploaded `own.png`, and a stranger's picture as its machine wrote it */
async function start(options: StackOptions = {}): Promise<{ client: NativeClient; theirs: Buffer }> {
  const client = await site.start({ simulators: [{}, {}], ...options });
  await client.upload('theirs.png', await png({ colour: THEIRS }));
  await run(client, save('theirs.png', 'stranger'));
  const [theirs] = site.stack.simulators.flatMap(({ folders }) =>
    folders
      .names('output')
      .flatMap((filename) => folders.read({ type: 'output', subfolder: '', filename }) ?? []),
  );
  if (!theirs) throw new Error('there is no file of another prompt');
  await client.upload('own.png', await png({ colour: OWN }));
  return { client, theirs };
}

/** The machines send this picture instead of every other one. */
function sendInstead(picture: Buffer | undefined): void {
  for (const { faults } of site.stack.simulators) {
    faults.rewrite = picture && ((bytes) => (isPng(bytes) ? picture : bytes));
  }
}

async function begin(client: NativeClient, prompt: object): Promise<{ id: string; socket: NativeSocket }> {
  const socket = await client.connect('c');
  const { json, text } = await client.submit({ prompt, client_id: 'c' });
  if (json?.prompt_id === undefined) throw new Error(text);
  return { id: String(json.prompt_id), socket };
}

/** The file of node 2, as its message names it. */
async function announced(socket: NativeSocket, id: string): Promise<Image> {
  await socket.heard((kinds) => kinds.includes('executed 2'), id);
  const [output] = socket.of(id).flatMap(({ type, data }) => (type === 'executed' ? [data['output']] : []));
  const [file] = (output as { images: Image[] }).images;
  if (!file) throw new Error('node 2 made no file');
  return file;
}

/** The statuses of all requests that would send the file, or a picture made of it. */
async function statuses(client: NativeClient, file: Image): Promise<number[]> {
  const view = async (more: Readonly<Record<string, string>> = {}, init: RequestInit = {}) => {
    const response = await client.fetch(`/view?${new URLSearchParams({ ...file, ...more })}`, init);
    await response.arrayBuffer();
    return response.status;
  };
  const { filename, subfolder, type } = file;
  const input = await client.submit({ prompt: save(`${filename} [${type}]`) });
  const original_ref = JSON.stringify({ filename, subfolder, type });
  const mask = await client.upload('mask.png', await png(), { original_ref }, '/upload/mask');
  return [
    await view(),
    await view({}, { method: 'HEAD' }),
    await view({}, { headers: { Range: 'bytes=0-99' } }),
    await view({ preview: 'webp;50' }),
    await view({ channel: 'rgb' }),
    input.status,
    typeof mask === 'object' && mask !== null && 'name' in mask ? 200 : 404,
  ];
}

const NOWHERE = [404, 404, 404, 404, 404, 400, 404];

describe('a picture that another prompt wrote under the name of a result', () => {
  it('fails the prompt, and no client gets it', async () => {
    const { client, theirs } = await start();
    sendInstead(theirs);
    const { id, socket } = await begin(client, save('own.png', 'own'));
    await socket.ended(id);
    expect(socket.kinds(id).at(-2)).toBe('execution_error');
    const error = socket.of(id).find(({ type }) => type === 'execution_error');
    expect(error?.data).toMatchObject({
      prompt_id: id,
      exception_type: 'result_missing',
      exception_message: 'The file with the name of a result was created by another prompt.',
    });
    const { [id]: entry } = await client.json(`/history/${id}`);
    expect(entry.status).toMatchObject({ status_str: 'error', completed: false });
    expect(await client.json(`/api/jobs/${id}`)).toMatchObject({ status: 'failed' });
    const file = entry.outputs['2'].images[0];
    expect(await statuses(client, file)).toEqual(NOWHERE);
  });

  it('is not sent while the prompt runs either', async () => {
    const { client, theirs } = await start({
      simulators: [{ workMs: { InspyrenetRembg: 3000 } }, { withoutNodes: ['InspyrenetRembg'] }],
    });
    sendInstead(theirs);
    const { id, socket } = await begin(client, {
      ...save('own.png', 'own'),
      '3': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
      '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
    });
    const file = await announced(socket, id);
    expect(await statuses(client, file)).toEqual(NOWHERE);
    expect(await client.json(`/history/${id}`)).toEqual({});
    sendInstead(undefined);
    expect(distance(await middle((await client.view(file)).bytes), OWN)).toBeLessThan(8);
  });

  it('is not sent when the own one was dropped to make room', async () => {
    const env = { MAX_RESULT_MEMORY: '4000000', MAX_RESULT_SIZE: '4000000' };
    const { client, theirs } = await start({ env });
    const { status, image } = await run(client, save('own.png', 'own'));
    expect(status).toBe('success');
    for (const name of ['one.wav', 'other.wav']) {
      await client.upload(name, wav(Array.from({ length: 1_200_000 }, (_, n) => (n * 7919) % 30_011)));
      const sound = await begin(client, {
        '1': { class_type: 'LoadAudio', inputs: { audio: name } },
        '2': { class_type: 'SaveAudio', inputs: { audio: ['1', 0], filename_prefix: 'noise' } },
      });
      await sound.socket.ended(sound.id);
    }
    expect(distance(await middle((await client.view(image)).bytes), OWN)).toBeLessThan(8);
    sendInstead(theirs);
    expect(await statuses(client, image)).toEqual(NOWHERE);
  });
});

it('a picture that is larger than results may be fails the prompt, too', async () => {
  const client = await site.start({ env: { MAX_RESULT_SIZE: '100' } });
  await client.upload('own.png', await png());
  const { id, socket } = await begin(client, save('own.png'));
  await socket.ended(id);
  expect(socket.kinds(id).at(-2)).toBe('execution_error');
  const { [id]: entry } = await client.json(`/history/${id}`);
  expect(entry.status).toMatchObject({ status_str: 'error', completed: false });
  expect(JSON.stringify(entry.status.messages)).toContain('MAX_RESULT_SIZE');
  expect(await client.json(`/api/jobs/${id}`)).toMatchObject({ status: 'failed' });
});

it('a preview that ComfyUI takes from its cache is sent, although an earlier prompt made its file', async () => {
  const client = await site.start({ simulators: [{ cacheSize: 100 }] });
  await client.upload('own.png', await png({ colour: OWN }));
  // Another value, so that node 2 runs again: what it expands into is cached.
  const prompt = (again: number) => ({
    '1': { class_type: 'LoadImage', inputs: { image: 'own.png' } },
    '2': { class_type: 'InvertAndPreview', inputs: { image: ['1', 0], again } },
    '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
  });
  const made: string[] = [];
  for (let n = 0; n < 2; n += 1) {
    const { id, socket } = await begin(client, prompt(n));
    await socket.ended(id);
    const { [id]: entry } = await client.json(`/history/${id}`);
    const [preview] = Object.entries<{ images: Image[] }>(entry.outputs)
      .filter(([node]) => node !== '3')
      .flatMap(([, { images }]) => images);
    if (!preview) throw new Error('there is no preview');
    expect((await client.view(preview)).status).toBe(200);
    made.push(preview.filename.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, ''));
  }
  expect(made[1]).toBe(made[0]);
});
