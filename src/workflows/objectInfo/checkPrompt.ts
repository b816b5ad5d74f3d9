import { isJsonObject, type Json } from '../../utils/losslessJson.js';
import type { GraphNode, PromptGraph } from '../graph.js';
import { limitProblem, MAX_NAME_LENGTH, MAX_NODES } from '../graphLimits.js';
import type { InputError } from './inputErrors.js';
import type { ObjectInfo } from './mergeObjectInfo.js';
import { type FileCheck, type NodeErrors, PromptCheck } from './PromptCheck.js';

/** Why no output of a prompt runs, in ComfyUI's format. */
export interface PromptRefusal {
  readonly error: InputError;
  readonly node_errors: ReadonlyMap<string, NodeErrors>;
}

/** An accepted prompt, with the errors that prevent some of its outputs. */
export interface CheckedPrompt {
  readonly graph: PromptGraph;
  /** The output nodes that run, in the order of the prompt. */
  readonly outputs: readonly string[];
  /** The output nodes that do not run. */
  readonly badOutputs: readonly string[];
  readonly node_errors: ReadonlyMap<string, NodeErrors>;
}

/**
 * Validates a prompt as ComfyUI does before queueing: valid outputs run, even if others are invalid. ComfyUI itself has no limits on
 * graphs; here they are those of all graphs.
 * @param prompt as a client sent it; may contain values that are no nodes
 * @param classes the node classes of the machines
 * @param targets ids of the only output nodes that may run; all by default
 */
export function checkPrompt(
  prompt: ReadonlyMap<string, Json>,
  classes: ObjectInfo,
  fileCheck: FileCheck,
  targets?: ReadonlySet<string>,
): CheckedPrompt | { readonly refusal: PromptRefusal } {
  if (prompt.size > MAX_NODES)
    return refuse('invalid_prompt', `The prompt has more than ${MAX_NODES} nodes.`, '');
  const graph = new Map<string, GraphNode>();
  for (const [id, value] of prompt) {
    const node = readNode(value);
    const about = `Node ID '#${id.slice(0, MAX_NAME_LENGTH)}'`;
    if (!node) {
      const message = 'Cannot execute because a node is missing the class_type property.';
      return refuse('invalid_prompt', message, about);
    }
    if (!classes.has(node.classType)) {
      const name = node.classType.slice(0, MAX_NAME_LENGTH);
      return refuse('invalid_prompt', `Cannot execute because node ${name} does not exist.`, about);
    }
    const problem = limitProblem(id, node.classType, node.inputs);
    if (problem !== undefined)
      return refuse('invalid_prompt', `Cannot execute because a node ${problem}.`, about);
    graph.set(id, node);
  }
  const outputs = [...graph].flatMap(([id, { classType }]) =>
    isOutput(classes.get(classType)?.json) && (targets?.has(id) ?? true) ? [id] : [],
  );
  if (outputs.length === 0) return refuse('prompt_no_outputs', 'Prompt has no outputs', '');
  const check = new PromptCheck(graph, classes, fileCheck);
  const [good, bad]: [string[], string[]] = [[], []];
  for (const id of outputs) (check.mayRun(id) ? good : bad).push(id);
  const { nodeErrors: node_errors } = check;
  if (good.length > 0) return { graph, outputs: good, badOutputs: bad, node_errors };
  const reasons = outputs.flatMap((id) => node_errors.get(id)?.errors ?? []);
  const details = reasons.map((one) => `${one.message}: ${one.details}`).join('\n');
  const message = 'Prompt outputs failed validation';
  return refuse('prompt_outputs_failed_validation', message, details, node_errors);
}

/** Creates an error in ComfyUI's format. */
export function refuse(
  type: string,
  message: string,
  details: string,
  node_errors: PromptRefusal['node_errors'] = new Map(),
): { readonly refusal: PromptRefusal } {
  return { refusal: { error: { type, message, details, extra_info: new Map() }, node_errors } };
}

function isOutput(info: Json | undefined): boolean {
  return isJsonObject(info) && info.get('output_node') === true;
}

function readNode(value: Json): GraphNode | undefined {
  const classType = isJsonObject(value) ? value.get('class_type') : undefined;
  if (!isJsonObject(value) || typeof classType !== 'string' || classType === '') return undefined;
  const inputs = value.get('inputs');
  const others = new Map([...value].filter(([key]) => key !== 'class_type' && key !== 'inputs'));
  return {
    classType,
    inputs: isJsonObject(inputs) ? inputs : new Map(),
    ...(others.size > 0 && { others }),
  };
}
