import type { PromptGraph } from '../graph.js';
import { GRAPH_TYPE } from '../graphNeeds.js';
import { checkLinks } from './checkManifest.js';
import { nameOutputs } from './deriveManifest.js';
import { type FileWorkflow, fileWorkflow } from './fileWorkflow.js';
import { GraphView } from './GraphView.js';
import { freeName } from './inputNames.js';
import type { ManifestInput, Target } from './manifest.js';
import { type NodeLookup, noNodeInfo } from './nodeInfo.js';
import { findAllOutputs } from './outputs.js';
import { MAX_OUTPUTS } from './parseManifest.js';
import { invalidWorkflow } from './workflowError.js';

/** A workflow for one job, and the names that its files have in it: one for each list of places, in their order. */
interface GraphWorkflow {
  readonly workflow: FileWorkflow;
  readonly fileNames: readonly string[];
}

/**
 * Makes a workflow of a graph that a client sent along with its job. The graph is run as it is, but for the places of files.
 * Everything that it saves or shows is an output.
 * @param places for each file, the inputs of nodes that take it
 * @param infoOf what the machines say of their classes: with it, the output nodes of any pack are known
 * @throws AppError `INVALID_WORKFLOW`, with details by node
 */
export function graphWorkflow(
  graph: PromptGraph,
  places: readonly (readonly Target[])[],
  infoOf: NodeLookup = noNodeInfo,
): GraphWorkflow {
  const view = new GraphView(graph, infoOf);
  const found = findAllOutputs(view);
  if (found.length === 0) {
    throw invalidWorkflow('The graph has no node that is known to save or show a result.');
  }
  if (found.length > MAX_OUTPUTS) {
    throw invalidWorkflow(`The graph has more than ${MAX_OUTPUTS} nodes that save or show something.`);
  }
  checkLinks(
    graph,
    found.map(({ id }) => id),
  );
  const inputs = new Map<string, ManifestInput>();
  const fileNames = places.map((targets) => {
    const name = freeName('file', (one) => inputs.has(one));
    inputs.set(name, { kind: 'file', targets });
    return name;
  });
  const outputs = nameOutputs(view, found);
  return { workflow: fileWorkflow(GRAPH_TYPE, graph, { inputs, outputs }), fileNames };
}
