import { type GraphNode, linkOf, type PromptGraph } from '../graph.js';
import { linksOf, neededBy } from './GraphView.js';
import { isFileKind } from './inputKinds.js';
import { MAX_ALL_TARGETS, MAX_TARGETS, type Manifest, type ManifestInput } from './manifest.js';
import { isSender } from './outputs.js';
import { invalidWorkflow, listOf, type NodeProblem, quoted } from './workflowError.js';

/** Maximum number of file inputs of a workflow. */
const MAX_FILES = 20;

/**
 * Checks that a manifest matches its graph: its nodes and fields exist, and so do all nodes that its outputs depend on.
 * The message blames the manifest only for its own problems, because a graph without one has a derived manifest.
 * @throws AppError `INVALID_WORKFLOW`, with details by node
 */
export function checkManifest(graph: PromptGraph, manifest: Manifest): void {
  checkNumbers(manifest);
  const inputsOf = inputLists();
  const problems = [
    ...[...manifest.inputs].flatMap(([name, input]) => inputProblems(graph, name, input, inputsOf)),
    ...sharedTargets(manifest),
    ...outputProblems(graph, manifest),
  ];
  const outputNodes = [...manifest.outputs.values()].map(({ node }) => node);
  throwIfAny(problems, brokenLinks(graph, outputNodes));
  const files = [...manifest.inputs.values()].filter(({ kind }) => isFileKind(kind)).length;
  if (files > MAX_FILES) throw invalidWorkflow(`The workflow has more than ${MAX_FILES} file inputs.`);
}

/**
 * Checks that a job can have a result: at least one output is not only sent over a WebSocket.
 * @param manifest one that matches the graph
 * @throws AppError `INVALID_WORKFLOW`, with details by node
 */
export function checkResults(graph: PromptGraph, { outputs }: Manifest): void {
  const nodes = [...outputs.values()].map(({ node: id }) => ({ id, node: graph.get(id) }));
  const senders = nodes.flatMap(({ id, node }): NodeProblem[] =>
    node && isSender(node)
      ? [{ node_id: id, class_type: node.classType, message: 'sends its result only over a WebSocket' }]
      : [],
  );
  if (senders.length < nodes.length) return;
  throw invalidWorkflow(
    `Jobs would have no result: ${sentencesOf(senders)}. Save or preview it, for example with SaveImage.`,
    { nodes: senders },
  );
}

/** Derived manifests and those of clients' graphs have the limits of all others, because other servers read them. */
function checkNumbers({ inputs }: Manifest): void {
  let sum = 0;
  for (const [name, { targets }] of inputs) {
    sum += targets.length;
    if (targets.length > MAX_TARGETS)
      throw invalidWorkflow(`The input ${name} of the workflow has more than ${MAX_TARGETS} targets.`);
  }
  if (sum > MAX_ALL_TARGETS)
    throw invalidWorkflow(`The inputs of the workflow have more than ${MAX_ALL_TARGETS} targets.`);
}

/** Returns the words for the inputs that a node has. Many targets may be missing at the same node. */
function inputLists(): (node: GraphNode) => string {
  const known = new Map<GraphNode, string>();
  return (node) => {
    const names = known.get(node) ?? [...node.inputs.keys()].slice(0, 20).map(quoted).join(', ');
    known.set(node, names);
    return names === '' ? 'and no others' : `only ${names}`;
  };
}

function inputProblems(
  graph: PromptGraph,
  name: string,
  { kind, targets }: ManifestInput,
  inputsOf: (node: GraphNode) => string,
): NodeProblem[] {
  return targets.flatMap(({ node: id, field }): NodeProblem[] => {
    const node = graph.get(id);
    const problem = (message: string) => [
      { node_id: id, ...(node && { class_type: node.classType }), message: `${message} (input ${name})` },
    ];
    if (node === undefined) return problem('is not in the graph');
    if (!node.inputs.has(field)) return problem(`has no input ${quoted(field)}, ${inputsOf(node)}`);
    const isLinked = isFileKind(kind) && linkOf(node.inputs.get(field)) !== undefined;
    return isLinked ? problem(`gets its input ${quoted(field)} from another node`) : [];
  });
}

/** Fields that are the target of two inputs. */
function sharedTargets({ inputs }: Manifest): NodeProblem[] {
  const owners = new Map<string, string>();
  return [...inputs].flatMap(([name, { targets }]) =>
    targets.flatMap(({ node, field }): NodeProblem[] => {
      const key = JSON.stringify([node, field]);
      const owner = owners.get(key);
      owners.set(key, name);
      if (owner === undefined) return [];
      return [
        { node_id: node, message: `has an input ${quoted(field)} that is listed twice (${owner}, ${name})` },
      ];
    }),
  );
}

function outputProblems(graph: PromptGraph, { outputs }: Manifest): NodeProblem[] {
  const seen = new Set<string>();
  return [...outputs].flatMap(([name, { node }]): NodeProblem[] => {
    const isTwice = seen.has(node);
    seen.add(node);
    if (!graph.has(node)) return [{ node_id: node, message: `is not in the graph (output ${name})` }];
    return isTwice ? [{ node_id: node, message: `is listed twice (output ${name})` }] : [];
  });
}

/**
 * Checks that all nodes that the outputs depend on exist.
 * @throws AppError `INVALID_WORKFLOW`, with details by node
 */
export function checkLinks(graph: PromptGraph, outputNodes: readonly string[]): void {
  throwIfAny([], brokenLinks(graph, outputNodes));
}

/** Throws one error with the problems of the manifest and with those of the graph. */
function throwIfAny(manifest: readonly NodeProblem[], graph: readonly NodeProblem[]): void {
  const nodes = [...manifest, ...graph];
  if (nodes.length === 0) return;
  const sentences = [
    ...(manifest.length > 0 ? [`The manifest does not match the graph: ${sentencesOf(manifest)}.`] : []),
    ...(graph.length > 0 ? [`The graph is not complete: ${sentencesOf(graph)}.`] : []),
  ];
  throw invalidWorkflow(sentences.join(' '), { nodes });
}

function sentencesOf(problems: readonly NodeProblem[]): string {
  return listOf(problems.map(({ node_id, message }) => `node ${quoted(node_id)} ${message}`));
}

/** Links to missing nodes. They do not matter if no output depends on them. */
function brokenLinks(graph: PromptGraph, outputNodes: readonly string[]): NodeProblem[] {
  const needed = neededBy(graph, outputNodes);
  return [...needed].flatMap((id) => {
    const node = graph.get(id);
    if (node === undefined) return [];
    return linksOf(node)
      .filter(([, [source]]) => !graph.has(source))
      .map(([field, [source]]) => ({
        node_id: id,
        class_type: node.classType,
        message: `gets its input ${quoted(field)} from node ${quoted(source)}, which is not in the graph`,
      }));
  });
}
