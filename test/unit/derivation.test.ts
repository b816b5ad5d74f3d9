import { describe, expect, it } from 'vitest';
import { deriveManifest } from '../../src/workflows/files/deriveManifest.js';
import { fileWorkflow } from '../../src/workflows/files/fileWorkflow.js';
import type { Manifest } from '../../src/workflows/files/manifest.js';
import { readManifest, writeManifest } from '../../src/workflows/files/manifestText.js';
import { readGraph } from '../../src/workflows/files/readGraph.js';
import { type DerivationCase, derivationCases } from '../graphs/derivation.js';

const graphOfFile = ({ file }: Pick<DerivationCase, 'file'>) =>
  readGraph(typeof file === 'string' ? file : JSON.stringify(file));

/** The manifest in the short form of the table, in order. */
function inShort({ inputs, outputs }: Manifest) {
  return {
    inputs: [...inputs].map(([name, { kind, required, targets }]) => [
      name,
      `${kind}${required === true ? '!' : ''} ${targets.map(({ node, field }) => `${node}.${field}`).join(' + ')}`,
    ]),
    outputs: [...outputs].map(([name, { node }]) => [name, node]),
  };
}

describe('a derived manifest', () => {
  it.each(derivationCases)('of $name', (one) => {
    const graph = graphOfFile(one);
    const manifest = deriveManifest(graph);
    expect(inShort(manifest)).toEqual({
      inputs: Object.entries(one.inputs),
      outputs: Object.entries(one.outputs),
    });
    // The command prints it as YAML, and the server can load the result.
    const printed = readManifest(writeManifest(manifest));
    expect(inShort(printed)).toEqual(inShort(manifest));
    expect(fileWorkflow('flow', graph, printed).requires.nodes.length).toBeGreaterThan(0);
  });
});
