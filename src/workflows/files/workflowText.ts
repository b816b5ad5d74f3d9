/** A file workflow as one text, for other servers: its graph with exact numbers and key order, and its manifest. */
import {
  isJsonObject,
  type Json,
  jsonOf,
  parseJson,
  plainJson,
  stringifyJson,
  type WritableJson,
} from '../../utils/losslessJson.js';
import { packEntries } from '../../utils/PackedJson.js';
import { graphJson, type PromptGraph } from '../graph.js';
import { type FileWorkflow, fileWorkflow } from './fileWorkflow.js';
import { manifestDocument } from './manifestDocument.js';
import { parseManifest } from './parseManifest.js';
import { GRAPH_BODY_LIMITS, readGraph } from './readGraph.js';
import { invalidWorkflow } from './workflowError.js';

/** Serialises a graph, and what is sent to ComfyUI with it. */
export function graphText(graph: PromptGraph, extraData: ReadonlyMap<string, Json>): string {
  return stringifyJson([graphJson(graph, noFile), extraData]);
}

/** Serialises a workflow, without what machines added: a server needs no choices and descriptions to run it. */
export function writeWorkflow({ type, graph, manifest, extraData }: FileWorkflow): string {
  return stringifyJson(
    new Map<string, WritableJson>([
      ['type', type],
      ['graph', graphJson(graph, noFile)],
      ['manifest', jsonOf(manifestDocument(manifest))],
      ...(extraData ? [['extra_data', extraData] as const] : []),
    ]),
  );
}

/**
 * Parses the output of `writeWorkflow`.
 * @throws AppError `INVALID_WORKFLOW`, SyntaxError
 */
export function readWorkflow(text: string): FileWorkflow {
  // The wrapper of the graph adds one level.
  const json = parseJson(text, { maxDepth: GRAPH_BODY_LIMITS.maxDepth });
  const parts = isJsonObject(json) ? json : new Map<string, Json>();
  const type = parts.get('type');
  const graph = parts.get('graph');
  if (typeof type !== 'string' || graph === undefined) throw invalidWorkflow('The text is not a workflow.');
  const extraData = parts.get('extra_data');
  const workflow = fileWorkflow(
    type,
    readGraph(graph),
    parseManifest(plainJson(parts.get('manifest') ?? null)),
  );
  return isJsonObject(extraData) ? { ...workflow, extraData: packEntries(extraData) } : workflow;
}

function noFile(): never {
  throw new TypeError('The graph of a workflow holds no files.');
}
