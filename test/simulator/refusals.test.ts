import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { png } from '../support/pictures.js';
import { entryOf, inverted, outputOf } from './graphs.js';
import { call, FrameRecorder } from './recorder.js';
import { upload } from './upload.js';

let simulator: Simulator;
beforeEach(async () => {
  simulator = await startSimulator();
  await upload(simulator, { type: 'temp', name: 'slot.jpg', bytes: await png() });
});
afterEach(() => simulator.stop());

const submit = async (prompt: unknown) => {
  const { status, json } = await call(simulator, 'POST', '/prompt', { prompt, client_id: 'me' });
  return { status, body: json as { error: unknown; node_errors: Record<string, never>; prompt_id: string } };
};
const prompt = inverted('slot.jpg [temp]');
const failed = (details = '') => ({
  type: 'prompt_outputs_failed_validation',
  message: 'Prompt outputs failed validation',
  details,
  extra_info: {},
});

describe('a prompt of which a part is wrong', () => {
  it('runs the rest, and names the outputs that do not run', async () => {
    const socket = await FrameRecorder.open(simulator, 'me');
    const { status, body } = await submit({
      '1': prompt['1'],
      '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
      '3': { class_type: 'LoadImage', inputs: { image: 'gone.png' } },
      '5': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'x' } },
    });
    expect(status).toBe(200);
    expect(body.node_errors).toEqual({
      '3': {
        errors: [
          {
            type: 'custom_validation_failed',
            message: 'Custom validation failed for node',
            details: 'image - Invalid image file: gone.png',
            extra_info: { input_name: 'image' },
          },
        ],
        dependent_outputs: ['5'],
        class_type: 'LoadImage',
      },
    });
    await socket.ended(body.prompt_id);
    const entry = await entryOf(simulator, body.prompt_id);
    expect(entry['outputs']).toEqual({ '2': outputOf(socket, body.prompt_id, '2') });
    expect((entry['prompt'] as unknown[])[4]).toEqual(['2']);
  });
});

describe('a refusal', () => {
  it('of the form of the interface names the field that is no node', async () => {
    const ui = { id: 'x', nodes: [{ id: 1, type: 'LoadImage' }], links: [], version: 0.4 };
    for (const [graph, id] of [
      [ui, 'id'],
      [{ '1': { inputs: {} } }, '1'],
    ] as const) {
      expect(await submit(graph)).toEqual({
        status: 400,
        body: {
          error: {
            type: 'invalid_prompt',
            message: 'Cannot execute because a node is missing the class_type property.',
            details: `Node ID '#${id}'`,
            extra_info: {},
          },
          node_errors: {},
        },
      });
    }
  });

  it('of a link to nothing is an error of the node that has it', async () => {
    const { status, body } = await submit({
      ...prompt,
      '2': { class_type: 'ImageInvert', inputs: { image: ['9', 0] } },
    });
    expect(status).toBe(400);
    expect(body.error).toEqual(failed());
    expect(body.node_errors).toEqual({
      '2': {
        errors: [
          {
            type: 'exception_during_inner_validation',
            message: 'Exception when validating inner node',
            details: "'9'",
            extra_info: {
              input_name: 'images',
              input_config: ['IMAGE', {}],
              exception_message: "'9'",
              exception_type: 'KeyError',
              traceback: [expect.any(String)],
              linked_node: ['2', 0],
            },
          },
        ],
        dependent_outputs: ['3'],
        class_type: 'ImageInvert',
      },
    });
  });

  it('of a link to a slot that is not there, or has another type, is told', async () => {
    const linked = (images: unknown) => submit({ ...prompt, '3': { ...prompt['3'], inputs: { images } } });
    const { body } = await linked(['1', 5]);
    expect(body.error).toEqual(failed('Exception when validating node: tuple index out of range'));
    expect(body.node_errors).toHaveProperty('3.errors.0', {
      type: 'exception_during_validation',
      message: 'Exception when validating node',
      details: 'tuple index out of range',
      extra_info: { exception_type: 'IndexError', traceback: [expect.any(String)] },
    });
    expect((await linked(['1', 1])).body.node_errors).toHaveProperty(
      '3.errors.0.type',
      'return_type_mismatch',
    );
  });

  it('of values tells each that is out of its range', async () => {
    const { body } = await submit({
      ...prompt,
      '2': { class_type: 'ImageScaleBy', inputs: { image: ['1', 0], upscale_method: 'nope', scale_by: 99 } },
    });
    const methods = ['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'];
    expect(body.node_errors).toEqual({
      '2': {
        errors: [
          {
            type: 'value_not_in_list',
            message: 'Value not in list',
            details: `upscale_method: 'nope' not in [${methods.map((one) => `'${one}'`).join(', ')}]`,
            extra_info: {
              input_name: 'upscale_method',
              input_config: [methods, {}],
              received_value: 'nope',
            },
          },
          {
            type: 'value_bigger_than_max',
            message: 'Value 99.0 bigger than max of 8.0',
            details: 'scale_by',
            extra_info: {
              input_name: 'scale_by',
              input_config: ['FLOAT', { default: 1, min: 0.01, max: 8, step: 0.01 }],
              received_value: 99,
            },
          },
        ],
        dependent_outputs: ['3'],
        class_type: 'ImageScaleBy',
      },
    });
  });

  it('of a circle ends', async () => {
    const circle = (from: string) => ({ class_type: 'ImageInvert', inputs: { image: [from, 0] } });
    expect((await submit({ ...prompt, '2': circle('4'), '4': circle('2') })).status).toBe(400);
  });
});

describe('what is asked beside prompts', () => {
  const get = async (path: string) => (await call(simulator, 'GET', path)).json as unknown;

  it('is answered in the form of today', async () => {
    expect(await get('/object_info/LoadImage')).toMatchObject({
      LoadImage: {
        input: { required: { image: [[], { image_upload: true }] } },
        output: ['IMAGE', 'MASK'],
        display_name: 'Load Image',
      },
    });
    expect(await get('/object_info/UpscaleModelLoader')).toHaveProperty(
      'UpscaleModelLoader.input.required.model_name.0',
      'COMBO',
    );
    expect(await get('/models')).toContain('upscale_models');
    expect(await get('/models/upscale_models')).toContain('4x_NMKD-Siax_200k.pth');
    expect(await get('/features')).toEqual({ supports_preview_metadata: true, max_upload_size: 104_857_600 });
    expect(await get('/system_stats')).toHaveProperty('devices.0.type');
  });

  it('may be answered by nothing', async () => {
    for (const [method, path, status] of [
      ['GET', '/view?filename=nope.png&type=output', 404],
      ['GET', '/view?filename=../../etc/passwd&type=output', 400],
      ['GET', '/jobs', 404],
      ['POST', '/free', 200],
    ] as const) {
      const body = method === 'POST' ? { unload_models: true } : undefined;
      expect(await call(simulator, method, path, body)).toMatchObject({ status, text: '' });
    }
  });
});
