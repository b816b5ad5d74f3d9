import type { Folders } from './folders.js';
import { type InputError, inputErrors, missingInput } from './inputErrors.js';
import { declaredInputs, type InputSpec, type NodeClass } from './nodeClass.js';
import { classOf, type Graph, inputsOf, linkSource } from './prompt.js';
import { ValidationException } from './ValidationException.js';

/** The errors of a node and the outputs that do not run because of them. */
export interface NodeErrors {
  readonly errors: readonly InputError[];
  readonly dependent_outputs: string[];
  readonly class_type: string;
}

/** Validates a prompt, from each output to all nodes that it depends on. */
export class PromptValidation {
  readonly nodeErrors: Record<string, NodeErrors> = {};
  /** The validation result of each node. A node that depends on an invalid node has no errors but is not good either. */
  readonly #checked = new Map<string, { isGood: boolean; errors: readonly InputError[] }>();
  readonly #graph: Graph;
  readonly #classes: Readonly<Record<string, NodeClass>>;
  readonly #folders: Folders;

  constructor(graph: Graph, classes: Readonly<Record<string, NodeClass>>, folders: Folders) {
    this.#graph = graph;
    this.#classes = classes;
    this.#folders = folders;
  }

  /** Checks an output. If it fails, adds it to the dependent outputs of every invalid node found so far, as ComfyUI does. */
  mayRun(output: string): boolean {
    try {
      if (this.#check(output)) return true;
    } catch (error) {
      const errors = [exceptionError('exception_during_validation', 'Exception when validating node', error)];
      this.#checked.set(output, { isGood: false, errors });
    }
    for (const [id, { isGood, errors }] of this.#checked) {
      if (isGood || errors.length === 0) continue;
      const class_type = classOf(this.#graph.get(id));
      const known = this.nodeErrors[id] ?? { errors, dependent_outputs: [], class_type };
      known.dependent_outputs.push(output);
      this.nodeErrors[id] = known;
    }
    return false;
  }

  errorsOf(id: string): readonly InputError[] {
    return this.#checked.get(id)?.errors ?? [];
  }

  #check(id: string, path: readonly string[] = []): boolean {
    const known = this.#checked.get(id);
    if (known) return known.isGood;
    if (path.includes(id))
      throw new ValidationException('RecursionError', 'maximum recursion depth exceeded');
    const node = this.#graph.get(id);
    const nodeClass = this.#classes[classOf(node)];
    if (!nodeClass) throw new ValidationException('KeyError', `'${id}'`);
    const inputs = inputsOf(node);
    if (!inputs) throw new ValidationException('KeyError', "'inputs'");
    const errors: InputError[] = [];
    let areSourcesGood = true;
    for (const [name, spec] of Object.entries(declaredInputs(nodeClass))) {
      const value = inputs.get(name);
      if (!inputs.has(name)) {
        if (Object.hasOwn(nodeClass.required, name)) errors.push(missingInput(name));
        continue;
      }
      const source = checkedSource(value);
      if (source === undefined) {
        errors.push(...inputErrors(name, spec, value, nodeClass, this.#folders));
        continue;
      }
      const given = this.#typeOf(source, (value as unknown[])[1]);
      if (given !== spec[0]) {
        errors.push(mismatch(name, spec, value, given));
        continue;
      }
      areSourcesGood = this.#checkSource(source, name, spec, value, [...path, id]) && areSourcesGood;
    }
    const isGood = errors.length === 0 && areSourcesGood;
    this.#checked.set(id, { isGood, errors });
    return isGood;
  }

  /** Checks the node that a link leads to. An exception during that check becomes an error of that node. */
  #checkSource(
    source: string,
    name: string,
    spec: InputSpec,
    link: unknown,
    path: readonly string[],
  ): boolean {
    try {
      return this.#check(source, path);
    } catch (error) {
      const message = 'Exception when validating inner node';
      const { extra_info, ...one } = exceptionError('exception_during_inner_validation', message, error);
      const where = { input_name: name, input_config: [spec[0], spec[1] ?? {}] };
      const said = { exception_message: one.details, ...extra_info, linked_node: link };
      this.#checked.set(source, { isGood: false, errors: [{ ...one, extra_info: { ...where, ...said } }] });
      return false;
    }
  }

  #typeOf(source: string, slot: unknown): string {
    const outputs = this.#classes[classOf(this.#graph.get(source))]?.output;
    if (!outputs) throw new ValidationException('KeyError', `'${source}'`);
    const type = outputs[Number(slot)];
    if (type === undefined) throw new ValidationException('IndexError', 'tuple index out of range');
    return type;
  }
}

/** Like `linkSource`. The number of a node is no key of the prompt. */
function checkedSource(value: unknown): string | undefined {
  const isNumbered = Array.isArray(value) && value.length === 2 && typeof value[0] === 'number';
  if (isNumbered) throw new ValidationException('KeyError', String(value[0]));
  return linkSource(value);
}

function mismatch(name: string, spec: InputSpec, link: unknown, given: string): InputError {
  return {
    type: 'return_type_mismatch',
    message: 'Return type mismatch between linked nodes',
    details: `${name}, received_type(${given}) mismatch input_type(${spec[0]})`,
    extra_info: {
      input_name: name,
      input_config: [spec[0], spec[1] ?? {}],
      received_type: given,
      linked_node: link,
    },
  };
}

function exceptionError(type: string, message: string, error: unknown): InputError {
  const traceback = [
    '  File "/opt/ComfyUI/execution.py", line 1010, in validate_prompt\n    m = await validate_inputs\n',
  ];
  const exception_type = error instanceof ValidationException ? error.exceptionType : 'Exception';
  const details = error instanceof Error ? error.message : String(error);
  return { type, message, details, extra_info: { exception_type, traceback } };
}
