import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { anySyncAnswer, asyncAnswer } from '../../src/schemas/jobs.js';
import { healthAnswer } from '../../src/schemas/status.js';
import { workflowsAnswer } from '../../src/schemas/workflows.js';
import { loadImage, node, save } from '../graphs/nodes.js';
import { eventually } from '../support/eventually.js';
import { distance, middle, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { userGraph } from '../support/userGraphs.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

/** A file copied into the folder must be usable within this time, ms. */
const SOON_MS = 2000;

const RED = { r: 200, g: 40, b: 40 };
const INVERTED = { r: 55, g: 215, b: 215 };

const openApi = z.object({ paths: z.record(z.string(), z.unknown()) });

let folder: WorkflowFiles;
let stack: Stack;
let logger: RecordingLogger;

/** Starts a server with a folder that contains the graph `blend.json`. */
async function start(options: Omit<StackOptions, 'logger'> = {}): Promise<void> {
  logger = new RecordingLogger();
  stack = await Stack.start({
    ...options,
    logger,
    env: { ...options.env, WORKFLOWS_DIR: folder.directory },
  });
}

beforeEach(async () => {
  folder = await WorkflowFiles.create({ 'blend.json': userGraph('blend') });
});
afterEach(async () => {
  await stack.stop();
  await folder.delete();
});

const listed = async () => (await stack.client.json('/api/workflows', workflowsAnswer)).workflows;
const listedOf = async (type: string) => (await listed()).find((workflow) => workflow.type === type);
const documented = async () =>
  Object.keys(openApi.parse(await (await stack.client.request('/openapi.json')).json()).paths);
const health = () => stack.client.json('/health', healthAnswer);

function form(files: Readonly<Record<string, Buffer>>): RequestInit {
  const body = new FormData();
  for (const [name, bytes] of Object.entries(files)) body.set(name, new Blob([new Uint8Array(bytes)]), name);
  return { method: 'POST', body };
}

const run = (type: string, files: Readonly<Record<string, Buffer>>) =>
  stack.client.json(`/api/${type}`, anySyncAnswer, form(files));

/** Expects that the graph from the start still works. */
async function expectOthersAreWell(): Promise<void> {
  const { outputs } = await run('blend', { image: await png({ colour: RED }), image_2: await png() });
  expect(outputs).toMatchObject([{ kind: 'image', node_id: '7' }]);
  expect((await listed()).map(({ type }) => type)).toEqual(
    expect.arrayContaining(['blend', 'upscale-image']),
  );
}

async function colourOfOutput({ url }: { url: string }) {
  const response = await stack.client.request(url);
  return middle(Buffer.from(await response.arrayBuffer()));
}

describe('a file in the folder of a running server', () => {
  it('is of use within two seconds, everywhere, until it is removed', async () => {
    await start();
    expect(await listedOf('expanding')).toBeUndefined();
    await stack.client.error('/api/expanding', 404, { method: 'POST' });
    await folder.copy('expanding.json', userGraph('expanding'));
    await eventually(
      async () => expect((await listedOf('expanding'))?.instances).toMatchObject([{ can_run: true }]),
      SOON_MS,
    );
    expect(await listedOf('expanding')).toMatchObject({
      title: 'Expanding',
      is_built_in: false,
      inputs: [{ name: 'negative', kind: 'image', required: true }],
      outputs: [{ name: 'image', node_id: 'save' }],
      requires: { nodes: ['LoadImage', 'InvertAndPreview', 'SaveImage'] },
    });
    expect(await documented()).toEqual(expect.arrayContaining(['/api/expanding', '/api/async/expanding']));
    const { outputs } = await run('expanding', { negative: await png({ colour: RED }) });
    expect(distance(await colourOfOutput(outputs[0] as { url: string }), INVERTED)).toBeLessThan(4);
    expect(logger.lines).toContainEqual(
      expect.objectContaining({
        message: 'Workflow loaded',
        fields: expect.objectContaining({ jobType: 'expanding' }),
      }),
    );
    await folder.remove('expanding.json');
    await eventually(async () => expect(await listedOf('expanding')).toBeUndefined(), SOON_MS);
    expect((await documented()).filter((path) => path.includes('expanding'))).toEqual([]);
    await stack.client.error('/api/expanding', 404, { method: 'POST' });
    await expectOthersAreWell();
  });

  it('takes a manifest that is put beside it, until that is removed', async () => {
    await start();
    await folder.copy(
      'blend.yaml',
      'title: Mix\ninputs: { base: { node: "1", field: image, kind: image } }\noutputs: { mixed: { node: "7" } }\n',
    );
    await eventually(async () => expect((await listedOf('blend'))?.title).toBe('Mix'), SOON_MS);
    expect(await listedOf('blend')).toMatchObject({
      inputs: [{ name: 'base' }],
      outputs: [{ name: 'mixed' }],
    });
    await folder.remove('blend.yaml');
    await eventually(async () => expect((await listedOf('blend'))?.title).toBe('Blend'), SOON_MS);
    await expectOthersAreWell();
  });
});

const manifest = (inputs: string, outputs = '{ image: { node: "7" } }') =>
  `inputs: ${inputs}\noutputs: ${outputs}\n`;

describe('a file that cannot be used', () => {
  it.each<[string, Record<string, string>, string, RegExp]>([
    [
      "in the interface's own format",
      { 'bad.json': '{"last_node_id":9,"nodes":[{"id":9,"type":"SaveImage"}],"links":[],"version":0.4}' },
      'WORKFLOW_FORMAT_UI',
      /bad\.json .*"Export \(API\)"/,
    ],
    [
      'with broken JSON',
      { 'bad.json': '{\n  "1": {\n' },
      'INVALID_WORKFLOW',
      /bad\.json .*not valid JSON.* line 3/,
    ],
    ['that is empty', { 'bad.json': '' }, 'INVALID_WORKFLOW', /bad\.json .*not valid JSON/],
    [
      'without outputs',
      { 'bad.json': '{"1":{"class_type":"LoadImage","inputs":{"image":"a.png"}}}' },
      'INVALID_WORKFLOW',
      /bad\.json .*no known node that saves or previews/,
    ],
    [
      'whose result is only sent over a WebSocket',
      {
        'bad.json': JSON.stringify({
          '1': loadImage(),
          '7': node('SaveImageWebsocket', { images: ['1', 0] }),
        }),
      },
      'INVALID_WORKFLOW',
      /bad\.json .*no result: node "7" sends its result only over a WebSocket/,
    ],
    [
      'with a link to a node that is not there',
      { 'bad.json': JSON.stringify({ '9': save(['8', 0]) }) },
      'INVALID_WORKFLOW',
      /bad\.json .*The graph is not complete: node "9" gets its input "images" from node "8", which is not in the graph/,
    ],
    [
      'with a manifest whose input names a missing node',
      {
        'bad.json': userGraph('blend'),
        'bad.yaml': manifest('{ photo: { node: "44", field: image, kind: image } }'),
      },
      'INVALID_WORKFLOW',
      /bad\.yaml .*node "44" is not in the graph \(input photo\)/,
    ],
    [
      'with a manifest whose output names a missing node',
      { 'bad.json': userGraph('blend'), 'bad.yaml': manifest('{}', '{ picture: { node: "45" } }') },
      'INVALID_WORKFLOW',
      /bad\.yaml .*node "45" is not in the graph \(output picture\)/,
    ],
    [
      'with a manifest that is no YAML',
      { 'bad.json': userGraph('blend'), 'bad.yaml': 'inputs: {' },
      'INVALID_WORKFLOW',
      /bad\.yaml .*not valid YAML/,
    ],
    [
      'that is named like a route',
      { 'jobs.json': userGraph('blend') },
      'INVALID_WORKFLOW',
      /jobs\.json .*"jobs"/,
    ],
    [
      'that is named like a built-in workflow',
      { 'upscale-image.json': userGraph('blend') },
      'WORKFLOW_BUILT_IN',
      /upscale-image\.json .*built in/,
    ],
  ])('%s is named with the reason, and nothing else is affected', async (_what, files, code, reason) => {
    await start();
    const before = await listed();
    // The manifest first: a graph is valid without one, and would be used at once.
    for (const [name, text] of Object.entries(files).reverse()) await folder.copy(name, text);
    await eventually(async () => {
      const { status, issues } = await health();
      expect(issues).toEqual([expect.stringMatching(reason)]);
      expect(status).toBe('degraded');
    });
    const warnings = logger.lines.filter(({ message }) => message === 'A workflow file is invalid');
    const named = warnings.filter(({ fields }) => reason.test(`${fields['file']} ${fields['reason']}`));
    expect(named).toMatchObject([{ level: 'warn', fields: { code } }]);
    expect((await health()).issues.join()).not.toContain(folder.directory);
    expect((await listed()).map(({ type }) => type)).toEqual(before.map(({ type }) => type));
    await expectOthersAreWell();
    for (const name of Object.keys(files)) await folder.remove(name);
    await eventually(async () => expect((await health()).issues).toEqual([]));
  });

  it('leaves the workflow that it was as it is, until it is good again', async () => {
    await start();
    await folder.replace('blend.json', '{"nodes":[],"links":[]}');
    await eventually(async () => expect((await health()).issues).toHaveLength(1));
    await expectOthersAreWell();
    await folder.replace('blend.json', userGraph('blend').replace('Preview Image', 'Blended'));
    await eventually(async () => expect((await health()).issues).toEqual([]));
    await eventually(async () =>
      expect(await listedOf('blend')).toMatchObject({ outputs: [{ name: 'blended' }] }),
    );
  });
});

describe('a graph of which machines lack something', () => {
  const unknownClass = JSON.stringify({
    '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
    '2': { class_type: 'Sparkle ✨ (v2)|mine', inputs: { image: ['1', 0] } },
    '9': save(['2', 0]),
  });

  it('is listed with what is missing, and refused by its name', async () => {
    await start();
    await folder.copy('sparkle.json', unknownClass);
    await eventually(async () =>
      expect((await listedOf('sparkle'))?.instances).toMatchObject([
        { can_run: false, missing: ['Sparkle ✨ (v2)|mine'] },
      ]),
    );
    const refused = await stack.client.error('/api/sparkle', 503, form({ image: await png() }));
    expect(refused).toMatchObject({
      code: 'NO_HEALTHY_INSTANCES',
      error: expect.stringContaining('Sparkle ✨ (v2)|mine'),
    });
    const { issues, comfyui_instances } = await health();
    expect(issues).toEqual([
      expect.stringMatching(/^Instance .* lacks the node Sparkle ✨ \(v2\)\|mine \(workflow sparkle\)\.$/),
    ]);
    expect(comfyui_instances).toMatchObject({ healthy: 1, unhealthy: 0 });
    await expectOthersAreWell();
  });

  it('of which it is a model says so', async () => {
    await start();
    await folder.copy('other.json', userGraph('text-to-image').replace('v1-5-pruned', 'v9-pruned'));
    const missing = 'CheckpointLoaderSimple: v9-pruned-emaonly-fp16.safetensors';
    await eventually(async () =>
      expect((await listedOf('other'))?.instances).toMatchObject([{ can_run: false, missing: [missing] }]),
    );
    const refused = await stack.client.error('/api/other', 503, { method: 'POST', body: new FormData() });
    expect(refused.error).toContain(missing);
    await expectOthersAreWell();
  });

  it('goes to the machine that has it', async () => {
    await start({ simulators: [{ withoutNodes: ['InvertAndPreview'] }, {}] });
    await folder.copy('expanding.json', userGraph('expanding'));
    await eventually(async () =>
      expect((await listedOf('expanding'))?.instances).toMatchObject([
        { can_run: false, missing: ['InvertAndPreview'] },
        { can_run: true, missing: [] },
      ]),
    );
    for (let n = 0; n < 4; n += 1) {
      const answer = await run('expanding', { negative: await png({ colour: RED }) });
      expect(answer.comfyui_instance).toBe(stack.simulator(1).host);
    }
    expect(stack.simulator(0).promptIds).toEqual([]);
  });
});

describe('a file that is replaced or removed while its jobs run', () => {
  /** Upscales an image with a model, which can be delayed, and optionally inverts it. */
  const flow = (isInverting: boolean, title: string) =>
    JSON.stringify({
      '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
      '2': { class_type: 'UpscaleModelLoader', inputs: { model_name: '4x_NMKD-Siax_200k.pth' } },
      '3': { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['2', 0], image: ['1', 0] } },
      '4': { class_type: 'ImageInvert', inputs: { image: ['3', 0] } },
      '9': save([isInverting ? '4' : '3', 0], title),
    });

  const accepted = async () => {
    const init = { ...form({ image: await png({ colour: RED }) }), status: 202 };
    return (await stack.client.json('/api/async/flow', asyncAnswer, init)).job_id;
  };
  const resultOf = async (id: string) => {
    const status = await stack.client.finished(id);
    if (status.status !== 'completed') throw new Error(JSON.stringify(status));
    const [output] = status.outputs;
    if (output === undefined) throw new Error('there is no output');
    const colour = await colourOfOutput(output);
    return [output.name, distance(colour, INVERTED) < 4, distance(colour, RED) < 4];
  };

  it('leaves them as they were submitted; later ones are of the new file', async () => {
    await folder.copy('flow.json', flow(true, 'Old'));
    await start({ env: { MAX_CONCURRENT_JOBS: '1' } });
    const { faults } = stack.simulator();
    faults.hang = true;
    const running = await accepted();
    await stack.client.until(running, ({ status }) => status === 'processing');
    const waiting = await accepted();
    const asked = run('flow', { image: await png({ colour: RED }) });
    await eventually(async () => expect((await stack.services.manager.queue.size()).jobs).toBe(2));
    await folder.replace('flow.json', flow(false, 'New'));
    await eventually(
      async () => expect(await listedOf('flow')).toMatchObject({ outputs: [{ name: 'new' }] }),
      SOON_MS,
    );
    const later = await accepted();
    faults.hang = false;
    expect(await resultOf(running)).toEqual(['old', true, false]);
    expect(await resultOf(waiting)).toEqual(['old', true, false]);
    expect((await asked).outputs).toMatchObject([{ name: 'old' }]);
    expect(await resultOf(later)).toEqual(['new', false, true]);
  });

  it('lets them go on where it is removed', async () => {
    await folder.copy('flow.json', flow(true, 'Old'));
    await start({ env: { MAX_CONCURRENT_JOBS: '1' } });
    const { faults } = stack.simulator();
    faults.hang = true;
    const ids = [await accepted(), await accepted()];
    await eventually(async () => expect((await stack.services.manager.queue.size()).jobs).toBe(1));
    await folder.remove('flow.json');
    await eventually(async () => expect(await listedOf('flow')).toBeUndefined(), SOON_MS);
    await stack.client.error('/api/async/flow', 404, form({ image: await png() }));
    faults.hang = false;
    for (const id of ids) expect(await resultOf(id)).toEqual(['old', true, false]);
  });
});
