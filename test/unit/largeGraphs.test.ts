/** With work for each path through a graph, or for each pair of its links, these tests would take minutes to years. */
import { describe, expect, it } from 'vitest';
import { assetReferences } from '../../src/services/submissions/assetReferences.js';
import { checkManifest } from '../../src/workflows/files/checkManifest.js';
import { deriveManifest } from '../../src/workflows/files/deriveManifest.js';
import { fileWorkflow } from '../../src/workflows/files/fileWorkflow.js';
import { graphWorkflow } from '../../src/workflows/files/graphWorkflow.js';
import { readGraph } from '../../src/workflows/files/readGraph.js';
import { readWorkflow, writeWorkflow } from '../../src/workflows/files/workflowText.js';
import { loadImage, node, save } from '../graphs/nodes.js';
import * as large from '../support/largeGraphs.js';

function derived(nodes: object) {
  const graph = readGraph(JSON.stringify(nodes));
  const manifest = deriveManifest(graph);
  const workflow = fileWorkflow('flow', graph, manifest);
  // Other servers read what one server stored.
  expect(readWorkflow(writeWorkflow(workflow)).manifest.inputs).toEqual(manifest.inputs);
  return Object.fromEntries([...manifest.inputs].map(([name, { targets }]) => [name, targets]));
}

describe('a manifest is derived from', () => {
  it.each([
    ['texts that many ways lead to', large.joinedTexts(1900), ['seed']],
    ['many texts of the same name', large.negativeTexts(300, 990), ['negative_prompt', 'seed']],
    ['many slots of one node', large.manySlots(200, 800, {}), ['seed']],
    [
      'many slots of one node with two sides',
      large.manySlots(200, 800, { positive: 'a cat', negative: 'a dog' }),
      ['prompt', 'seed'],
    ],
    [
      'many slots of one node with many inputs',
      large.manySlots(200, 800, Object.fromEntries(Array.from({ length: 999 }, (_, n) => [`input-${n}`, n]))),
      ['seed'],
    ],
    ['many seeds from one node', large.linkedSeeds(300, 900), ['seed']],
    ['long chains', large.longChains(990), ['prompt', 'seed']],
    ['long cycles', large.longCycles(990), ['seed']],
  ])('%s', (_what, nodes, inputs) => {
    expect(Object.keys(derived(nodes))).toEqual(expect.arrayContaining(inputs));
  });

  it('as many outputs as there may be, the one after the most samplers first', () => {
    const nodes = large.linkedOutputs(99, 1900, 150);
    const graph = readGraph(JSON.stringify({ late: save(['node-1', 0]), ...nodes }));
    const { outputs } = deriveManifest(graph);
    expect(outputs.size).toBe(100);
    expect([[...outputs.values()].at(0), [...outputs.values()].at(-1)]).toEqual([
      { node: 'out-0' },
      { node: 'late' },
    ]);
  });

  it('many secrets, none of which it shows', () => {
    const inputs = derived(large.secretInputs(100, 900, () => 7));
    expect(Object.keys(inputs)).toEqual(['seed', 'steps', 'cfg']);
    expect(inputs['seed']).toHaveLength(100);
  });

  it('a seed of more nodes than a person would list', () => {
    expect(derived(large.secretInputs(900, 1, () => 7))['seed']).toHaveLength(900);
  });
});

it.each([
  [1, 2001, 'The input input-0 of the workflow has more than 2000 targets.'],
  [11, 2000, 'The inputs of the workflow have more than 20000 targets.'],
])('a client’s graph with %s files for %s nodes each is refused', (files, count, message) => {
  const graph = readGraph(JSON.stringify({ out: save(['1', 0]), '1': loadImage() }));
  const targets = Array.from({ length: count }, () => ({ node: '1', field: 'image' }));
  const inputs = Array.from({ length: files }, (_, n) => [`input-${n}`, { kind: 'file', targets }] as const);
  const outputs = new Map([['image', { node: 'out' }]]);
  expect(() => checkManifest(graph, { inputs: new Map(inputs), outputs })).toThrow(message);
});

it('a file may be for many nodes of a client’s graph, and other servers can read it', () => {
  const loaders = Array.from({ length: 500 }, (_, n) => [`load-${n}`, loadImage()]);
  const graph = readGraph(JSON.stringify({ ...Object.fromEntries(loaders), out: save(['load-0', 0]) }));
  const places = loaders.map(([id]) => ({ node: String(id), field: 'image' }));
  const { workflow, fileNames } = graphWorkflow(graph, [places]);
  expect(fileNames).toEqual(['file']);
  expect(readWorkflow(writeWorkflow(workflow)).manifest).toEqual(workflow.manifest);
});

it('an asset may be referred to from many places', () => {
  const reference = { __type: 'core/ASSET', info: { id: 'a' } };
  const inputs = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [n, reference]));
  const nodes = Array.from({ length: 120 }, (_, n) => [n, node('Many', inputs)]);
  const [file, ...others] = assetReferences(readGraph(JSON.stringify(Object.fromEntries(nodes))));
  expect([file?.places.length, others]).toEqual([120_000, []]);
});

describe('a client’s graph', () => {
  const read = (outputs: number) => readGraph(JSON.stringify(large.linkedOutputs(outputs, 900, 3)));

  it('may have as many outputs as a job may have results, and other servers can read it', () => {
    const { workflow } = graphWorkflow(read(1000), []);
    expect(workflow.manifest.outputs.size).toBe(1000);
    expect(readWorkflow(writeWorkflow(workflow)).manifest.outputs).toEqual(workflow.manifest.outputs);
  });

  it('with more is refused', () => {
    expect(() => graphWorkflow(read(1001), [])).toThrow('more than 1000 nodes that save or show something');
  });
});
