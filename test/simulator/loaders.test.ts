import { randomUUID } from 'node:crypto';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { colourOf, distance, middle, pixel, png, transparentPng } from '../support/pictures.js';
import { wav } from '../support/sounds.js';
import { outputOf, run } from './graphs.js';
import { call, FrameRecorder } from './recorder.js';
import { upload, view } from './upload.js';

let simulator: Simulator;
let socket: FrameRecorder;
beforeEach(async () => {
  simulator = await startSimulator();
  socket = await FrameRecorder.open(simulator, 'me');
});
afterEach(() => simulator.stop());

const MP4 = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom and more', 'latin1');
const saveAudio = { class_type: 'SaveAudio', inputs: { audio: ['1', 0], filename_prefix: 'a' } };
const saveVideo = {
  class_type: 'SaveVideo',
  inputs: { video: ['1', 0], filename_prefix: 'v', format: 'auto', codec: 'auto' },
};

/** Loaders by class: the input that names the file, its kind in messages, and a node that uses the result. */
const LOADERS = [
  ['LoadImageMask', 'image', 'image', { class_type: 'MaskToImage', inputs: { mask: ['1', 0] } }],
  ['LoadAudio', 'audio', 'audio', saveAudio],
  ['LoadVideo', 'file', 'video', saveVideo],
  ['VHS_LoadVideo', 'video', 'video', { class_type: 'PreviewImage', inputs: { images: ['1', 0] } }],
] as const;

const MORE: Readonly<Record<string, object>> = {
  LoadImageMask: { channel: 'red' },
  VHS_LoadVideo: {
    force_rate: 0,
    custom_width: 0,
    custom_height: 0,
    frame_load_cap: 0,
    skip_first_frames: 0,
    select_every_nth: 1,
  },
};

const loaded = (class_type: string, field: string, name: string, behind: object) => ({
  '1': { class_type, inputs: { [field]: name, ...MORE[class_type] } },
  '2': behind,
  ...(class_type === 'LoadImageMask' && {
    '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
  }),
});

const errorOf = (id: string) => socket.of(id).find(({ type }) => type === 'execution_error')?.data;

describe.each(LOADERS)('%s', (class_type, field, kind, behind) => {
  it('refuses a file that is not there at submission', async () => {
    const prompt = loaded(class_type, field, 'gone.bin', behind);
    const { status, json } = await call(simulator, 'POST', '/prompt', { prompt });
    expect(status).toBe(400);
    expect(json).toHaveProperty('node_errors.1.errors', [
      {
        type: 'custom_validation_failed',
        message: 'Custom validation failed for node',
        details: `${field} - Invalid ${kind} file: gone.bin`,
        extra_info: { input_name: field },
      },
    ]);
  });

  it('fails at bytes that are something else when it runs', async () => {
    await upload(simulator, { type: 'temp', subfolder: 'x', name: 'soup.bin', bytes: Buffer.from('soup') });
    const id = await run(simulator, socket, loaded(class_type, field, 'x/soup.bin [temp]', behind));
    expect(errorOf(id)).toMatchObject({
      node_id: '1',
      node_type: class_type,
      exception_type: kind === 'image' ? 'PIL.UnidentifiedImageError' : 'av.error.InvalidDataError',
    });
  });

  it('offers the uploaded files of its kind', async () => {
    const names = { image: 'm.png', audio: 'a.wav', video: 'v.webm' };
    for (const name of Object.values(names)) {
      await upload(simulator, { name, bytes: Buffer.from(name) });
    }
    await upload(simulator, { subfolder: 'deeper', name: names[kind], bytes: Buffer.from('x') });
    const { [class_type]: info } = (await call(simulator, 'GET', `/object_info/${class_type}`))
      .json as Record<string, { input: { required: Record<string, [unknown, { options?: unknown }]> } }>;
    const [type, options] = info?.input.required[field] ?? [];
    // Loaders of audio take the sound of videos, too.
    const listed = kind === 'audio' ? [names.audio, names.video] : [names[kind]];
    expect(type === 'COMBO' ? options?.options : type).toEqual(listed);
  });
});

describe('a loader of a pack', () => {
  const preview = { class_type: 'PreviewImage', inputs: { images: ['1', 0] } };
  const put = async (name: string, n: number, type: string) =>
    upload(simulator, { type, name, bytes: await png({ colour: colourOf(n) }), overwrite: 'true' });

  it('goes by the name of its file and what else is in its inputs, known or not', async () => {
    const made = async (inputs: object) => {
      const loader = { class_type: 'LoadNamedImage', inputs: { image: 'n.png [temp]', ...inputs } };
      const graph = { '1': loader, '2': { ...preview, inputs: { ...preview.inputs, job: randomUUID() } } };
      const id = await run(simulator, socket, graph);
      return middle(await view(simulator, outputOf(socket, id, '2')['images']?.[0]));
    };
    await put('n.png', 1, 'temp');
    expect(distance(await made({}), colourOf(1))).toBeLessThan(5);
    await put('n.png', 200, 'temp');
    expect(distance(await made({}), colourOf(1))).toBeLessThan(5);
    expect(distance(await made({ more: 'x' }), colourOf(200))).toBeLessThan(5);
  });

  it('takes only what is in the input folder, if it lists files', async () => {
    await put('listed.png', 1, 'input');
    await put('other.png', 1, 'temp');
    const prompt = (image: string) => ({
      '1': { class_type: 'LoadPackImage', inputs: { image } },
      '2': preview,
    });
    await run(simulator, socket, prompt('listed.png'));
    const { status, json } = await call(simulator, 'POST', '/prompt', { prompt: prompt('other.png [temp]') });
    expect(status).toBe(400);
    expect(json).toHaveProperty(
      'node_errors.1.errors.0',
      expect.objectContaining({
        type: 'value_not_in_list',
        details: "image: 'other.png [temp]' not in ['listed.png']",
      }),
    );
  });
});

it('a channel of a picture becomes a mask, alpha inverted', async () => {
  await upload(simulator, { name: 'm.png', bytes: await transparentPng(32) });
  for (const [channel, middle, corner] of [
    ['alpha', 0, 255],
    ['red', 0xc0, 0],
    ['green', 0x40, 0],
  ] as const) {
    const id = await run(simulator, socket, {
      '1': { class_type: 'LoadImageMask', inputs: { image: 'm.png', channel } },
      '2': { class_type: 'MaskToImage', inputs: { mask: ['1', 0] } },
      '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
    });
    const mask = await view(simulator, outputOf(socket, id)['images']?.[0]);
    expect(await pixel(mask, 16, 16)).toMatchObject({ r: middle, g: middle, b: middle });
    expect(await pixel(mask, 0, 0)).toMatchObject({ r: corner, g: corner, b: corner });
  }
});

it('a video is saved as the file that it came from, and others get frames of it', async () => {
  await upload(simulator, { name: 'v.mp4', bytes: MP4 });
  const id = await run(simulator, socket, {
    '1': { class_type: 'LoadVideo', inputs: { file: 'v.mp4' } },
    '2': { class_type: 'GetVideoComponents', inputs: { video: ['1', 0] } },
    '3': saveVideo,
    '4': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
  });
  expect(await view(simulator, outputOf(socket, id)['images']?.[0])).toEqual(MP4);
  const frames = outputOf(socket, id, '4')['images'] ?? [];
  const files = await Promise.all(frames.map((frame) => view(simulator, frame)));
  expect(new Set(files.map((file) => file.toString('base64'))).size).toBe(4);
  expect(await sharp(files[0]).metadata()).toMatchObject({ width: 64, height: 64 });
});

it('a sound keeps its samples, or is told by a tone', async () => {
  const samples = [1, -2, 300, -400, 32767, -32768];
  const save = async (name: string, bytes: Buffer) => {
    await upload(simulator, { name, bytes });
    const id = await run(simulator, socket, {
      '1': { class_type: 'LoadAudio', inputs: { audio: name } },
      '3': saveAudio,
    });
    return view(simulator, outputOf(socket, id)['audio']?.[0]);
  };
  const flac = await save('a.wav', wav(samples, 16_000));
  expect(flac.toString('latin1', 0, 4)).toBe('fLaC');
  expect(flac.readUIntBE(18, 3) >> 4).toBe(16_000);
  const told = Buffer.alloc(12);
  for (const [n, sample] of samples.entries()) told.writeInt16BE(sample, 2 * n);
  expect(flac.includes(told)).toBe(true);
  const [one, other] = [
    await save('a.mp3', Buffer.from('ID3 one')),
    await save('b.mp3', Buffer.from('ID3 two')),
  ];
  expect(one.length).toBeGreaterThan(8000);
  expect(one).not.toEqual(other);
});

describe('/object_info', () => {
  interface Info {
    readonly input: Record<string, Record<string, [unknown, object?] | string>>;
    readonly input_order: Record<string, string[]>;
    readonly output: string[];
    readonly output_name: string[];
    readonly output_is_list: boolean[];
    readonly output_node: boolean;
    readonly name: string;
  }

  it('describes every class in the same form', async () => {
    const all = (await call(simulator, 'GET', '/object_info')).json as Record<string, Info>;
    expect(Object.keys(all).length).toBeGreaterThan(40);
    for (const [name, info] of Object.entries(all)) {
      expect(info.name).toBe(name);
      expect(info.output_name).toHaveLength(info.output.length);
      expect(info.output_is_list).toHaveLength(info.output.length);
      const order = Object.entries(info.input).map(([group, inputs]) => [group, Object.keys(inputs)]);
      expect(info.input_order).toEqual(Object.fromEntries(order));
      for (const spec of Object.values({ ...info.input['required'], ...info.input['optional'] })) {
        expect(Array.isArray(spec[0]) || typeof spec[0] === 'string').toBe(true);
      }
    }
  });

  it('tells ranges with every digit, tooltips, optional and hidden inputs, and names of outputs', async () => {
    const odd = 'ShowText|pysssss';
    const path = `/object_info/${encodeURIComponent(odd)}`;
    expect((await call(simulator, 'GET', path)).json).toHaveProperty([odd]);
    const { text } = await call(simulator, 'GET', '/object_info/KSampler');
    expect(text).toContain('"seed": ["INT", {"default": 0, "min": 0, "max": 18446744073709551615, ');
    const all = (await call(simulator, 'GET', '/object_info')).json as Record<string, Info>;
    expect(all['KSampler']).toHaveProperty('input.required.denoise', [
      'FLOAT',
      { default: 1, min: 0, max: 1, step: 0.01, tooltip: expect.any(String) },
    ]);
    expect(all['Florence2Run']).toMatchObject({
      output_name: ['image', 'mask', 'caption', 'data'],
      input: { optional: { num_beams: ['INT', { default: 3 }] } },
    });
    expect(all['SaveImage']).toMatchObject({
      output_node: true,
      input: { hidden: { prompt: 'PROMPT', extra_pnginfo: 'EXTRA_PNGINFO' } },
    });
  });

  it('offers the checkpoints that the machine has, and no other runs', async () => {
    const machine = await startSimulator({ checkpoints: ['mine.safetensors'] });
    try {
      expect((await call(machine, 'GET', '/models/checkpoints')).json).toEqual(['mine.safetensors']);
      expect((await call(machine, 'GET', '/object_info/CheckpointLoaderSimple')).json).toHaveProperty(
        'CheckpointLoaderSimple.input.required.ckpt_name.0',
        ['mine.safetensors'],
      );
      const prompt = {
        '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'other.safetensors' } },
        '2': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
        '3': { class_type: 'VAEDecode', inputs: { samples: ['2', 0], vae: ['1', 2] } },
        '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
      };
      const { status, json } = await call(machine, 'POST', '/prompt', { prompt });
      expect(status).toBe(400);
      expect(json).toHaveProperty('node_errors.1.errors.0.type', 'value_not_in_list');
    } finally {
      await machine.stop();
    }
  });
});

it('what needs more memory than there is fails like on a GPU', async () => {
  await upload(simulator, { name: 'a.png', bytes: await png() });
  const id = await run(simulator, socket, {
    '1': { class_type: 'EmptyLatentImage', inputs: { width: 16384, height: 16384, batch_size: 4096 } },
    '2': { class_type: 'SaveLatent', inputs: { samples: ['1', 0], filename_prefix: 'x' } },
  });
  expect(errorOf(id)).toMatchObject({ exception_type: 'torch.OutOfMemoryError' });
});
