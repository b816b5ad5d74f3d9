import type { GraphNode, PromptGraph } from '../../workflows/graph.js';

/** Name of the input that tells contents of uploaded files apart. */
const CONTENT_INPUT = 'comfyui_express_content';

/**
 * Adds an input that the node must not declare: its name should be one that no node would choose. ComfyUI ignores
 * it, except that it becomes part of the node's cache signature.
 * @param name gets a suffix if the node has such an input
 */
export function withUndeclared(node: GraphNode, name: string, value: string): GraphNode {
  let free = name;
  while (node.inputs.has(free)) free += '_';
  return { ...node, inputs: new Map([...node.inputs, [free, value]]) };
}

/** ComfyUI's own loaders that hash the whole file in `IS_CHANGED`, so that its content is part of the cache signature. */
const HASH_THEIR_FILE: ReadonlySet<string> = new Set(['LoadImage', 'LoadImageMask']);

/**
 * Makes ComfyUI read each uploaded file again if it has another content than before. Names of uploads are reused, and for a
 * loader without `IS_CHANGED` only the name counts: ComfyUI would serve the result of an earlier file from its cache. For an
 * equal file it still may.
 * @param contents returns different texts for different contents, by uploaded file
 */
export function withContents(graph: PromptGraph, contents: ReadonlyMap<unknown, () => string>): PromptGraph {
  if (contents.size === 0) return graph;
  const marked = ([id, node]: [string, GraphNode]): [string, GraphNode] => {
    if (HASH_THEIR_FILE.has(node.classType)) return [id, node];
    const told = [...node.inputs.values()].flatMap((value) => contents.get(value)?.() ?? []);
    return [id, told.length === 0 ? node : withUndeclared(node, CONTENT_INPUT, told.join(' '))];
  };
  return new Map([...graph].map(marked));
}
