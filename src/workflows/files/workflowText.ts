/** A workflow of a file as one text, for other servers: its graph with exact numbers and keys in order, and its manifest. */
import {
  isJsonObject,
  type Json,
  jsonOf,
  parseJson,
  plainJson,
  stringifyJson,
} from '../../utils/losslessJson.js';
import { graphJson } from '../graph.js';
import { type FileWorkflow, fileWorkflow } from './fileWorkflow.js';
import { manifestDocument } from './manifestText.js';
import { parseManifest } from './parseManifest.js';
import { MAX_GRAPH_DEPTH, readGraph } from './readGraph.js';
import { invalidWorkflow } from './workflowError.js';

/** What machines added to the workflow is left out: whoever runs it needs no choices and descriptions. */
export function writeWorkflow({ type, graph, manifest }: FileWorkflow): string {
  const noFile = () => {
    throw new TypeError('The graph of a workflow holds no files.');
  };
  return stringifyJson(
    new Map<string, Json>([
      ['type', type],
      ['graph', graphJson(graph, noFile)],
      ['manifest', jsonOf(manifestDocument(manifest))],
    ]),
  );
}

/**
 * Makes the workflow again that `writeWorkflow` wrote.
 * @throws AppError `INVALID_WORKFLOW`, SyntaxError
 */
export function readWorkflow(text: string): FileWorkflow {
  // What holds the graph is one more level.
  const json = parseJson(text, { maxDepth: MAX_GRAPH_DEPTH + 1 });
  const parts = isJsonObject(json) ? json : new Map<string, Json>();
  const type = parts.get('type');
  const graph = parts.get('graph');
  if (typeof type !== 'string' || graph === undefined) throw invalidWorkflow('The text is no workflow.');
  return fileWorkflow(type, readGraph(graph), parseManifest(plainJson(parts.get('manifest') ?? null)));
}
