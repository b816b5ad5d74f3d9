import { type GraphNode, type GraphValue, linkOf, type PromptGraph } from '../../workflows/graph.js';

interface OwnedGraph {
  readonly graph: PromptGraph;
  /** Ids of the output nodes in this graph, in the order of those that were given. */
  readonly outputNodes: readonly string[];
}

/** Name of the input that marks an output node. */
const MARK_INPUT = 'job';

const OWN_SUFFIX = /-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A node's id as the workflow has it. */
export function workflowNodeId(id: string): string {
  return id.replace(OWN_SUFFIX, '');
}

/**
 * Makes sure that a prompt's output files are its own. Two things make it so, for each output node:
 * - an input that the node does not declare. ComfyUI ignores it, except that it becomes part of the node's cache signature:
 *   the node runs anew and writes a new file, while all nodes before it may come from the cache. It also stands in the
 *   PNG's `prompt` chunk, by which the file can be recognised.
 * - an id of its own. ComfyUI makes a new node object for it, and `PreviewImage` chooses random letters for its file names
 *   for each object. Numbers alone are given again once files are deleted.
 * Nodes that read from an output node, such as from a preview that hands its image on, read from it under its new id.
 * @param mark a UUID, unique for this attempt
 * @throws Error when the graph lacks one of the nodes
 */
export function ownOutputs(graph: PromptGraph, outputNodes: readonly string[], mark: string): OwnedGraph {
  const ids = new Map(outputNodes.map((id) => [id, `${id}-${mark}`]));
  const missing = outputNodes.find((id) => !graph.has(id));
  if (missing !== undefined) throw new Error(`The workflow has no node ${missing}.`);
  const owned = new Map<string, GraphNode>();
  for (const [id, node] of graph) {
    const ownId = ids.get(id);
    const linked = withLinks(node, ids);
    owned.set(ownId ?? id, ownId === undefined ? linked : marked(linked, mark));
  }
  return { graph: owned, outputNodes: [...ids.values()] };
}

/** The node with links to the new ids; the same node where it links to none of them. */
function withLinks(node: GraphNode, ids: ReadonlyMap<string, string>): GraphNode {
  const changed: [string, GraphValue][] = [];
  for (const [name, value] of node.inputs) {
    const link = linkOf(value);
    const id = link && ids.get(link[0]);
    if (link && id !== undefined) changed.push([name, [id, link[1]]]);
  }
  return changed.length === 0 ? node : { ...node, inputs: new Map([...node.inputs, ...changed]) };
}

function marked(node: GraphNode, mark: string): GraphNode {
  let name = MARK_INPUT;
  while (node.inputs.has(name)) name += '_';
  return { ...node, inputs: new Map([...node.inputs, [name, mark]]) };
}
