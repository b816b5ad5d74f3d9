import { posix } from 'node:path';
import { type GraphNode, type GraphValue, linkOf, type PromptGraph } from '../../workflows/graph.js';
import { withUndeclared } from './undeclaredInputs.js';

interface OwnedGraph {
  readonly graph: PromptGraph;
  /** Ids of the output nodes in this graph, in the given order. */
  readonly outputNodes: readonly string[];
}

/** Name of the input that marks an output node. Some nodes have an input `job`. */
export const MARK_INPUT = 'comfyui_express_job';

/** Name of the input with the prefix of output file names. */
const PREFIX_INPUT = 'filename_prefix';

/** ComfyUI's nodes whose only output is the text of their input `value`. */
const TEXT_NODES: ReadonlySet<string> = new Set(['PrimitiveString', 'PrimitiveStringMultiline']);

/** Most bytes of a file name before the mark: file systems allow 255, of which mark, number and extension take up to 55. */
const MAX_NAME_BYTES = 200;

const OWN_SUFFIX = /-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The node's id in the workflow. */
export function workflowNodeId(id: string): string {
  return id.replace(OWN_SUFFIX, '');
}

/** The mark in the id of an output node in a prompt; undefined if it has none. */
export function markOf(id: string): string | undefined {
  return OWN_SUFFIX.exec(id)?.[0].slice(1);
}

/**
 * The file name that the workflow's own node would have chosen. A client's own prefix may contain a UUID as well.
 * @param nodeId of the output node in the prompt
 */
export function workflowFilename(filename: string, nodeId: string): string {
  const mark = markOf(nodeId);
  return mark === undefined ? filename : filename.replace(`-${mark}`, '');
}

/**
 * Makes a prompt's output files unique, in three ways for each output node:
 * - an input that the node does not declare. ComfyUI ignores it, except that it becomes part of the node's cache
 * signature: the node runs again and writes a new file, while all nodes before it may come from the cache. It is also
 * part of the PNG's `prompt` chunk, which identifies the file.
 * - a unique id. ComfyUI creates a new node object for it, and `PreviewImage` chooses random letters for its file
 * names per object. Numbers alone are reused after files are deleted.
 * - unique file names, if the node has a `filename_prefix`: machines that share a folder choose the same number for
 * files that they write at the same time. The text of a linked text node is used as well; that of other links is
 * unknown. Nodes that read from an output node, such as a preview that passes its image on, read from its new id.
 * @param mark a UUID, unique for this attempt
 * @throws Error if the graph lacks one of the nodes
 */
export function ownOutputs(graph: PromptGraph, outputNodes: readonly string[], mark: string): OwnedGraph {
  const ids = new Map(outputNodes.map((id) => [id, `${id}-${mark}`]));
  const missing = outputNodes.find((id) => !graph.has(id));
  if (missing !== undefined) throw new Error(`The workflow has no node ${missing}.`);
  const owned = new Map<string, GraphNode>();
  for (const [id, node] of graph) {
    const ownId = ids.get(id);
    const linked = withLinks(node, ids);
    owned.set(ownId ?? id, ownId === undefined ? linked : marked(linked, graph, mark));
  }
  return { graph: owned, outputNodes: [...ids.values()] };
}

/** The node with links to the new ids; the same node if it has none. */
function withLinks(node: GraphNode, ids: ReadonlyMap<string, string>): GraphNode {
  const changed: [string, GraphValue][] = [];
  for (const [name, value] of node.inputs) {
    const link = linkOf(value);
    const id = link && ids.get(link[0]);
    if (link && id !== undefined) changed.push([name, [id, link[1]]]);
  }
  return changed.length === 0 ? node : { ...node, inputs: new Map([...node.inputs, ...changed]) };
}

function marked(node: GraphNode, graph: PromptGraph, mark: string): GraphNode {
  const own = withUndeclared(node, MARK_INPUT, mark);
  const prefix = prefixOf(own, graph);
  if (prefix === undefined) return own;
  return { ...own, inputs: new Map([...own.inputs, [PREFIX_INPUT, `${servedPrefix(prefix)}-${mark}`]]) };
}

/** The prefix of a node's file names; undefined if it has none, or one that only the execution tells. */
function prefixOf(node: GraphNode, graph: PromptGraph): string | undefined {
  const value = node.inputs.get(PREFIX_INPUT);
  const link = linkOf(value);
  const source = link && graph.get(link[0]);
  const text = source && TEXT_NODES.has(source.classType) ? source.inputs.get('value') : value;
  return typeof text === 'string' ? text : undefined;
}

/**
 * The prefix with a file name that ComfyUI can write and serve: it does not serve names with two dots in a row, and the mark must
 * not make the name too long for the file system.
 */
function servedPrefix(text: string): string {
  // ComfyUI normalizes the path: the last part of `folder/name/` is the file name.
  const prefix = /\/\.?$/.test(text) ? posix.normalize(text).replace(/(?<=.)\/$/, '') : text;
  const at = prefix.lastIndexOf('/') + 1;
  let name = '';
  let left = MAX_NAME_BYTES;
  for (const letter of prefix.slice(at).replace(/\.{2,}/g, '.')) {
    left -= Buffer.byteLength(letter);
    if (left < 0) break;
    name += letter;
  }
  return `${prefix.slice(0, at)}${name}`;
}
