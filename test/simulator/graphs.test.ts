import { readdirSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { type SamplerSettings, sampledColours } from '../../src/simulator/latents.js';
import { distance, pixel, type Rgb } from '../support/pictures.js';
import { USER_GRAPHS, type UserGraph, userFiles, userGraph } from '../support/userGraphs.js';
import { entryOf } from './graphs.js';
import { call, FrameRecorder } from './recorder.js';
import { textChunks, upload, view } from './upload.js';

let simulator: Simulator;
let socket: FrameRecorder;
beforeAll(async () => {
  simulator = await startSimulator();
  socket = await FrameRecorder.open(simulator, 'me');
});
afterAll(() => simulator.stop());

type Outputs = Record<string, Record<string, unknown[]>>;

/** Runs a graph as in its file, or with changed text; its files are in the places that it expects. */
async function runGraph(name: UserGraph, change: (text: string) => string = (text) => text) {
  for (const { filename, subfolder, bytes } of await userFiles(name)) {
    expect((await upload(simulator, { name: filename, subfolder, bytes, overwrite: 'true' })).status).toBe(
      200,
    );
  }
  const body = `{"prompt": ${change(userGraph(name))}, "client_id": "me"}`;
  const answer = await call(simulator, 'POST', '/prompt', body);
  expect(answer).toMatchObject({ status: 200, json: { node_errors: {} } });
  const { prompt_id: id } = answer.json as { prompt_id: string };
  await socket.ended(id);
  const entry = await entryOf(simulator, id);
  expect(entry['status']).toMatchObject({ status_str: 'success', completed: true });
  const executed = socket.of(id).filter(({ type }) => type === 'executed');
  const outputs = Object.fromEntries(executed.map(({ data }) => [data['node'], data['output']])) as Outputs;
  expect(entry['outputs']).toEqual(outputs);
  return { id, entry, outputs };
}

/** The bytes of each output file of a node. */
async function filesOf(outputs: Outputs, node: string, key = 'images'): Promise<[Buffer, ...Buffer[]]> {
  const files = await Promise.all((outputs[node]?.[key] ?? []).map((place) => view(simulator, place)));
  return files as [Buffer, ...Buffer[]];
}

const V1 = 'v1-5-pruned-emaonly-fp16.safetensors';
const XL = 'sd_xl_base_1.0.safetensors';

/** The colour of the upper left corner of the sampler's image for an empty latent. */
function cornerOf(settings: Partial<SamplerSettings>, index = 0): Rgb {
  const usual = { steps: 20, cfg: 8, sampler: 'euler', scheduler: 'normal', negative: '' };
  const colours = sampledColours({ ...usual, ...settings } as SamplerSettings, index);
  return { r: colours[0] ?? 0, g: colours[1] ?? 0, b: colours[2] ?? 0 };
}

const mixed = (a: Rgb, b: Rgb, share: number): Rgb => ({
  r: a.r + (b.r - a.r) * share,
  g: a.g + (b.g - a.g) * share,
  b: a.b + (b.b - a.b) * share,
});

const BACKGROUND = { r: 236, g: 236, b: 236 };

describe('graphs as users have them', () => {
  it('are all of those in the folder', () => {
    const names = readdirSync(new URL('../graphs', import.meta.url));
    expect(names.filter((name) => name.endsWith('.json')).sort()).toEqual(
      USER_GRAPHS.map((name) => `${name}.json`).sort(),
    );
  });

  it('text to image, of a seed that JavaScript does not know', async () => {
    const { id, entry, outputs } = await runGraph('text-to-image');
    const [file] = await filesOf(outputs, '9');
    expect(await sharp(file).metadata()).toMatchObject({ format: 'png', width: 512, height: 512 });
    const settings = {
      model: V1,
      seed: '9811574632519038443',
      positive: 'a lighthouse on a cliff at dusk, oil painting, warm light',
      negative: 'text, watermark, blurry',
    };
    expect(await pixel(file, 1, 1)).toMatchObject(cornerOf(settings));
    expect(textChunks(file).get('prompt')).toContain('"seed": 9811574632519038443,');
    expect((await call(simulator, 'GET', `/history/${id}`)).text).toContain('"seed": 9811574632519038443,');
    expect(entry).toHaveProperty('prompt.2.12._meta.title', 'old idea');
    expect(socket.types(id)).not.toContain('executing 12');
    expect(socket.types(id).filter((type) => type === 'progress 3')).toHaveLength(20);
    const next = await runGraph('text-to-image', (text) => text.replace('8443', '8444'));
    const [other] = await filesOf(next.outputs, '9');
    expect(await pixel(other, 1, 1)).toMatchObject(cornerOf({ ...settings, seed: '9811574632519038444' }));
    expect(socket.of(next.id)[1]?.data['nodes']).toEqual(['4', '5', '6', '7']);
  });

  it('image to image', async () => {
    const { outputs } = await runGraph('image-to-image');
    expect(outputs['9']?.['images']).toMatchObject([{ subfolder: 'restyled', type: 'output' }]);
    const [file] = await filesOf(outputs, '9');
    const fresh = cornerOf({
      model: XL,
      seed: '280823642470253',
      steps: 12,
      cfg: 7.5,
      sampler: 'dpmpp_2m',
      scheduler: 'karras',
      positive: 'watercolour of the same place, soft colours',
    });
    expect(await sharp(file).metadata()).toMatchObject({ width: 64, height: 48 });
    expect(distance(await pixel(file, 1, 1), mixed(BACKGROUND, fresh, 0.55))).toBeLessThan(4);
  });

  it('inpainting with a mask', async () => {
    const { outputs } = await runGraph('inpainting');
    expect(Object.keys(outputs).sort()).toEqual(['23', '9']);
    const [mask] = await filesOf(outputs, '23');
    expect(await pixel(mask, 32, 32)).toMatchObject({ r: 255, g: 255, b: 255 });
    const [file] = await filesOf(outputs, '9');
    const colours = sampledColours({
      model: '512-inpainting-ema.safetensors',
      seed: '1040111309094545',
      steps: 15,
      cfg: 8,
      sampler: 'uni_pc',
      scheduler: 'normal',
      positive: 'a wooden door with brass fittings',
      negative: 'watermark, text',
    });
    expect(await pixel(file, 4, 4)).toMatchObject(BACKGROUND);
    // Row 1, column 1 of four; the mask begins at 16 and was grown by 6.
    const [r, g, b] = colours.subarray(3 * 5);
    expect(await pixel(file, 20, 20)).toMatchObject({ r, g, b });
    expect(await pixel(file, 12, 32)).not.toMatchObject(BACKGROUND);
  });

  it('a blend of two pictures of different sizes', async () => {
    const { outputs } = await runGraph('blend');
    const [file] = await filesOf(outputs, '7');
    expect(outputs['7']?.['images']).toMatchObject([{ type: 'temp' }]);
    expect(await sharp(file).metadata()).toMatchObject({ width: 64, height: 48 });
    const blend = mixed({ r: 200, g: 40, b: 40 }, { r: 40, g: 40, b: 200 }, 0.3);
    expect(distance(await pixel(file, 32, 24), blend)).toBeLessThan(2);
  });

  it('a batch of four, which are four pictures', async () => {
    const { outputs } = await runGraph('batch-of-four');
    const files = await filesOf(outputs, '5');
    const settings = {
      model: XL,
      seed: '18446744073709551615',
      steps: 8,
      cfg: 6,
      sampler: 'euler_ancestral',
      scheduler: 'sgm_uniform',
      positive: 'four studies of a teapot',
      negative: 'lowres',
    };
    expect(outputs['5']?.['images']).toHaveLength(4);
    for (const [n, file] of files.entries()) {
      expect(await sharp(file).metadata()).toMatchObject({ width: 256, height: 192 });
      expect(await pixel(file, 1, 1)).toMatchObject(cornerOf(settings, n));
    }
  });

  it('an animated WebP', async () => {
    const { outputs } = await runGraph('animated-webp');
    expect(outputs['136']?.['animated']).toEqual([true]);
    const [file] = await filesOf(outputs, '136');
    expect(await sharp(file, { animated: true }).metadata()).toMatchObject({
      format: 'webp',
      width: 128,
      pageHeight: 96,
      pages: 4,
      delay: [83, 83, 83, 83],
    });
  });

  it('a video under gifs', async () => {
    const { outputs } = await runGraph('video-gifs');
    const place = { filename: 'inverted_00001_.mp4', subfolder: 'video', type: 'output' };
    expect(outputs['61']).toEqual({ gifs: [{ ...place, format: 'video/h264-mp4' }] });
    const [file] = await filesOf(outputs, '61', 'gifs');
    expect(file.toString('latin1', 4, 8)).toBe('ftyp');
    expect(file.toString()).toContain('"frame_rate":8');
    // The last three of the file's four frames, and the middle one again on the way back.
    expect(framesOf(file)).toBe(4);
    for (const [format, begin] of [
      ['image/gif', '474946'],
      ['image/webp', '52494646'],
      ['video/webm', '1a45dfa3'],
    ] as const) {
      const other = await runGraph('video-gifs', (text) => text.replace('video/h264-mp4', format));
      const [animation] = await filesOf(other.outputs, '61', 'gifs');
      expect(animation.toString('hex').startsWith(begin)).toBe(true);
    }
  });

  it('a video under images, with sound', async () => {
    const { outputs } = await runGraph('video-images');
    const place = { filename: 'ComfyUI_00001_.mp4', subfolder: 'video', type: 'output' };
    expect(outputs['58']).toEqual({ images: [place], animated: [true] });
    const [file] = await filesOf(outputs, '58');
    expect(file.toString()).toContain('{"fps":24,"frames":5,"audio":{"samples":1600,"sample_rate":8000}}');
    expect(framesOf(file)).toBe(5);
  });

  it('a caption, which is text alone', async () => {
    const { outputs } = await runGraph('caption');
    expect(Object.keys(outputs)).toEqual(['4']);
    expect(outputs['4']?.['text']).toEqual([
      expect.stringMatching(
        /^more_detailed_caption: A 60 x 40 picture, mostly #[0-9a-f]{6}\. what is in the middle\?$/,
      ),
    ]);
  });

  it('a node that expands, whose own outputs are under inner ids', async () => {
    const { id, entry, outputs } = await runGraph('expanding');
    expect(outputs).toEqual({
      '92:79.0.0.2': { images: [expect.objectContaining({ type: 'temp' })] },
      save: { images: [{ filename: 'positive_00001_.png', subfolder: 'positives', type: 'output' }] },
    });
    expect(entry).toHaveProperty('meta', {
      '92:79.0.0.2': {
        node_id: '92:79.0.0.2',
        display_node: '92:79',
        parent_node: '92:79',
        real_node_id: '92:79',
      },
      save: { node_id: 'save', display_node: 'save', parent_node: null, real_node_id: 'save' },
    });
    const inner = socket.of(id).find(({ data }) => data['node'] === '92:79.0.0.1');
    expect(inner?.data['display_node']).toBe('92:79');
    const [file] = await filesOf(outputs, 'save');
    expect(await pixel(file, 24, 16)).toMatchObject({ r: 55, g: 215, b: 215 });
  });
});

/** The number of frames in the index of an MP4 file. */
function framesOf(mp4: Buffer): number {
  return mp4.readUInt32BE(mp4.indexOf('stsz') + 12);
}
