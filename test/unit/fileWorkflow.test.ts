import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../src/errors.js';
import { type Json, parseJson, stringifyJson } from '../../src/utils/losslessJson.js';
import { deriveManifest } from '../../src/workflows/files/deriveManifest.js';
import { type FileWorkflow, fileWorkflow } from '../../src/workflows/files/fileWorkflow.js';
import { readManifest } from '../../src/workflows/files/manifestText.js';
import { readGraph } from '../../src/workflows/files/readGraph.js';
import { withoutSecrets } from '../../src/workflows/files/secrets.js';
import { GraphFile, graphJson } from '../../src/workflows/graph.js';
import { imageNodes } from '../../src/workflows/imageNodes.js';
import { encode, loadImage, node, sampler, save, textToImage } from '../graphs/nodes.js';

const graphOfFile = (file: unknown) => readGraph(typeof file === 'string' ? file : JSON.stringify(file));
const derived = (file: unknown) =>
  fileWorkflow('my-flow', graphOfFile(file), deriveManifest(graphOfFile(file)));
const declared = (file: unknown, manifest: string) =>
  fileWorkflow('my-flow', graphOfFile(file), readManifest(manifest));

/** The prompt for a client's parameters and files, as JSON; a file becomes `<its content>`. */
function prompt(
  workflow: FileWorkflow,
  parameters: Record<string, unknown>,
  files: Record<string, string> = {},
) {
  const graphFiles = Object.entries(files).map(
    ([name, text]) => [name, new GraphFile(Buffer.from(text), 'png')] as const,
  );
  const graph = workflow.build(
    new Map(graphFiles),
    workflow.parameters.parse(parameters),
    imageNodes('upload'),
  );
  return stringifyJson(graphJson(graph, ({ bytes }) => `<${bytes}>`));
}

/** The error of an invalid graph or manifest. */
function refusal(make: () => unknown): Pick<AppError, 'code' | 'message' | 'details'> {
  try {
    make();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

const schemaOf = (workflow: FileWorkflow, name: string) =>
  z.toJSONSchema(workflow.parameters, { io: 'input' }).properties?.[name];

describe('a workflow of a graph', () => {
  it('sends the graph unchanged where nothing is sent, whatever its numbers, keys and order', () => {
    const text =
      '{"9":{"inputs":{"images":["8",0],"filename_prefix":"画像 [time(%Y)]"},"class_type":"SaveImage","_meta":{"title":"Save"}},' +
      '"8":{"inputs":{"samples":["3",0],"x":{"__value__":[1.0,-0.0]},"n":null},"class_type":"Decode 🎨"},' +
      '"3":{"inputs":{"seed":18446744073709551615,"steps":"20","cfg":7.0,"denoise":0.8000000000000002,"latent_image":["5",0]},"class_type":"KSampler","is_changed":"a"},' +
      '"5":{"inputs":{},"class_type":"EmptyLatentImage"}}';
    const workflow = derived(text);
    expect([...workflow.parameters.keyof().options]).toEqual(['seed', 'steps', 'cfg', 'denoise']);
    expect(prompt(workflow, {})).toBe(text);
  });

  it('puts values of forms and of JSON where they belong', () => {
    const workflow = derived(textToImage());
    const expected = {
      ...textToImage(),
      '3': sampler({ seed: 7, steps: 30, cfg: 4.5 }),
      '6': encode('a fox 🦊'),
    };
    const values = { seed: 7, steps: 30, cfg: 4.5, prompt: 'a fox 🦊', unknown: 'ignored' };
    expect(JSON.parse(prompt(workflow, values))).toEqual(expected);
    const texts = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
    expect(JSON.parse(prompt(workflow, texts))).toEqual(expected);
  });

  it('keeps a seed up to 2^64 - 1 exactly, and gives one seed to all nodes', () => {
    const two = derived({
      '1': node('A', { seed: 1 }),
      '2': node('B', { noise_seed: 2, a: ['1', 0] }),
      '9': save(['2', 0]),
    });
    for (const seed of [
      '18446744073709551615',
      parseJson('18446744073709551615', { maxDepth: 1 }),
      2n ** 64n - 1n,
    ]) {
      const sent = prompt(two, { seed });
      expect(sent).toContain('"seed":18446744073709551615');
      expect(sent).toContain('"noise_seed":18446744073709551615');
    }
  });

  it.each([
    ['seed', '18446744073709551616', 'must be a whole number from 0 to 18446744073709551615'],
    ['seed', '1.5', 'must be a whole number from 0 to 18446744073709551615'],
    ['steps', 0, 'must be a whole number from 1 to 10000'],
    ['steps', '1e2', 'must be a whole number from 1 to 10000'],
    ['steps', true, 'must be a whole number from 1 to 10000'],
    ['denoise', '1.01', 'must be a number from 0 to 1'],
    ['cfg', 'much', 'must be a number from 0 to 100'],
    ['prompt', 5, 'must be a text of at most 20000 characters'],
    ['prompt', 'x'.repeat(20_001), 'must be a text of at most 20000 characters'],
    ['prompt', ['a', 'b'], 'must be a text of at most 20000 characters'],
  ])('refuses %s = %j', (name, value, message) => {
    const result = derived(textToImage()).parameters.safeParse({ [name]: value });
    expect(result.error?.issues).toMatchObject([{ path: [name], message }]);
  });

  it('takes an empty field of a form as one that was left out, but an empty prompt as empty', () => {
    const workflow = derived(textToImage());
    expect(workflow.parameters.parse({ steps: '', seed: ' ', cfg: null, prompt: '' })).toEqual({
      prompt: '',
    });
    expect(workflow.parameters.parse({ seed: '-1' })).toEqual({});
  });

  it('demands what the graph has a placeholder for', () => {
    const workflow = derived(textToImage({ '6': encode('{{prompt}}'), '3': sampler({ seed: '%SEED%' }) }));
    expect(workflow.parameters.safeParse({}).error?.issues).toMatchObject([
      { path: ['prompt'], message: 'is required' },
    ]);
    expect(workflow.parameters.safeParse({ prompt: '' }).success).toBe(true);
    expect(schemaOf(workflow, 'prompt')).not.toHaveProperty('default');
  });

  it('describes its parameters with JSON Schema', () => {
    const workflow = derived(textToImage());
    const { required, properties } = z.toJSONSchema(workflow.parameters, { io: 'input' });
    expect(required).toBeUndefined();
    expect(Object.keys(properties ?? {})).toEqual([
      'prompt',
      'negative_prompt',
      'seed',
      'steps',
      'cfg',
      'denoise',
      'width',
      'height',
      'batch_size',
    ]);
    expect(properties?.['prompt']).toEqual({
      type: 'string',
      'x-kind': 'text',
      maxLength: 20_000,
      default: 'a bottle with a galaxy in it',
      description: 'What the result should contain.',
    });
    expect(properties?.['width']).toEqual({
      type: 'integer',
      'x-kind': 'integer',
      minimum: 16,
      maximum: 16_384,
      step: 8,
      default: 512,
    });
    expect(properties?.['seed']).toEqual({
      type: 'integer',
      'x-kind': 'seed',
      minimum: 0,
      maximum: 18446744073709552000,
      'x-maximum': '18446744073709551615',
      examples: [156680208700286],
      description: 'Omitted or -1: random, and returned with the result.',
    });
  });

  it('puts files in, keeps the machine’s own file for an optional one, and leaves out a loader that has none', () => {
    const file = {
      '1': loadImage('a.png'),
      '2': loadImage('own.png'),
      '3': node('LoadImageMask', { image: '{{mask}}', channel: 'red' }),
      '4': node('Blend', { a: ['1', 0], b: ['2', 0], mask: ['3', 0] }),
      '9': save(['4', 0]),
    };
    const workflow = declared(
      file,
      `
       inputs:
         photo: { node: 1, field: image, kind: image }
         other: { node: 2, field: image, kind: image, required: false }
         mask: { node: 3, field: image, kind: mask, required: false, title: Where }
       outputs: { picture: { node: 9 } }`,
    );
    expect(workflow.files).toEqual([
      { name: 'photo', kind: 'image', required: true },
      { name: 'other', kind: 'image', required: false },
      { name: 'mask', kind: 'mask', required: false, title: 'Where' },
    ]);
    expect(workflow.outputs).toEqual([{ name: 'picture', nodeId: '9' }]);
    const all = JSON.parse(prompt(workflow, {}, { photo: 'P', other: 'O', mask: 'M' }));
    expect([all['1'].inputs.image, all['2'].inputs.image, all['3'].inputs.image]).toEqual([
      '<P>',
      '<O>',
      '<M>',
    ]);
    const one = JSON.parse(prompt(workflow, {}, { photo: 'P' }));
    expect(one['2'].inputs.image).toBe('own.png');
    expect(one['3']).toBeUndefined();
    expect(one['4'].inputs).toEqual({ a: ['1', 0], b: ['2', 0] });
  });

  it('sends a file inside the prompt where its node takes base64 only', () => {
    const workflow = derived({
      '1': node('ETN_LoadImageBase64', { image: '' }),
      '2': node('SwarmLoadImageB64', { image_base64: '' }),
      '3': loadImage(),
      '4': node('Stack', { a: ['1', 0], b: ['2', 0], c: ['3', 0] }),
      '9': save(['4', 0]),
    });
    const file = new GraphFile(Buffer.from('x'), 'png');
    const files = new Map(workflow.files.map(({ name }) => [name, file]));
    const graph = workflow.build(files, {}, imageNodes('upload'));
    const isInside = (id: string, field: string) =>
      (graph.get(id)?.inputs.get(field) as GraphFile | undefined)?.isInside;
    expect([isInside('1', 'image'), isInside('2', 'image_base64'), isInside('3', 'image')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('follows its manifest: several targets, choices, defaults and bounds of its own', () => {
    const workflow = declared(
      textToImage(),
      `title: Paint
description: Paints.
estimate_seconds: 12.5
inputs:
  what: { targets: [{ node: "6", field: text }, { node: "7", field: text }], kind: text, max_length: 10 }
  model: { node: "4", field: ckpt_name, kind: choice, choices: [a.safetensors, b.safetensors] }
  steps: { node: "3", field: steps, kind: integer, minimum: 2, maximum: 8, default: 4 }
  seed: { node: "3", field: seed, kind: seed, default: 18446744073709551615 }
  fast: { node: "3", field: scheduler, kind: boolean }
outputs: { image: { node: "9" } }`,
    );
    expect(workflow).toMatchObject({ title: 'Paint', description: 'Paints.', estimateSeconds: 12.5 });
    const sent = JSON.parse(prompt(workflow, { what: 'sea', model: 'b.safetensors', fast: 'TRUE' }));
    expect([sent['6'].inputs.text, sent['7'].inputs.text]).toEqual(['sea', 'sea']);
    expect(sent['4'].inputs.ckpt_name).toBe('b.safetensors');
    expect(sent['3'].inputs).toMatchObject({ steps: 4, scheduler: true });
    expect(prompt(workflow, {})).toContain('"seed":18446744073709551615');
    const issues = workflow.parameters.safeParse({
      model: 'c',
      steps: 9,
      what: 'x'.repeat(11),
      fast: 'yes',
    }).error;
    expect(issues?.issues.map(({ message }) => message)).toEqual([
      'must be a text of at most 10 characters',
      'must be a.safetensors or b.safetensors',
      'must be a whole number from 2 to 8',
      'must be true or false',
    ]);
    // The two texts differ, so there is no default.
    expect(schemaOf(workflow, 'what')).not.toHaveProperty('default');
    expect(schemaOf(workflow, 'model')).toEqual({
      'x-kind': 'choice',
      enum: ['a.safetensors', 'b.safetensors'],
    });
  });

  it('says what a machine must have', () => {
    const { requires } = derived(
      textToImage({
        '20': node('VAELoader', { vae_name: 'unused.safetensors' }),
        '21': node('LoraLoader', { lora_name: 'style/ink.safetensors', strength_model: 1, model: ['4', 0] }),
        '3': sampler({ model: ['21', 0] }),
      }),
    );
    expect(requires.nodes).toEqual([
      'KSampler',
      'CheckpointLoaderSimple',
      'EmptyLatentImage',
      'CLIPTextEncode',
      'VAEDecode',
      'SaveImage',
      'VAELoader',
      'LoraLoader',
    ]);
    expect(requires.models).toEqual([
      { node: 'CheckpointLoaderSimple', input: 'ckpt_name', model: 'sd_xl_base_1.0.safetensors' },
      { node: 'LoraLoader', input: 'lora_name', model: 'style/ink.safetensors' },
    ]);
  });

  it('takes ranges, choices and tooltips from a machine, and narrows only', () => {
    const infos: Record<string, unknown> = {
      KSampler: {
        input: {
          required: {
            seed: ['INT', { min: 0, max: 18446744073709552000, tooltip: 'The noise.' }],
            steps: ['INT', { min: 1, max: 50, step: 1 }],
            denoise: ['FLOAT', { min: -5, max: 5 }],
          },
        },
      },
      LoraLoader: { input: { optional: { lora_name: [['a.safetensors', 'b.safetensors'], {}] } } },
      Other: { input: { required: { mode: ['COMBO', { options: ['fast', 'slow'] }] } } },
    };
    const graph = graphOfFile({
      ...textToImage(),
      '3': sampler(),
      '14': node('LoraLoader', { lora_name: 'a.safetensors', model: ['3', 0] }),
      '15': node('Other', { mode: 'fast', x: ['14', 0] }),
      '9': save(['15', 0]),
    });
    const manifest = readManifest(`
inputs:
  seed: { node: 3, field: seed, kind: seed }
  steps: { node: 3, field: steps, kind: integer, minimum: 5, maximum: 100 }
  denoise: { node: 3, field: denoise, kind: number, minimum: 0, maximum: 1 }
  lora: { node: 14, field: lora_name, kind: choice, description: A style. }
  speed: { node: 15, field: mode, kind: choice }
outputs: { image: { node: 9 } }`);
    const lookup = (classType: string) =>
      (Object.hasOwn(infos, classType) ? infos[classType] : undefined) as ReturnType<
        NonNullable<Parameters<typeof fileWorkflow>[3]>
      >;
    const workflow = fileWorkflow('my-flow', graph, manifest, lookup);
    expect(schemaOf(workflow, 'steps')).toMatchObject({ minimum: 5, maximum: 50, step: 1 });
    expect(schemaOf(workflow, 'denoise')).toMatchObject({ minimum: 0, maximum: 1 });
    expect(schemaOf(workflow, 'lora')).toMatchObject({
      enum: ['a.safetensors', 'b.safetensors'],
      description: 'A style.',
    });
    expect(schemaOf(workflow, 'speed')).toMatchObject({ enum: ['fast', 'slow'] });
    expect(workflow.parameters.safeParse({ seed: '18446744073709551615' }).success).toBe(true);
    expect(workflow.parameters.safeParse({ speed: 'other' }).success).toBe(false);
    expect(workflow.manifest).toBe(manifest);
  });

  it('shows no secret, wherever it is', () => {
    const file = {
      '1': node('Cloud', {
        apiKey: 'hunter1',
        'API Key': 'hunter2',
        auth_token: ['2', 0],
        max_tokens: 500,
        x: 'hf_0123456789abcdefghij',
      }),
      '2': node('PrimitiveString', { value: 'hunter3' }),
      '3': node('Cloud', { options: { nested: { client_secret: 'hunter4', size: 'big' } }, image: ['1', 0] }),
      '9': save(['3', 0]),
    };
    const shown = stringifyJson(graphJson(withoutSecrets(graphOfFile(file)), () => null) satisfies Json);
    expect(shown).not.toMatch(/hunter|hf_/);
    expect(shown).toContain('"max_tokens":500');
    expect(shown).toContain('"size":"big"');
    const workflow = declared(
      file,
      'inputs: { key: { node: 1, field: apiKey, kind: text } }\noutputs: { image: { node: 9 } }',
    );
    expect(JSON.stringify(z.toJSONSchema(workflow.parameters, { io: 'input' }))).not.toContain('hunter');
  });
});

describe('a graph that cannot be used', () => {
  it.each([
    ['the interface format', { nodes: [], links: [], version: 0.4 }, 'WORKFLOW_FORMAT_UI', 'Export (API)'],
    ['it inside of a wrapper', { workflow: { nodes: [], links: [] } }, 'WORKFLOW_FORMAT_UI', 'Export (API)'],
    ['broken JSON', '{"3":{"inputs":{"seed":%SEED%}}}', 'INVALID_WORKFLOW', 'line 1, column 24'],
    ['no object', [1], 'INVALID_WORKFLOW', 'not an object of nodes'],
    ['no nodes', { _comment: 'x' }, 'INVALID_WORKFLOW', 'no nodes'],
    ['too deep', '['.repeat(100_000), 'INVALID_WORKFLOW', 'More than 64 levels'],
    [
      'wrappers without end',
      `${'{"prompt":'.repeat(20)}1${'}'.repeat(20)}`,
      'INVALID_WORKFLOW',
      'not an object of nodes',
    ],
  ])('%s', (_what, file, code, message) => {
    const error = refusal(() => graphOfFile(file));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  it('names each node that is wrong', () => {
    const error = refusal(() =>
      graphOfFile({
        '1': { class_type: 'A', inputs: [] },
        '2': { inputs: {} },
        '3': { class_type: 7 },
        '4': node('B'),
      }),
    );
    expect(error.details).toEqual({
      nodes: [
        { node_id: '1', class_type: 'A', message: 'has inputs that are not an object' },
        { node_id: '2', message: 'has no class_type' },
        { node_id: '3', message: 'has a class_type that is not a string' },
      ],
    });
  });

  it('has no outputs', () => {
    const error = refusal(() => derived({ '1': loadImage(), '2': node('ImageInvert', { image: ['1', 0] }) }));
    expect(error).toMatchObject({ code: 'INVALID_WORKFLOW' });
    expect(error.message).toContain('no known node that saves or previews');
  });

  it('has a manifest that does not fit', () => {
    const error = refusal(() =>
      declared(
        textToImage({ '8': undefined }),
        `
         inputs:
           a: { node: 99, field: text, kind: text }
           b: { node: 6, field: txt, kind: text }
           c: { node: 3, field: steps, kind: integer }
           d: { node: 3, field: steps, kind: integer }
           e: { node: 3, field: model, kind: image }
         outputs: { x: { node: 98 }, y: { node: 9 } }`,
      ),
    );
    const { nodes } = error.details as { nodes: { node_id: string; message: string }[] };
    expect(nodes.map(({ node_id, message }) => `${node_id} ${message}`)).toEqual([
      '99 is not in the graph (input a)',
      '6 has no input "txt", only "text", "clip" (input b)',
      '3 gets its input "model" from another node (input e)',
      '3 has an input "steps" that is listed twice (c, d)',
      '98 is not in the graph (output x)',
      '9 gets its input "images" from node "8", which is not in the graph',
    ]);
    expect(error.message).toMatch(/^The manifest does not match the graph: node "99" is not in the graph/);
    expect(error.message).toMatch(/\. The graph is not complete: node "9" gets its input "images" [^.]*\.$/);
  });

  it.each([
    ['outputs: {}', 'lists no output'],
    ['inputs: {}', 'outputs'],
    ['- a', 'must be an object'],
    ['a: [', 'not valid YAML'],
    ['a: &a [1]\nb: *c', 'not valid YAML'],
    ['outputs: { x: { node: 1 } }\ninput: {}', 'unknown key "input"'],
    ['outputs: { 1x: { node: 1 } }', 'starting with a letter'],
    [
      'inputs: { __proto__: { node: 1, field: a, kind: seed } }\noutputs: { x: { node: 1 } }',
      'not valid: inputs.__proto__ must be a name of letters',
    ],
    ['outputs: { x: { node: 1 }, __proto__: { node: 1 } }', 'not valid: outputs.__proto__ must be a name'],
    ['outputs: { x: { node: 1, __proto__: 2 } }', 'outputs.x has an unknown key "__proto__"'],
    ['__proto__: {}\noutputs: { x: { node: 1 } }', 'manifest has an unknown key "__proto__"'],
    [
      'inputs: { format: { node: 1, field: a, kind: text } }\noutputs: { x: { node: 1 } }',
      'that the server uses itself',
    ],
    [
      'inputs: { a: { node: 1, kind: text } }\noutputs: { x: { node: 1 } }',
      'either node and field, or targets',
    ],
    [
      'inputs: { a: { node: 1, field: b, kind: picture } }\noutputs: { x: { node: 1 } }',
      'inputs.a.kind must be one of image, mask',
    ],
    [
      'inputs: { a: { node: 1, field: b, kind: text, minimum: 1 } }\noutputs: { x: { node: 1 } }',
      'cannot be used with kind text',
    ],
    [
      'inputs: { a: { node: 1, field: b, kind: integer, minimum: 5, maximum: 1 } }\noutputs: { x: { node: 1 } }',
      'less than minimum',
    ],
    [
      'inputs: { a: { node: 1, field: b, kind: seed, maximum: -5 } }\noutputs: { x: { node: 1 } }',
      'less than minimum: -5 < 0',
    ],
    [
      'inputs: { a: { node: 1, field: b, kind: seed, minimum: 18446744073709551616 } }\noutputs: { x: { node: 1 } }',
      'less than minimum: 18446744073709551615 < 18446744073709551616',
    ],
    ...['kind: seed, minimum: 0.2, maximum: 0.7', 'kind: integer, minimum: 1.0e+300'].map((range) => [
      `inputs: { a: { node: 1, field: b, ${range} } }\noutputs: { x: { node: 1 } }`,
      'a.maximum leaves no whole number',
    ]),
    [
      'inputs: { a: { node: 1, field: b, kind: integer, default: 1.5 } }\noutputs: { x: { node: 1 } }',
      'must be a whole number',
    ],
    [
      'inputs: { a: { node: 1, field: b, kind: text, default: x, required: true } }\noutputs: { x: { node: 1 } }',
      'required',
    ],
    [
      'labels: large\ncolour: red\ninputs: { a: { node: 1, field: b, kind: picture } }\noutputs: { x: { node: 1 } }',
      'not valid: labels must be a list; inputs.a.kind must be one of image, mask, video, audio, file, text, integer, number, boolean, choice, seed; manifest has an unknown key "colour".',
    ],
  ])('has a manifest that is wrong by itself: %s', (manifest, message) => {
    const error = refusal(() => readManifest(manifest));
    expect(error.code).toBe('INVALID_WORKFLOW');
    expect(error.message).toContain(message);
  });
});
