import type { Folders } from './folders.js';
import type { InputError } from './inputErrors.js';
import type { NodeClass } from './nodeClass.js';
import { type NodeErrors, PromptValidation } from './PromptValidation.js';
import { classOf, type Graph } from './prompt.js';

interface Refusal {
  readonly error: InputError;
  readonly node_errors: Record<string, unknown>;
}

/** An accepted prompt, with the errors that prevent some of its outputs. */
interface Accepted {
  readonly graph: Graph;
  readonly outputs: string[];
  readonly node_errors: Record<string, NodeErrors>;
}

/**
 * Validates a prompt as ComfyUI does before queueing: valid outputs run, even if others are invalid.
 * @param targets ids of the only output nodes that may run; all by default
 */
export function validatePrompt(
  prompt: ReadonlyMap<string, unknown>,
  classes: Readonly<Record<string, NodeClass>>,
  folders: Folders,
  targets?: readonly unknown[],
): Accepted | { refusal: Refusal } {
  for (const [id, node] of prompt) {
    const refusal = classRefusal(id, node, classes);
    if (refusal) return refusal;
  }
  // Anything with a class is a node.
  const graph = prompt as Graph;
  const outputs = [...graph].flatMap(([id, node]) =>
    classes[classOf(node)]?.outputNode && (targets?.includes(id) ?? true) ? [id] : [],
  );
  if (outputs.length === 0) return refuse('prompt_no_outputs', 'Prompt has no outputs', '');
  const validation = new PromptValidation(graph, classes, folders);
  const good = outputs.filter((id) => validation.mayRun(id));
  if (good.length > 0) return { graph, outputs: good, node_errors: validation.nodeErrors };
  const details = outputs
    .flatMap((id) => validation.errorsOf(id))
    .map((one) => `${one.message}: ${one.details}`);
  const message = 'Prompt outputs failed validation';
  return refuse('prompt_outputs_failed_validation', message, details.join('\n'), validation.nodeErrors);
}

/** The error for a request without a prompt. */
export const noPrompt = refuse('no_prompt', 'No prompt provided', 'No prompt provided').refusal;

function classRefusal(id: string, node: unknown, classes: Readonly<Record<string, NodeClass>>) {
  const details = `Node ID '#${id}'`;
  const name = node instanceof Map ? classOf(node) : '';
  if (name === '') {
    const message = 'Cannot execute because a node is missing the class_type property.';
    return refuse('invalid_prompt', message, details);
  }
  if (Object.hasOwn(classes, name)) return undefined;
  return refuse('invalid_prompt', `Cannot execute because node ${name} does not exist.`, details);
}

function refuse(
  type: string,
  message: string,
  details: string,
  node_errors: Record<string, unknown> = {},
): { refusal: Refusal } {
  return { refusal: { error: { type, message, details, extra_info: {} }, node_errors } };
}
