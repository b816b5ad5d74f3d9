import { AppError } from '../../errors.js';
import { isJsonObject, type Json, parseJson } from '../../utils/losslessJson.js';
import type { GraphNode, PromptGraph } from '../graph.js';
import { limitProblem, MAX_NAME_LENGTH, MAX_NODES } from '../graphLimits.js';
import { invalidWorkflow, type NodeProblem } from './workflowError.js';

/** Maximum characters of a graph. The largest in use have about 100,000. */
export const MAX_GRAPH_LENGTH = 8 * 1024 * 1024;
/** Of the JSON of a graph, including wrappers. */
const GRAPH_LIMITS = { maxDepth: 64, maxValues: 1_000_000 };
/** Of a body with a graph in it. */
export const GRAPH_BODY_LIMITS = { ...GRAPH_LIMITS, maxDepth: GRAPH_LIMITS.maxDepth + 1 };
const MAX_WRAPPERS = 4;

/** Keys under which programs wrap a graph. `output` is the name in ComfyUI's editor. */
const WRAPPERS = ['prompt', 'input', 'workflow', 'output', 'graph'];

type JsonObject = ReadonlyMap<string, Json>;

/**
 * Reads a graph as ComfyUI's "Export (API)" writes it, bare or in a common wrapper. Top-level keys that are not
 * nodes, such as `_comment`, are dropped. Ids, names, values and their order stay unchanged.
 * @param source text of the file, or parsed JSON
 * @throws AppError `INVALID_WORKFLOW`, with details by node; `WORKFLOW_FORMAT_UI` for the format of ComfyUI's editor
 */
export function readGraph(source: string | Json): PromptGraph {
  const json = typeof source === 'string' ? parse(source) : source;
  const entries = unwrap(json);
  const nodes = new Map<string, GraphNode>();
  const problems: NodeProblem[] = [];
  for (const [id, value] of entries) {
    if (!isJsonObject(value) || !(value.has('class_type') || value.has('inputs'))) continue;
    const message = nodeProblem(id, value);
    if (message === undefined) nodes.set(id, readNode(value));
    else problems.push({ node_id: id.slice(0, MAX_NAME_LENGTH), ...classOf(value), message });
  }
  if (problems.length > 0) {
    const [first] = problems;
    throw invalidWorkflow(`The graph has invalid nodes: node ${first?.node_id} ${first?.message}.`, {
      nodes: problems,
    });
  }
  if (nodes.size === 0) throw invalidWorkflow('The graph has no nodes.');
  if (nodes.size > MAX_NODES) throw invalidWorkflow(`The graph has more than ${MAX_NODES} nodes.`);
  return nodes;
}

function parse(text: string): Json {
  if (text.length > MAX_GRAPH_LENGTH)
    throw invalidWorkflow(`The graph has more than ${MAX_GRAPH_LENGTH} characters.`);
  try {
    return parseJson(text.replace(/^\uFEFF/, ''), GRAPH_LIMITS);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidWorkflow(`The graph is not valid JSON. ${error.message}.`);
    throw error;
  }
}

/** The object with the nodes. */
function unwrap(json: Json): JsonObject {
  let value = json;
  for (let wrapper = 0; wrapper <= MAX_WRAPPERS; wrapper += 1) {
    if (!isJsonObject(value)) break;
    if ([...value.values()].some(isNode)) return value;
    if (isInterfaceFormat(value)) throw interfaceFormat();
    const inner: Json | undefined = innerOf(value);
    if (inner === undefined) return value;
    value = inner;
  }
  throw invalidWorkflow('The graph is not an object of nodes.');
}

/** The content of a wrapper. A graph takes precedence over one in the format of ComfyUI's editor. */
function innerOf(wrapper: JsonObject): Json | undefined {
  const candidates = WRAPPERS.map((key) => wrapper.get(key)).filter(isJsonObject);
  return candidates.find((candidate) => !isInterfaceFormat(candidate)) ?? candidates[0];
}

function isNode(value: Json): boolean {
  return isJsonObject(value) && value.has('class_type');
}

/** ComfyUI's editor saves lists of nodes and links, with positions on the screen. */
function isInterfaceFormat(value: JsonObject): boolean {
  return Array.isArray(value.get('nodes')) && (value.has('links') || value.has('last_node_id'));
}

function interfaceFormat(): AppError {
  return new AppError(
    'WORKFLOW_FORMAT_UI',
    'This is the format of ComfyUI\'s editor. Use "Export (API)" in its menu instead.',
  );
}

/** The problem with a node, as the end of a sentence. */
function nodeProblem(id: string, node: JsonObject): string | undefined {
  const classType = node.get('class_type');
  const inputs = node.get('inputs') ?? new Map();
  if (classType === undefined) return 'has no class_type';
  if (typeof classType !== 'string' || classType === '') return 'has a class_type that is not a string';
  if (!isJsonObject(inputs)) return 'has inputs that are not an object';
  return limitProblem(id, classType, inputs);
}

function classOf(node: JsonObject): { class_type?: string } {
  const classType = node.get('class_type');
  return typeof classType === 'string' ? { class_type: classType.slice(0, MAX_NAME_LENGTH) } : {};
}

function readNode(node: JsonObject): GraphNode {
  const inputs = node.get('inputs');
  const others = new Map([...node].filter(([key]) => key !== 'class_type' && key !== 'inputs'));
  return {
    classType: String(node.get('class_type')),
    inputs: isJsonObject(inputs) ? inputs : new Map(),
    ...(others.size > 0 && { others }),
  };
}
