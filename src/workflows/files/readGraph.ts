import { AppError } from '../../errors.js';
import { isJsonObject, type Json, parseJson } from '../../utils/losslessJson.js';
import type { GraphNode, PromptGraph } from '../graph.js';
import { invalidWorkflow, type NodeProblem } from './workflowError.js';

/** A graph's text, in characters. The largest that are in use have some 100,000. */
export const MAX_GRAPH_LENGTH = 8 * 1024 * 1024;
/** Levels of arrays and objects in a graph's text, wrappers included. */
export const MAX_GRAPH_DEPTH = 64;
const MAX_NODES = 2000;
const MAX_INPUTS = 1000;
/** Characters of a node's id, its class, and the name of an input. */
const MAX_NAME_LENGTH = 200;
const MAX_WRAPPERS = 4;

/** Keys under which programs wrap a graph. `output` is what ComfyUI's interface itself calls it. */
const WRAPPERS = ['prompt', 'input', 'workflow', 'output', 'graph'];

type JsonObject = ReadonlyMap<string, Json>;

/**
 * Reads a graph as ComfyUI's "Export (API)" writes it, bare or in one of the usual wrappers. Keys at the top that are
 * no nodes, such as `_comment`, are left out. Ids, names, values and their order stay as they are.
 * @param source the file's text, or JSON that was read already
 * @throws AppError `INVALID_WORKFLOW`, with details by node; `WORKFLOW_FORMAT_UI` for the interface's own format
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
    throw invalidWorkflow(
      `The graph has nodes that cannot be read: node ${first?.node_id} ${first?.message}.`,
      {
        nodes: problems,
      },
    );
  }
  if (nodes.size === 0) throw invalidWorkflow('The graph has no nodes.');
  if (nodes.size > MAX_NODES) throw invalidWorkflow(`The graph has more than ${MAX_NODES} nodes.`);
  return nodes;
}

function parse(text: string): Json {
  if (text.length > MAX_GRAPH_LENGTH)
    throw invalidWorkflow(`The graph has more than ${MAX_GRAPH_LENGTH} characters.`);
  try {
    return parseJson(text.replace(/^\uFEFF/, ''), { maxDepth: MAX_GRAPH_DEPTH });
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidWorkflow(`The graph is no valid JSON. ${error.message}.`);
    throw error;
  }
}

/** The object that holds the nodes. */
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
  throw invalidWorkflow('The graph is no object of nodes.');
}

/** What a wrapper holds. Of several things in it, a graph goes before a graph in the interface's own format. */
function innerOf(wrapper: JsonObject): Json | undefined {
  const candidates = WRAPPERS.map((key) => wrapper.get(key)).filter(isJsonObject);
  return candidates.find((candidate) => !isInterfaceFormat(candidate)) ?? candidates[0];
}

function isNode(value: Json): boolean {
  return isJsonObject(value) && value.has('class_type');
}

/** ComfyUI's interface saves lists of nodes and links, with the places of boxes on the screen. */
function isInterfaceFormat(value: JsonObject): boolean {
  return Array.isArray(value.get('nodes')) && (value.has('links') || value.has('last_node_id'));
}

function interfaceFormat(): AppError {
  return new AppError(
    'WORKFLOW_FORMAT_UI',
    'This is the format in which ComfyUI\'s interface saves a workflow. Use "Export (API)" in its menu instead.',
  );
}

/** What is wrong with a node, as the end of a sentence. */
function nodeProblem(id: string, node: JsonObject): string | undefined {
  const classType = node.get('class_type');
  const inputs = node.get('inputs') ?? new Map();
  if (id.length > MAX_NAME_LENGTH) return `has an id of more than ${MAX_NAME_LENGTH} characters`;
  if (classType === undefined) return 'has no class_type';
  if (typeof classType !== 'string' || classType === '') return 'has a class_type that is no text';
  if (classType.length > MAX_NAME_LENGTH)
    return `has a class_type of more than ${MAX_NAME_LENGTH} characters`;
  if (!isJsonObject(inputs)) return 'has inputs that are no object';
  if (inputs.size > MAX_INPUTS) return `has more than ${MAX_INPUTS} inputs`;
  if ([...inputs.keys()].some((name) => name.length > MAX_NAME_LENGTH))
    return `has an input whose name has more than ${MAX_NAME_LENGTH} characters`;
  return undefined;
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
