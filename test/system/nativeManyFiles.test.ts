/** Files on the port of ComfyUI's own API, of nodes that save several files or name them in their own way. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NativeClient, NativeSocket } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import type { Image } from '../support/nativeRuns.js';
import { colourOf, distance, middle, png, type Rgb } from '../support/pictures.js';

const site = new NativeSite();
let client: NativeClient;

const COLOUR = colourOf(5);
const OTHER = colourOf(70);
const inverted = ({ r, g, b }: Rgb): Rgb => ({ r: 255 - r, g: 255 - g, b: 255 - b });

beforeEach(async () => {
  client = await site.start();
  await client.upload('a.png', await png({ colour: COLOUR }));
  await client.upload('b.png', await png({ colour: OTHER }));
});
afterEach(() => site.stop());

const load = (image = 'a.png') => ({ class_type: 'LoadImage', inputs: { image } });
const savePair = { class_type: 'SaveTwo', inputs: { image: ['1', 0], filename_prefix: 'x' } };

/** A chain of nodes: what follows runs after everything else. */
const inverts = Object.fromEntries(
  ['1', '21', '22', '23'].map((id, n) => [
    String(21 + n),
    { class_type: 'ImageInvert', inputs: { image: [id, 0] } },
  ]),
);

async function begin(prompt: object): Promise<{ id: string; socket: NativeSocket }> {
  const client_id = randomUUID();
  const socket = await client.connect(client_id);
  const { status, json, text } = await client.submit({ prompt, client_id });
  if (status !== 200) throw new Error(text);
  return { id: String(json.prompt_id), socket };
}

/** Waits for the end. @returns the first file of each node that ran, as the history has it */
async function filesOf(id: string, socket: NativeSocket): Promise<Record<string, Image>> {
  await socket.ended(id, 20_000);
  const { [id]: entry } = await client.json(`/history/${id}`);
  expect(entry.status.status_str).toBe('success');
  const files = Object.entries<Record<string, [Image]>>(entry.outputs).map(([node, output]) => {
    const [first] = Object.values(output).map(([file]) => file);
    return [node, first];
  });
  for (const { type, data } of socket.of(id)) {
    if (type === 'executed') expect(data['output']).toEqual(entry.outputs[String(data['node'])]);
  }
  return Object.fromEntries(files);
}

async function run(prompt: object): Promise<Record<string, Image>> {
  const { id, socket } = await begin(prompt);
  return filesOf(id, socket);
}

/** @param start of the picture in the file */
async function expectColour(file: Image | undefined, colour: Rgb, start = 0): Promise<void> {
  const { status, bytes } = await client.view(file ?? {});
  expect(status).toBe(200);
  expect(distance(await middle(bytes.subarray(start)), colour)).toBeLessThan(3);
}

async function expectPair(files: Record<string, Image>, node = '4'): Promise<void> {
  await expectColour(files[`${node}.0.0.2`], COLOUR);
  await expectColour(files[`${node}.0.0.3`], inverted(COLOUR));
}

describe('the files of a node that saves several times', () => {
  it('keep their names if the history has another order than the messages', async () => {
    site.stack.simulator().faults.reverseHistory = true;
    await expectPair(
      await run({
        '1': load(),
        '4': savePair,
        // Its image is not in a file, so the history is read.
        '5': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
      }),
    );
  });

  it.each([false, true])(
    'keep their names if an attempt failed and was resumed, whose history is reversed: %s',
    async (reverseHistory) => {
      const machine = site.stack.simulator();
      machine.faults.hang = true;
      machine.faults.reverseHistory = reverseHistory;
      const { id, socket } = await begin({
        '1': load(),
        '4': savePair,
        ...inverts,
        '5': { class_type: 'SleepImage', inputs: { image: ['24', 0], seconds: 0.1 } },
        '6': { class_type: 'PreviewImage', inputs: { images: ['5', 0] } },
      });
      await socket.heard((kinds) => kinds.filter((kind) => kind.startsWith('executed ')).length === 2, id);
      await machine.unplug();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await machine.plugIn();
      machine.faults.hang = false;
      const files = await filesOf(id, socket);
      await expectPair(files);
    },
  );

  it('are in their natural order if their messages were missed', async () => {
    const machine = site.stack.simulator();
    Object.assign(machine.faults, { reverseHistory: true, muteSockets: true });
    const { id, socket } = await begin({ '1': load(), '4': savePair });
    const files = await filesOf(id, socket);
    const nodes = socket.kinds(id).filter((kind) => kind.startsWith('executed '));
    expect(nodes).toEqual(['executed 4.0.0.2', 'executed 4.0.0.3']);
    await expectPair(files);
  });
});

describe('the name of a file', () => {
  it('is its own if another node’s name differs only in the mark of its prompt', async () => {
    const files = await run({
      '1': load(),
      '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
      '3': { class_type: 'ShowText|pysssss', inputs: { text: 'ComfyUI' } },
      '4': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: ['3', 0] } },
      '5': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'ComfyUI' } },
    });
    expect(files['4']?.filename).not.toBe(files['5']?.filename);
    await expectColour(files['4'], COLOUR);
    await expectColour(files['5'], inverted(COLOUR));
  });

  it.each(['3mf', '7z', '3gp', 'glb'])('identifies its prompt, without a number: %s', async (extension) => {
    const model = (image: string) => ({
      '1': load(image),
      '4': { class_type: 'SaveModel', inputs: { images: ['1', 0], filename_prefix: 'model', extension } },
    });
    const [first, second] = [await run(model('a.png')), await run(model('b.png'))];
    await expectColour(first['4'], COLOUR, 'MODEL'.length);
    await expectColour(second['4'], OTHER, 'MODEL'.length);
  });

  it('leads to the file in a folder that has the name of the prefix', async () => {
    const frames = (image: string, filename_prefix: string) => ({
      '1': load(image),
      '4': { class_type: 'SaveFrames', inputs: { images: ['1', 0], filename_prefix } },
    });
    for (const prefix of ['frames', 'deep/frames.v', '"quoted" größer']) {
      const [first, second] = [await run(frames('a.png', prefix)), await run(frames('b.png', prefix))];
      await expectColour(first['4'], COLOUR);
      await expectColour(second['4'], OTHER);
    }
  });
});

it('a file is that of its own node if the ids of two nodes differ in a UUID', async () => {
  const other = `9-${randomUUID()}`;
  const files = await run({
    '1': load(),
    [other]: { class_type: 'InvertAndPreview', inputs: { image: ['1', 0] } },
    '10': { class_type: 'PreviewImage', inputs: { images: [other, 0] } },
    ...inverts,
    '9': { class_type: 'SaveImage', inputs: { images: ['24', 0], filename_prefix: 's' } },
  });
  await expectColour(files[`${other}.0.0.2`], inverted(COLOUR));
  await expectColour(files['9'], COLOUR);
});
