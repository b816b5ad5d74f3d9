/** As `nativeRecordings.test.ts`: recordings of what prompts make and of files that are uploaded for them. */
import { describe, expect, it } from 'vitest';
import { type NativeReplay, replay, runAll, SLOT } from '../support/NativeReplay.js';
import { colourOf, jpeg } from '../support/pictures.js';
import { beginning, ending, expectSame, node, saver } from '../support/recordedMessages.js';

const load = { class_type: 'LoadImage', inputs: { image: SLOT } };
const save = (id: string, filename_prefix: string) => ({
  class_type: 'SaveImage',
  inputs: { images: [id, 0], filename_prefix },
});
const preview = (id: string) => ({ class_type: 'PreviewImage', inputs: { images: [id, 0] } });

describe('recorded outputs', () => {
  it('of outputs of many kinds', async () => {
    const video = {
      frame_rate: 8,
      loop_count: 0,
      format: 'video/h264-mp4',
      pingpong: false,
      save_output: true,
    };
    const animation = { fps: 6, lossless: true, quality: 80, method: 'default' };
    const withInputs = ({ class_type, inputs }: { class_type: string; inputs: object }, more: object) => ({
      class_type,
      inputs: { ...inputs, ...more },
    });
    const sides = await replay(
      runAll({
        '1': load,
        b: { class_type: 'RepeatImageBatch', inputs: { image: ['1', 0], amount: 3 } },
        '2': save('b', 'sub/folder/rec'),
        '3': preview('1'),
        '4': { class_type: 'ShowText|pysssss', inputs: { text: 'a caption' } },
        '5': withInputs({ ...save('1', 'clips/clip'), class_type: 'VHS_VideoCombine' }, video),
        '7': withInputs({ ...save('b', 'anim'), class_type: 'SaveAnimatedWEBP' }, animation),
        '8': { class_type: 'ETN_SendImageWebSocket', inputs: { images: ['1', 0], format: 'PNG' } },
        '9': { class_type: 'SaveLatent', inputs: { samples: ['10', 0], filename_prefix: 'lat' } },
        '10': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
      }),
    );
    const file = (filename: string, subfolder = '') => ({ filename, subfolder, type: 'output' });
    expect(sides.machine.answerShapes[1]).toMatchObject({
      body: {
        'prompt 0': {
          outputs: {
            '2': { images: [1, 2, 3].map((n) => file(`rec_0000${n}_.png`, 'sub/folder')) },
            '3': { images: [{ filename: 'ComfyUI_temp.png', subfolder: '', type: 'temp' }] },
            '4': { text: ['a caption'] },
            '5': { gifs: [{ ...file('clip_00001_.mp4', 'clips'), format: 'video/h264-mp4' }] },
            '7': { images: [file('anim_00001_.webp')], animated: [true] },
            '8': { images: [{ source: 'websocket', 'content-type': 'image/png', type: 'output' }] },
            '9': { latents: [file('lat_00001_.latent')] },
          },
        },
      },
    });
    expect(sides.machine.heard('A')).toContain('preview 1');
    expectSame(sides, ['A']);
  });

  it('of previews, with and without what the client understands', async () => {
    const overSocket = {
      '1': load,
      '2': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
    };
    const sides = await replay(async (one) => {
      const knowing = await one.connect('A');
      knowing.ws.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
      await one.run(knowing, 'A', overSocket);
      const plain = await one.connect('B');
      await one.run(plain, 'B', overSocket);
      await one.request('/features');
    });
    const sent = (...steps: string[]) => [
      ...['progress_state', 'executing 2', 'progress_state', ...steps, 'progress_state'],
      ...ending,
    ];
    expect(sides.machine.heard('A')).toEqual([
      ...['status sid', 'feature_flags'],
      ...beginning,
      ...node('1'),
      ...sent('preview 4', 'progress'),
      // All clients get the queue length.
      ...['status', 'status', 'status'],
    ]);
    expect(sides.machine.heard('B')).toEqual(['status sid', ...beginning, ...sent('progress', 'preview 1')]);
    expect(sides.machine.answers.at(-1)).toBe('200 supports_preview_metadata,max_upload_size');
    expectSame(sides, ['A', 'B']);
  });

  it('of an upload and a prompt with an id of its own', async () => {
    const inverted = {
      '1': load,
      '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
      '3': preview('2'),
    };
    const twice = { ...inverted, '3': preview('4'), '4': { ...inverted[2], inputs: { image: ['2', 0] } } };
    const same = await jpeg();
    const sides = await replay(async (one) => {
      const socket = await one.connect('A');
      const temp = { type: 'temp' };
      await one.upload('slot.jpg', same, { ...temp, overwrite: 'true' });
      const prompt_id = '98509e14-f9b6-412a-9a69-2896d3a1c0ad';
      for (const [n, prompt] of [inverted, twice].entries()) {
        expect(await one.submit('A', prompt, { prompt_id })).toBe(prompt_id);
        await socket.heard(
          (kinds) => kinds.filter((kind) => kind === 'executing null').length > n,
          prompt_id,
        );
      }
      await one.request(`/history/${prompt_id}`);
      await one.upload('slot.jpg', same, temp);
      await one.upload('slot.jpg', await jpeg({ colour: colourOf(40) }), temp);
      await one.upload('../../x/rec.jpg', same, { subfolder: 'mw/a' });
      await one.request('/view?filename=slot.jpg&type=temp');
    });
    const { machine, server } = sides;
    expect(machine.heard('A')).toEqual([
      'status sid',
      ...beginning,
      ...node('1'),
      ...node('2'),
      ...saver('3'),
      ...ending,
      ...beginning,
      ...node('4'),
      ...saver('3'),
      ...ending,
    ]);
    const names = (one: NativeReplay) =>
      one.answerShapes.flatMap((answer) => {
        const { body } = answer as { body?: { name?: string } };
        return body?.name ?? [];
      });
    expect(names(machine)).toEqual(['slot.jpg', 'slot.jpg', 'slot (1).jpg']);
    expect(machine.answers.slice(-2)).toEqual(['500', '200']);
    // The path in a file name is ignored.
    expect(server.answers.slice(-2)).toEqual(['200 name,subfolder,type', '200']);
    expectSame(sides, ['A'], [6]);
  });
});
