import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseJson } from '../../src/utils/losslessJson.js';
import { WorkflowFolder } from '../../src/workflows/files/WorkflowFolder.js';
import { workflows as builtIn } from '../../src/workflows/index.js';
import { WorkflowCatalogue } from '../../src/workflows/WorkflowCatalogue.js';
import { encode, textToImage } from '../graphs/nodes.js';
import { eventually } from '../support/eventually.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

let parent: string;
let directory: string;
let logger: RecordingLogger;
let folder: WorkflowFolder;
let catalogue: WorkflowCatalogue;

const GRAPH = JSON.stringify(textToImage());
const MANIFEST =
  'inputs: { what: { node: "6", field: text, kind: text } }\noutputs: { picture: { node: "9" } }\n';
const json = (text: string) => parseJson(text, { maxDepth: 64 });
const write = (name: string, text: string | Buffer) => writeFile(path.join(directory, name), text);
const types = () => catalogue.all().flatMap(({ type, isBuiltIn }) => (isBuiltIn ? [] : [type]));
const problems = () => catalogue.problems().map(({ file, code, message }) => `${file} ${code} ${message}`);

beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'workflows-'));
  directory = path.join(parent, 'workflows');
  await mkdir(directory);
  logger = new RecordingLogger();
  folder = new WorkflowFolder({
    directory,
    builtIn: new Set(builtIn.map(({ type }) => type)),
    logger,
    pollMs: 200,
  });
  catalogue = new WorkflowCatalogue(builtIn, folder);
});
afterEach(async () => {
  await folder.stop();
  await rm(parent, { recursive: true, force: true });
});

describe('a folder of workflows', () => {
  it('offers what is there at the start, under names made of the files’ names', async () => {
    await write('My Flow (v2).json', GRAPH);
    await write('plain.json', GRAPH);
    await write('plain.yaml', MANIFEST);
    await write('notes.txt', 'not a workflow');
    await write('.hidden.json', '{');
    await folder.start();
    expect(types()).toEqual(['my-flow-v2', 'plain']);
    expect(catalogue.get('my-flow-v2')).toMatchObject({
      title: 'My flow v2',
      outputs: [{ name: 'image', nodeId: '9' }],
    });
    expect(catalogue.get('plain')?.outputs).toEqual([{ name: 'picture', nodeId: '9' }]);
    expect(catalogue.get('upscale-image')).toBe(builtIn.find(({ type }) => type === 'upscale-image'));
    expect(catalogue.all().slice(0, builtIn.length)).toEqual(builtIn);
    expect(problems()).toEqual([]);
  });

  it('offers a new file within two seconds, and tells its listeners', async () => {
    let told = 0;
    catalogue.onChange(() => {
      told += 1;
    });
    await folder.start();
    await write('new.json', GRAPH);
    await eventually(() => expect(types()).toEqual(['new']), 2000);
    expect(told).toBe(1);
    await write('new.yaml', MANIFEST);
    await eventually(() => expect(catalogue.get('new')?.outputs[0]?.name).toBe('picture'), 2000);
    await rm(path.join(directory, 'new.json'));
    await eventually(() => expect(types()).toEqual([]), 2000);
  });

  it('finds a folder that is made later, or made anew', async () => {
    await rm(directory, { recursive: true });
    await folder.start();
    expect(types()).toEqual([]);
    await mkdir(directory);
    await write('one.json', GRAPH);
    await eventually(() => expect(types()).toEqual(['one']));
    await rename(directory, `${directory}-old`);
    await eventually(() => expect(types()).toEqual([]));
    await mkdir(directory);
    await write('two.json', GRAPH);
    await eventually(() => expect(types()).toEqual(['two']));
    await write('three.json', GRAPH);
    await eventually(() => expect(types()).toEqual(['three', 'two']));
  });

  it('reads a file again that was half written', async () => {
    await folder.start();
    await write('slow.json', GRAPH.slice(0, 200));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await write('slow.json', GRAPH);
    await eventually(() => expect(types()).toEqual(['slow']));
    expect(problems()).toEqual([]);
  });

  it.each(['flow.json', 'flow.yaml'])('keeps a workflow while an editor replaces its %s', async (name) => {
    await write('flow.json', GRAPH);
    await write('flow.yaml', MANIFEST);
    await folder.start();
    const outputs: unknown[] = [];
    catalogue.onChange(() => outputs.push(catalogue.get('flow')?.outputs[0]?.name));
    for (let n = 1; n <= 3; n += 1) {
      const text = await readFile(path.join(directory, name), 'utf8');
      await rename(path.join(directory, name), path.join(directory, `${name}~`));
      await new Promise((resolve) => setTimeout(resolve, 120));
      await write(name, `${text}\n`);
      await eventually(() => expect(outputs).toHaveLength(n), 5000);
    }
    expect(outputs).toEqual(['picture', 'picture', 'picture']);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('keeps a workflow whose file cannot be looked at, and says so', async () => {
    await write('flow.json', GRAPH);
    await folder.start();
    const file = path.join(directory, 'flow.json');
    await symlink('flow.json', `${file}.link`);
    await rename(`${file}.link`, file);
    await eventually(() => expect(problems()).toEqual([expect.stringMatching(/^flow\.json .*ELOOP/)]));
    expect(types()).toEqual(['flow']);
    await rm(file);
    await eventually(() => expect([...types(), ...problems()]).toEqual([]));
  });

  it('names a workflow after its file, without accents', async () => {
    await write('Ünïcode_Náme.json', GRAPH);
    await folder.start();
    expect(types()).toEqual(['unicode-name']);
  });

  it('names each bad file, and offers all others', async () => {
    await write('good.json', GRAPH);
    await write('broken.json', '{"3":');
    await write('interface.json', '{"nodes":[],"links":[]}');
    await write('no-outputs.json', '{"1":{"class_type":"LoadImage","inputs":{"image":"a.png"}}}');
    await write('missing-node.json', GRAPH);
    await write('missing-node.yml', 'outputs: { picture: { node: "99" } }');
    await write('bad-manifest.json', GRAPH);
    await write('bad-manifest.yaml', 'outputs: [');
    await write('lonely.yaml', MANIFEST);
    await write('jobs.json', GRAPH);
    await write('upscale-image.json', GRAPH);
    await write('Good.json', GRAPH);
    await write('latin.json', Buffer.from([0x7b, 0xff, 0x7d]));
    await write('画像.json', GRAPH);
    await mkdir(path.join(directory, 'folder.json'));
    await folder.start();
    expect(types()).toEqual(['good']);
    const expected = [
      ['Good.json|good.json', 'INVALID_WORKFLOW', 'same type, good'],
      ['bad-manifest.yaml', 'INVALID_WORKFLOW', 'not valid YAML'],
      ['broken.json', 'INVALID_WORKFLOW', 'line 1, column 6'],
      ['interface.json', 'WORKFLOW_FORMAT_UI', 'Export \\(API\\)'],
      ['jobs.json', 'INVALID_WORKFLOW', 'The name "jobs" is reserved for the server itself'],
      ['latin.json', 'INVALID_WORKFLOW', 'not UTF-8'],
      ['lonely.yaml', 'INVALID_WORKFLOW', 'there is no lonely.json'],
      ['missing-node.yml', 'INVALID_WORKFLOW', 'node "99" is not in the graph'],
      ['no-outputs.json', 'INVALID_WORKFLOW', 'no known node that saves'],
      ['upscale-image.json', 'WORKFLOW_BUILT_IN', 'built in'],
      ['画像.json', 'INVALID_WORKFLOW', 'The name of a workflow must have'],
    ];
    for (const [file, code, message] of expected) {
      expect(problems()).toContainEqual(expect.stringMatching(new RegExp(`^(${file}) ${code} .*${message}`)));
    }
    expect(problems()).toHaveLength(expected.length);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(expected.length);
    expect(JSON.stringify(catalogue.problems())).not.toContain(parent);
  });

  it('goes on with the last good workflow when its file becomes bad, until it is good again', async () => {
    await write('flow.json', GRAPH);
    await folder.start();
    const good = catalogue.get('flow');
    expect(good).toBeDefined();
    await write('flow.json', '{}');
    await eventually(() => expect(problems()).toHaveLength(1));
    expect(catalogue.get('flow')).toBe(good);
    await write('flow.json', JSON.stringify(textToImage({ '7': encode('new') })));
    await eventually(() => expect(problems()).toEqual([]));
    expect(catalogue.get('flow')).not.toBe(good);
  });

  it('keeps what is put, in files that another server reads alike', async () => {
    await rm(directory, { recursive: true });
    await folder.start();
    const manifest = {
      inputs: { what: { node: '6', field: 'text', kind: 'text' } },
      outputs: { picture: { node: '9' } },
    };
    const first = await catalogue.put('flow', json(`{"prompt":${GRAPH}}`), manifest);
    expect(first.isNew).toBe(true);
    expect(catalogue.get('flow')).toBe(first.workflow);
    expect(Object.keys(first.workflow.parameters.shape)).toEqual(['what']);
    const other = new WorkflowFolder({ directory, builtIn: new Set(), logger });
    await other.start();
    await other.stop();
    expect(Object.keys(other.all()[0]?.parameters.shape ?? {})).toEqual(['what']);
    const second = await catalogue.put('flow', json(GRAPH));
    expect(second.isNew).toBe(false);
    expect(Object.keys(second.workflow.parameters.shape)).toContain('prompt');
    expect(await readdir(directory)).toEqual(['flow.json']);
    expect(JSON.parse(await readFile(path.join(directory, 'flow.json'), 'utf8'))).toEqual(textToImage());
    await catalogue.delete('flow');
    expect(types()).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
    await expect(catalogue.delete('flow')).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  });

  it('refuses to keep what cannot be used, and leaves everything as it was', async () => {
    await write('flow.json', GRAPH);
    await folder.start();
    await expect(catalogue.put('flow', json('{"nodes":[],"links":[]}'))).rejects.toMatchObject({
      code: 'WORKFLOW_FORMAT_UI',
    });
    await expect(catalogue.put('flow', json(GRAPH), {})).rejects.toMatchObject({ code: 'INVALID_WORKFLOW' });
    await expect(catalogue.put('../flow', json(GRAPH))).rejects.toMatchObject({ code: 'INVALID_WORKFLOW' });
    await expect(catalogue.put('async', json(GRAPH))).rejects.toMatchObject({ code: 'INVALID_WORKFLOW' });
    await expect(catalogue.put('upscale-image', json(GRAPH))).rejects.toMatchObject({
      code: 'WORKFLOW_BUILT_IN',
    });
    await expect(catalogue.delete('upscale-image')).rejects.toMatchObject({ code: 'WORKFLOW_BUILT_IN' });
    await expect(catalogue.delete('../flow')).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
    expect(await readdir(directory)).toEqual(['flow.json']);
    expect(await readFile(path.join(directory, 'flow.json'), 'utf8')).toBe(GRAPH);
  });

  it('puts in place of a file whose name only leads to the same type', async () => {
    await write('My_Flow.json', GRAPH);
    await write('My_Flow.yaml', MANIFEST);
    await folder.start();
    await catalogue.put('my-flow', json(GRAPH));
    expect(await readdir(directory)).toEqual(['My_Flow.json']);
  });

  it('takes over what machines know, and tells listeners only where it makes a difference', async () => {
    await write('flow.json', GRAPH);
    await folder.start();
    let told = 0;
    catalogue.onChange(() => {
      told += 1;
    });
    const infoOf = (classType: string) =>
      classType === 'KSampler' ? { input: { required: { steps: ['INT', { min: 1, max: 12 }] } } } : undefined;
    await catalogue.useNodeInfo(infoOf);
    await catalogue.useNodeInfo(infoOf);
    expect(told).toBe(1);
    const takes = (steps: number) => catalogue.get('flow')?.parameters.safeParse({ steps }).success;
    expect([takes(12), takes(13)]).toEqual([true, false]);
  });
});

it('a catalogue without a folder offers what is built in and keeps nothing', async () => {
  const fixed = new WorkflowCatalogue(builtIn);
  expect(fixed.all()).toEqual(builtIn);
  expect(fixed.problems()).toEqual([]);
  await expect(fixed.put('flow', json(GRAPH))).rejects.toMatchObject({ code: 'FORBIDDEN' });
});
