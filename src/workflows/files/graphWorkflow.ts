import type { PromptGraph } from '../graph.js';
import { GRAPH_TYPE } from '../graphNeeds.js';
import { checkLinks } from './checkManifest.js';
import { nameOutputs } from './deriveManifest.js';
import { type FileWorkflow, fileWorkflow } from './fileWorkflow.js';
import { GraphView } from './GraphView.js';
import { MAX_OUTPUTS, type ManifestInput, type Target } from './manifest.js';
import { type NodeLookup, noNodeInfo } from './nodeInfo.js';
import { findAllOutputs } from './outputs.js';
import { invalidWorkflow } from './workflowError.js';

/** A workflow for one job, and the input names of its files: one for each list of places, in order. */
interface GraphWorkflow {
  readonly workflow: FileWorkflow;
  readonly fileNames: readonly string[];
}

/**
 * Creates a workflow from a graph that a client sent with its job. The graph runs unchanged, except for the places of files. All
 * nodes that save or show something are outputs.
 * @param places for each file, the inputs of nodes that take it
 * @param infoOf what the machines report about their classes: identifies the output nodes of any pack
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
  const fileNames = places.map((targets, n) => {
    const name = n === 0 ? 'file' : `file_${n + 1}`;
    inputs.set(name, { kind: 'file', targets });
    return name;
  });
  const outputs = nameOutputs(view, found);
  return { workflow: fileWorkflow(GRAPH_TYPE, graph, { inputs, outputs }), fileNames };
}
