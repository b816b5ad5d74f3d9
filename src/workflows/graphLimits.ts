/** Limits of graphs, whichever way they arrive: the work on a graph grows with them, and every server must accept what another one stored. */

/** Maximum nodes of a graph. The largest in use have about 100. */
export const MAX_NODES = 2000;
/** Maximum files and texts that a job may have as its results, and so the maximum of nodes that make them. */
export const MAX_RESULTS = 1000;
/** Maximum inputs of a node. */
const MAX_INPUTS = 1000;
/** Maximum characters of a node id, a class, and the name of an input. */
export const MAX_NAME_LENGTH = 200;

/** The limit that a node exceeds, as the end of a sentence about the node; undefined if none. */
export function limitProblem(
  id: string,
  classType: string,
  inputs: ReadonlyMap<string, unknown>,
): string | undefined {
  if (id.length > MAX_NAME_LENGTH) return `has an id of more than ${MAX_NAME_LENGTH} characters`;
  if (classType.length > MAX_NAME_LENGTH)
    return `has a class_type of more than ${MAX_NAME_LENGTH} characters`;
  if (inputs.size > MAX_INPUTS) return `has more than ${MAX_INPUTS} inputs`;
  for (const name of inputs.keys()) {
    if (name.length > MAX_NAME_LENGTH)
      return `has an input whose name has more than ${MAX_NAME_LENGTH} characters`;
  }
  return undefined;
}
