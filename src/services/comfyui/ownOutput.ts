import type { PromptGraph } from '../../workflows/types.js';

interface OwnedGraph {
  readonly graph: PromptGraph;
  readonly outputNode: string;
}

const OWN_SUFFIX = /-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A node's id as the workflow has it. */
export function workflowNodeId(id: string): string {
  return id.replace(OWN_SUFFIX, '');
}

/**
 * Makes sure that a prompt's output file is its own. Two things make it so:
 * - an input that the node does not declare. ComfyUI ignores it, except that it becomes part of the node's cache signature:
 *   the node runs anew and writes a new file, while all nodes before it may come from the cache. It also stands in the
 *   PNG's `prompt` chunk, by which the file can be recognised.
 * - an id of its own. ComfyUI makes a new node object for it, and `PreviewImage` chooses random letters for its file names
 *   for each object. Numbers alone are given again once files are deleted.
 * @param mark a UUID, unique for this attempt
 */
export function ownOutput(graph: PromptGraph, outputNode: string, mark: string): OwnedGraph {
  const { [outputNode]: output, ...others } = graph;
  if (!output) throw new Error(`The workflow has no node ${outputNode}.`);
  const id = `${outputNode}-${mark}`;
  const owned = { ...output, inputs: { ...output.inputs, job: mark } };
  return { graph: { ...others, [id]: owned }, outputNode: id };
}
