/** As `nativeRecordings.test.ts`: recordings of requests without a socket, and of what is the fault of a machine. */
import { describe, expect, it } from 'vitest';
import { NativeClient } from '../support/NativeClient.js';
import { type NativeReplay, replay, SLOT } from '../support/NativeReplay.js';
import { png } from '../support/pictures.js';
import { beginning, ending, expectMessageFields, expectSame } from '../support/recordedMessages.js';

const load = { class_type: 'LoadImage', inputs: { image: SLOT } };
const preview = (id: string) => ({ class_type: 'PreviewImage', inputs: { images: [id, 0] } });
const rembg = (inputs: object) => ({ class_type: 'InspyrenetRembg', inputs });
const ACCEPTED = '200 prompt_id,number,node_errors';
const REFUSED = '400 error,node_errors';

/** Type of the error and types of the nodes' errors in each refusal. */
function reasons(one: NativeReplay): string[] {
  return one.answerShapes.map((answer) => {
    const { status, body } = answer as { status: number; body: Refusal };
    if (status !== 400) return String(status);
    const ofNodes = Object.entries(body.node_errors).flatMap(([id, { errors, dependent_outputs }]) =>
      errors.map(({ type }) => `${id} ${type} for ${dependent_outputs}`),
    );
    return [`${body.error.type} ${body.error.details}`.trim(), ...ofNodes].join(', ');
  });
}

interface Refusal {
  readonly error: { readonly type: string; readonly details: string };
  readonly node_errors: Readonly<
    Record<string, { readonly errors: readonly { type: string }[]; readonly dependent_outputs: string[] }>
  >;
}

describe('recorded refusals', () => {
  it('of prompts that are not valid', async () => {
    const sides = await replay(async (one) => {
      await one.submit('A', { '1': load, '2': { class_type: 'NoSuchNode', inputs: {} }, '3': preview('2') });
      await one.submit('A', { '1': rembg({ torchscript_jit: 'default' }), '3': preview('1') });
      const bogus = rembg({ image: ['1', 0], torchscript_jit: 'bogus' });
      await one.submit('A', { '1': load, '2': bogus, '3': preview('2') });
      await one.submit('A', { '1': load });
      await one.post('/prompt', {});
      await one.post('/prompt', '{bad');
    });
    const { machine, server } = sides;
    const failed = 'prompt_outputs_failed_validation';
    expect(reasons(machine)).toEqual([
      "invalid_prompt Node ID '#2'",
      `${failed}, 1 required_input_missing for 3`,
      `${failed}, 2 value_not_in_list for 3`,
      'prompt_no_outputs',
      'no_prompt No prompt provided',
      '500',
    ]);
    // An unreadable body is an error of the client, so a 500 would be wrong.
    expect(server.answers).toEqual([REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED]);
    expectSame(sides, [], [5]);
  });

  it('of the format of the interface, and of links that lead nowhere', async () => {
    const sides = await replay(async (one) => {
      const nodes = [{ id: 1, type: 'LoadImage', pos: [0, 0], widgets_values: ['a.png', 'image'] }];
      await one.submit('A', { id: 'x', nodes, links: [], version: 0.4 });
      await one.submit('A', { '1': { inputs: {} } });
      const inverted = { class_type: 'ImageInvert', inputs: { image: ['9', 0] } };
      await one.submit('A', { '1': load, '2': inverted, '3': preview('2') });
      await one.submit('A', { '1': load, '3': { ...preview('1'), inputs: { images: ['1', 5] } } });
      const inputs = { image: ['1', 0], upscale_method: 'nope', scale_by: 99 };
      await one.submit('A', { '1': load, '2': { class_type: 'ImageScaleBy', inputs }, '3': preview('2') });
      for (const name of ['UpscaleModelLoader', 'KSampler']) await one.request(`/object_info/${name}`);
      for (const path of ['/models', '/models/upscale_models', '/queue']) await one.request(path);
    });
    const failed = 'prompt_outputs_failed_validation';
    expect(reasons(sides.machine).slice(0, 5)).toEqual([
      "invalid_prompt Node ID '#id'",
      "invalid_prompt Node ID '#1'",
      `${failed}, 2 exception_during_inner_validation for 3`,
      expect.stringMatching(`^${failed} .*tuple index out of range.*, 3 exception_during_validation for 3$`),
      `${failed}, 2 value_not_in_list for 3, 2 value_bigger_than_max for 3`,
    ]);
    expect(sides.machine.answers.slice(5)).toEqual([
      ...[
        '200 UpscaleModelLoader',
        '200 KSampler',
        '200 list',
        '200 list',
        '200 queue_running,queue_pending',
      ],
    ]);
    expectSame(sides, []);
  });

  it('of what is not there', async () => {
    const bytes = await png();
    const sides = await replay(async (one) => {
      await one.request('/system_stats');
      for (const name of ['InspyrenetRembg', 'NoSuchNode']) await one.request(`/object_info/${name}`);
      await one.request('/history/unknown-id');
      await one.request('/history?max_items=1');
      await one.request('/view?filename=nope.png&type=output');
      await one.request('/view?filename=../../etc/passwd&type=output');
      await one.request('/api/queue');
      await one.upload('up.png', bytes, { subfolder: 'mw' });
      await one.post('/free', { unload_models: true, free_memory: true });
      await one.request('/api/jobs');
    });
    expect(sides.machine.answers).toEqual([
      ...['200 system,devices', '200 InspyrenetRembg', '200 {}', '200 {}', '200 {}', '404', '400'],
      ...['200 queue_running,queue_pending', '200 name,subfolder,type', '200', '200 jobs,pagination'],
    ]);
    expectSame(sides, []);
  });
});

describe('recorded faults of a machine', () => {
  const failed = ['progress_state', 'executing 2', 'execution_error', 'status', 'executing null'];

  it('as a model that is not there when the prompt runs', async () => {
    const prompt = {
      '1': load,
      '2': { class_type: 'UpscaleModelLoader', inputs: { model_name: 'missing.pth' } },
      '3': { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['2', 0], image: ['1', 0] } },
      '4': preview('3'),
    };
    const { machine, server } = await replay(async (one) => {
      const socket = await one.connect('A');
      const id = await one.submit('A', prompt);
      if (id !== '') await socket.ended(id);
    });
    expect(machine.answers).toEqual([ACCEPTED]);
    expect(machine.heard('A')).toEqual(['status sid', ...beginning, ...failed]);
    // A prompt goes to a machine with its models. If no machine has them, waiting would be useless.
    expect(server.answers).toEqual([REFUSED]);
    expect(server.answerShapes[0]).toHaveProperty(
      'body.error.message',
      'No healthy ComfyUI instance has what the graph needs: UpscaleModelLoader: missing.pth.',
    );
  });

  it('as a prompt that somebody else stops', async () => {
    const sleep = { class_type: 'SleepImage', inputs: { image: ['1', 0], seconds: 1 } };
    const sides = await replay(async (one) => {
      const socket = await one.connect('A');
      const id = await one.submit('A', { '1': load, '2': sleep, '3': preview('2') });
      await socket.heard((kinds) => kinds.includes('progress'), id);
      await new NativeClient(one.simulator.host).post('/interrupt', {});
      await socket.ended(id);
      await one.request(`/history/${id}`);
    });
    const { machine, server } = sides;
    expect(machine.heard('A').slice(-3)).toEqual(['execution_interrupted', 'status', 'executing null']);
    expect(machine.answerShapes.at(-1)).toHaveProperty(['body', 'prompt 0', 'status', 'status_str'], 'error');
    // No client of this server requested the interrupt: the prompt runs again, and succeeds.
    const heard = server.heard('A');
    expect(heard).not.toContain('execution_interrupted');
    expect(heard.filter((kind) => kind === 'execution_start')).toHaveLength(2);
    expect(heard.slice(-3)).toEqual(ending);
    expect(server.answerShapes.at(-1)).toHaveProperty(
      ['body', 'prompt 0', 'status', 'status_str'],
      'success',
    );
    expectMessageFields(sides);
  });
});
