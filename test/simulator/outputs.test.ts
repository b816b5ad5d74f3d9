import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { png } from '../support/pictures.js';
import { entryOf, outputOf, run } from './graphs.js';
import { FrameRecorder } from './recorder.js';
import { upload, view } from './upload.js';

let simulator: Simulator;
let socket: FrameRecorder;
beforeEach(async () => {
  simulator = await startSimulator();
  socket = await FrameRecorder.open(simulator, 'me');
  await upload(simulator, { type: 'temp', name: 'slot.jpg', bytes: await png() });
});
afterEach(() => simulator.stop());

const loader = { '1': { class_type: 'LoadImage', inputs: { image: 'slot.jpg [temp]' } } };

describe('outputs', () => {
  it('are of many kinds, under many keys, and some are no files', async () => {
    const save = (class_type: string, prefix: string, more: object = {}) => ({
      class_type,
      inputs: { images: ['1', 0], filename_prefix: prefix, ...more },
    });
    const video = {
      frame_rate: 8,
      loop_count: 0,
      format: 'video/h264-mp4',
      pingpong: false,
      save_output: true,
    };
    const animation = { images: ['b', 0], fps: 6, lossless: true, quality: 80, method: 'default' };
    const id = await run(simulator, socket, {
      ...loader,
      b: { class_type: 'RepeatImageBatch', inputs: { image: ['1', 0], amount: 3 } },
      '2': save('SaveImage', 'sub/folder/rec', { images: ['b', 0] }),
      '3': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
      '4': { class_type: 'ShowText|pysssss', inputs: { text: 'a caption' } },
      '5': save('VHS_VideoCombine', 'clips/clip', video),
      '6': save('SaveWEBM', 'clips/core', { codec: 'vp9', fps: 24, crf: 32 }),
      '7': save('SaveAnimatedWEBP', 'anim', animation),
      '8': { class_type: 'ETN_SendImageWebSocket', inputs: { images: ['1', 0], format: 'PNG' } },
      '9': { class_type: 'SaveLatent', inputs: { samples: ['10', 0], filename_prefix: 'lat' } },
      '10': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
      '11': { class_type: 'SaveAudio', inputs: { audio: ['12', 0], filename_prefix: 'audio/a' } },
      '12': { class_type: 'EmptyAudio', inputs: { duration: 1, sample_rate: 8000, channels: 1 } },
    });
    const file = (filename: string, subfolder = '') => ({ filename, subfolder, type: 'output' });
    const outputs = {
      '2': { images: [1, 2, 3].map((n) => file(`rec_0000${n}_.png`, 'sub/folder')) },
      '3': { images: [{ ...file(''), filename: expect.stringMatching(/^ComfyUI_temp_/), type: 'temp' }] },
      '4': { text: ['a caption'] },
      '5': { gifs: [{ ...file('clip_00001_.mp4', 'clips'), format: 'video/h264-mp4' }] },
      '6': { images: [file('core_00001_.webm', 'clips')], animated: [true] },
      '7': { images: [file('anim_00001_.webp')], animated: [true] },
      '8': { images: [{ source: 'websocket', 'content-type': 'image/png', type: 'output' }] },
      '9': { latents: [file('lat_00001_.latent')] },
      '11': { audio: [file('a_00001_.flac', 'audio')] },
    };
    for (const [node, output] of Object.entries(outputs)) {
      expect(outputOf(socket, id, node)).toEqual(output);
    }
    expect((await entryOf(simulator, id))['outputs']).toEqual(outputs);
    // Runnable nodes that show something run first; nodes that only provide input for others run last.
    const order = socket.types(id).flatMap((type) => /^executing (\d+|b)$/.exec(type)?.[1] ?? []);
    expect(order.slice(0, 6)).toEqual(['4', '1', '3', '5', '6', '8']);
    expect(order.indexOf('b')).toBeLessThan(order.indexOf('2'));
    expect(order.indexOf('8')).toBeLessThan(order.indexOf('b'));
    const place = file('rec_00002_.png', 'sub/folder');
    expect((await view(simulator, place)).subarray(1, 4).toString()).toBe('PNG');
  });

  it('have the prompt in them, unless metadata are disabled', async () => {
    const animation = { images: ['1', 0], fps: 6, lossless: true, quality: 80, method: 'default' };
    const prompt = {
      ...loader,
      '2': { class_type: 'SaveAnimatedWEBP', inputs: { filename_prefix: 'a', ...animation } },
      '3': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
      '4': { class_type: 'SaveLatent', inputs: { samples: ['3', 0], filename_prefix: 'lat' } },
    };
    const has = async (one: Simulator) => {
      const files = [{ filename: 'a_00001_.webp' }, { filename: 'lat_00001_.latent' }];
      const bytes = await Promise.all(
        files.map((file) => view(one, { ...file, subfolder: '', type: 'output' })),
      );
      return bytes.map((file) => file.includes('class_type'));
    };
    await run(simulator, socket, prompt);
    expect(await has(simulator)).toEqual([true, true]);
    const other = await startSimulator({ disableMetadata: true });
    await upload(other, { type: 'temp', name: 'slot.jpg', bytes: await png() });
    await run(other, await FrameRecorder.open(other, 'me'), prompt);
    expect(await has(other)).toEqual([false, false]);
    await other.stop();
  });

  it('of a node that expands are under the ids of the nodes in its place, even if it is an output node', async () => {
    const id = await run(simulator, socket, {
      ...loader,
      '2': { class_type: 'InvertAndSave', inputs: { image: ['1', 0], filename_prefix: 'inner/a' } },
    });
    const places = { images: [{ filename: 'a_00001_.png', subfolder: 'inner', type: 'output' }] };
    expect(await entryOf(simulator, id)).toMatchObject({
      outputs: { '2.0.0.2': places },
      meta: { '2.0.0.2': { display_node: '2', parent_node: '2' } },
      prompt: [expect.anything(), id, expect.anything(), expect.anything(), ['2']],
    });
    expect(outputOf(socket, id, '2')).toEqual({});
    expect(socket.of(id).findLast(({ type }) => type === 'executed')?.data).toMatchObject({
      node: '2.0.0.2',
      display_node: '2',
      output: places,
    });
  });

  it('that are videos have their type in /view', async () => {
    await run(simulator, socket, {
      ...loader,
      '2': { class_type: 'CreateVideo', inputs: { images: ['1', 0], fps: 24 } },
      '3': {
        class_type: 'SaveVideo',
        inputs: { video: ['2', 0], filename_prefix: 'v', format: 'auto', codec: 'auto' },
      },
    });
    const answer = await fetch(`http://${simulator.host}/view?filename=v_00001_.mp4`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'video/mp4']);
    await answer.arrayBuffer();
  });
});

describe('images over the socket', () => {
  const prompt = {
    ...loader,
    '2': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
  };

  it('come with metadata for a client that says first that it understands it', async () => {
    socket.send({ type: 'feature_flags', data: { supports_preview_metadata: true } });
    await socket.hears('feature_flags');
    expect(socket.frames.at(-1)).toEqual({
      type: 'feature_flags',
      data: { supports_preview_metadata: true, max_upload_size: 104_857_600 },
    });
    const id = await run(simulator, socket, prompt);
    const [frame] = socket.binary;
    expect(frame?.readUInt32BE(0)).toBe(4);
    const length = frame?.readUInt32BE(4) ?? 0;
    expect(JSON.parse(frame?.toString('utf8', 8, 8 + length) ?? '')).toEqual({
      node_id: '2',
      prompt_id: id,
      display_node_id: '2',
      parent_node_id: null,
      real_node_id: '2',
      image_type: 'image/png',
    });
    expect(frame?.subarray(8 + length + 1, 8 + length + 4).toString()).toBe('PNG');
    expect(socket.types(id).slice(-7)).toEqual([
      ...['progress_state', 'executing 2', 'progress_state', 'progress 2', 'progress_state'],
      'execution_success',
      'executing null',
    ]);
    expect(await entryOf(simulator, id)).toMatchObject({ outputs: {}, meta: {} });
  });

  it('come without it for others, and for nobody but their client', async () => {
    const other = await FrameRecorder.open(simulator, 'other');
    const id = await run(simulator, socket, prompt);
    const [frame] = socket.binary;
    expect([frame?.readUInt32BE(0), frame?.readUInt32BE(4)]).toEqual([1, 2]);
    expect(frame?.subarray(9, 12).toString()).toBe('PNG');
    expect(other.binary).toEqual([]);
    expect(socket.of(id).find(({ type }) => type === 'progress')?.data).toEqual({
      value: 0,
      max: 1,
      node: '2',
      prompt_id: id,
    });
  });

  it('are sent for each prompt, also for one that ran before', async () => {
    for (const sent of [1, 2]) {
      await run(simulator, socket, prompt);
      expect(socket.binary).toHaveLength(sent);
    }
  });

  it('are not asked for by a flag that comes too late', async () => {
    socket.send({ type: 'hello' });
    socket.send({ type: 'feature_flags', data: { supports_preview_metadata: true } });
    await run(simulator, socket, prompt);
    expect(socket.binary[0]?.readUInt32BE(0)).toBe(1);
  });
});
