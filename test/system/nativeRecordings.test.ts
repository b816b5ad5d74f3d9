/**
 * The requests in recordings of a real ComfyUI, sent to a simulated ComfyUI and to the server's port in front of another one. Both
 * must respond as recorded. Where the server differs on purpose, the test gives the reason.
 */
import { describe, expect, it } from 'vitest';
import { replay, runAll, SLOT } from '../support/NativeReplay.js';
import { colourOf, png } from '../support/pictures.js';
import {
  beginning,
  ending,
  expectMessageFields,
  expectSame,
  node,
  saver,
} from '../support/recordedMessages.js';

const BASE64 = (await png({ colour: colourOf(7) })).toString('base64');
const inline = (image = BASE64) => ({ class_type: 'ETN_LoadImageBase64', inputs: { image } });
const load = { class_type: 'LoadImage', inputs: { image: SLOT } };
const rembg = { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } };
const save = (id: string, filename_prefix = 'rec') => ({
  class_type: 'SaveImage',
  inputs: { images: [id, 0], filename_prefix },
});
const preview = (id: string) => ({ class_type: 'PreviewImage', inputs: { images: [id, 0] } });
const cutOut = (image?: string) => ({ '1': inline(image), '2': rembg, '3': save('2') });
const ACCEPTED = '200 prompt_id,number,node_errors';

describe('recorded runs', () => {
  it('of a prompt that succeeds', async () => {
    const sides = await replay(async (one) => {
      const socket = await one.connect('A');
      const id = await one.submit('A', cutOut());
      await socket.ended(id);
      const { text } = await one.request(`/history/${id}`);
      const [image] = JSON.parse(text)[id].outputs['3'].images;
      await one.request(`/view?${new URLSearchParams(image)}`);
    });
    expect(sides.machine.heard('A')).toEqual([
      'status sid',
      ...beginning,
      ...node('1'),
      ...node('2'),
      ...saver('3'),
      ...ending,
    ]);
    expect(sides.machine.answers).toEqual([ACCEPTED, '200 prompt 0', '200']);
    expectSame(sides, ['A']);
  });

  it('of a prompt that ran before', async () => {
    const sides = await replay(runAll(cutOut(), cutOut()));
    const { machine, server } = sides;
    const first = ['status sid', ...beginning, ...node('1'), ...node('2'), ...saver('3'), ...ending];
    const cached = [...beginning, 'executed 3', 'progress_state', ...ending];
    expect(machine.heard('A')).toEqual([...first, ...cached]);
    // The saver runs again: each job has its own files, so that files of other prompts cannot take their names.
    expect(server.heard('A')).toEqual([...first, ...beginning, ...saver('3'), ...ending]);
    expectMessageFields(sides);
    expect(server.answerShapes[1]).toEqual(machine.answerShapes[1]);
  });

  it('of prompts that fail in a node', async () => {
    const failing = {
      '1': load,
      '2': { class_type: 'RaiseError', inputs: { image: ['1', 0], message: 'boom' } },
      '3': save('2'),
    };
    const noImage = cutOut(Buffer.from('not an image').toString('base64'));
    const sides = await replay(runAll(failing, noImage));
    const failed = ['execution_error', 'status', 'executing null'];
    expect(sides.machine.heard('A')).toEqual([
      'status sid',
      ...beginning,
      ...node('1'),
      ...['progress_state', 'executing 2', ...failed],
      ...beginning,
      ...['progress_state', 'executing 1', ...failed],
    ]);
    expect(sides.machine.answerShapes[1]).toMatchObject({
      body: { 'prompt 0': { outputs: {}, status: { status_str: 'error', completed: false }, meta: {} } },
    });
    expectSame(sides, ['A']);
  });

  it('of a prompt with a branch that is blocked, which goes on', async () => {
    const blocked = {
      '1': load,
      '2': { class_type: 'BlockImage', inputs: { image: ['1', 0], message: 'not this branch' } },
      '3': preview('2'),
      '4': preview('1'),
    };
    const sides = await replay(runAll(blocked));
    expect(sides.machine.heard('A')).toEqual([
      'status sid',
      ...beginning,
      ...node('1'),
      ...saver('4'),
      ...node('2'),
      ...['progress_state', 'executing 3', 'execution_error', 'progress_state'],
      ...ending,
    ]);
    expectSame(sides, ['A']);
  });

  it('of a node that expands', async () => {
    const expanding = {
      '1': load,
      '2': { class_type: 'InvertAndPreview', inputs: { image: ['1', 0] } },
      '3': preview('2'),
    };
    const sides = await replay(runAll(expanding));
    expect(sides.machine.heard('A')).toEqual([
      'status sid',
      ...beginning,
      ...node('1'),
      ...['progress_state', 'executing 2'],
      ...node('2.0.0.1'),
      ...saver('2.0.0.2'),
      'progress_state',
      ...saver('3'),
      ...ending,
    ]);
    expect(sides.machine.answerShapes[1]).toHaveProperty(['body', 'prompt 0', 'meta', '2.0.0.2'], {
      node_id: '2.0.0.2',
      display_node: '2',
      parent_node: '2',
      real_node_id: '2',
    });
    expectSame(sides, ['A']);
  });

  it('of a prompt of which a part is valid', async () => {
    const partly = {
      '1': load,
      '2': preview('1'),
      '3': { class_type: 'LoadImage', inputs: { image: 'gone.png' } },
      '5': save('3'),
    };
    const sides = await replay(runAll(partly));
    expect(sides.machine.heard('A')).toEqual([
      'status sid',
      ...beginning,
      ...node('1'),
      ...saver('2'),
      ...ending,
    ]);
    expect(sides.machine.answerShapes[0]).toMatchObject({
      status: 200,
      body: {
        node_errors: {
          '3': {
            errors: [{ type: 'custom_validation_failed' }],
            dependent_outputs: ['5'],
            class_type: 'LoadImage',
          },
        },
      },
    });
    expectSame(sides, ['A']);
  });
});
