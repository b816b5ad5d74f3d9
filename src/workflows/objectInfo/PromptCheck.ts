import type { Json } from '../../utils/losslessJson.js';
import { isJsonObject } from '../../utils/losslessJson.js';
import { type GraphNode, type GraphValue, linkOf, type PromptGraph } from '../graph.js';
import {
  badLink,
  configOf,
  type InputError,
  kindOf,
  missingFile,
  missingInput,
  valueError,
} from './inputErrors.js';
import { declaredInputs, isRequired, type ObjectInfo } from './mergeObjectInfo.js';

/** The errors of a node and the outputs that do not run because of them. */
export interface NodeErrors {
  readonly errors: readonly InputError[];
  readonly dependent_outputs: readonly string[];
  readonly class_type: string;
}

/**
 * Checks an input that may name a file.
 * @returns undefined if the input takes no file; otherwise the kind of file, such as `image`, and whether it exists
 */
export type FileCheck = (
  node: GraphNode,
  input: string,
  value: string,
) => { readonly kind: string; readonly isThere: boolean } | undefined;

/** A problem for which Python would raise an exception. */
class CheckException extends Error {
  readonly exceptionType: string;

  constructor(exceptionType: string, message: string) {
    super(message);
    this.exceptionType = exceptionType;
  }
}

/** Longer chains of links would exceed Python's recursion limit. */
const MAX_DEPTH = 900;

/** Validates a prompt, from each output to all nodes that it depends on, like ComfyUI's `validate_prompt`. */
export class PromptCheck {
  readonly nodeErrors = new Map<string, NodeErrors>();
  /** The result for each node. A node that depends on an invalid node has no errors but is not good either. */
  readonly #checked = new Map<string, { readonly isGood: boolean; readonly errors: readonly InputError[] }>();
  readonly #graph: PromptGraph;
  readonly #classes: ObjectInfo;
  readonly #fileCheck: FileCheck;

  constructor(graph: PromptGraph, classes: ObjectInfo, fileCheck: FileCheck) {
    this.#graph = graph;
    this.#classes = classes;
    this.#fileCheck = fileCheck;
  }

  /** Checks an output. If it fails, adds it to the dependent outputs of every invalid node found so far, as ComfyUI does. */
  mayRun(output: string): boolean {
    try {
      if (this.#check(output, new Set())) return true;
    } catch (error) {
      const message = 'Exception when validating node';
      const errors = [exceptionError('exception_during_validation', message, error)];
      this.#checked.set(output, { isGood: false, errors });
    }
    for (const [id, { isGood, errors }] of this.#checked) {
      if (isGood || errors.length === 0) continue;
      const class_type = this.#graph.get(id)?.classType ?? '';
      const dependent = [...(this.nodeErrors.get(id)?.dependent_outputs ?? []), output];
      this.nodeErrors.set(id, { errors, dependent_outputs: dependent, class_type });
    }
    return false;
  }

  errorsOf(id: string): readonly InputError[] {
    return this.#checked.get(id)?.errors ?? [];
  }

  #check(id: string, path: ReadonlySet<string>): boolean {
    const known = this.#checked.get(id);
    if (known) return known.isGood;
    if (path.has(id) || path.size > MAX_DEPTH) {
      throw new CheckException('RecursionError', 'maximum recursion depth exceeded');
    }
    const node = this.#graph.get(id);
    if (!node) throw new CheckException('KeyError', `'${id}'`);
    const errors: InputError[] = [];
    let areSourcesGood = true;
    const info = this.#classes.get(node.classType)?.json;
    for (const [name, declared] of declaredInputs(info)) {
      const found = this.#checkInput(id, node, [name, declared], path);
      if (typeof found === 'boolean') areSourcesGood = areSourcesGood && found;
      else if (found) errors.push(found);
    }
    const isGood = errors.length === 0 && areSourcesGood;
    this.#checked.set(id, { isGood, errors });
    return isGood;
  }

  /** @returns the error of the input, or whether everything behind its link is valid */
  #checkInput(
    id: string,
    node: GraphNode,
    [name, declared]: readonly [string, Json],
    path: ReadonlySet<string>,
  ): InputError | boolean | undefined {
    const value = node.inputs.get(name);
    if (Array.isArray(value)) return this.#checkLink(id, name, declared, value, path);
    if (value !== undefined) return this.#valueError(node, name, declared, value);
    return isRequired(this.#classes.get(node.classType)?.json, name) ? missingInput(name) : undefined;
  }

  #valueError(node: GraphNode, name: string, declared: Json, value: GraphValue): InputError | undefined {
    const plain = value as Json;
    const file = typeof plain === 'string' ? this.#fileCheck(node, name, plain) : undefined;
    if (file) return file.isThere ? undefined : missingFile(name, file.kind, plain);
    return valueError(name, declared, plain);
  }

  /** @returns whether everything behind the link is valid, or the error of the link */
  #checkLink(
    id: string,
    name: string,
    declared: Json,
    value: Json,
    path: ReadonlySet<string>,
  ): boolean | InputError {
    const link = linkOf(value);
    if (!link) return badLink(name, declared, value);
    const [source, slot] = link;
    // In Python, the number of a node is not its id.
    const [named] = value as readonly Json[];
    if (typeof named === 'number') throw new CheckException('KeyError', String(named));
    const wanted = kindOf(declared) ?? null;
    const given = this.#typeOf(source, slot);
    if (!fits(given, wanted)) return mismatch(name, declared, value, given);
    try {
      return this.#check(source, new Set(path).add(id));
    } catch (error) {
      this.#checked.set(source, { isGood: false, errors: [innerError(name, declared, value, error)] });
      return false;
    }
  }

  #typeOf(source: string, slot: number): Json {
    const node = this.#graph.get(source);
    if (!node) throw new CheckException('KeyError', `'${source}'`);
    const info = this.#classes.get(node.classType)?.json;
    const outputs = isJsonObject(info) ? info.get('output') : undefined;
    const type = Array.isArray(outputs) ? (outputs as readonly Json[])[slot] : undefined;
    if (type === undefined) throw new CheckException('IndexError', 'tuple index out of range');
    return type;
  }
}

/** Like ComfyUI's `validate_node_input`: `*` matches anything, and several types are separated by commas. */
function fits(given: Json, wanted: Json): boolean {
  if (given === '*' || wanted === '*') return true;
  if (typeof given !== 'string' || typeof wanted !== 'string') {
    // A list of choices: another node may provide one of them.
    return Array.isArray(given) || Array.isArray(wanted);
  }
  const takes = new Set(wanted.split(',').map((type) => type.trim()));
  return given.split(',').every((type) => takes.has(type.trim()));
}

function typeName(type: Json): string {
  return typeof type === 'string' ? type : 'COMBO';
}

function mismatch(name: string, declared: Json, link: Json, given: Json): InputError {
  return {
    type: 'return_type_mismatch',
    message: 'Return type mismatch between linked nodes',
    details: `${name}, received_type(${typeName(given)}) mismatch input_type(${typeName(kindOf(declared) ?? null)})`,
    extra_info: new Map<string, Json>([
      ['input_name', name],
      ['input_config', configOf(declared)],
      ['received_type', given],
      ['linked_node', link],
    ]),
  };
}

/** No traceback: that of this server says nothing about the prompt. */
function exceptionError(type: string, message: string, error: unknown): InputError {
  if (!(error instanceof CheckException)) throw error;
  return {
    type,
    message,
    details: error.message,
    extra_info: new Map<string, Json>([
      ['exception_type', error.exceptionType],
      ['traceback', []],
    ]),
  };
}

function innerError(name: string, declared: Json, link: Json, error: unknown): InputError {
  const message = 'Exception when validating inner node';
  const { extra_info, ...one } = exceptionError('exception_during_inner_validation', message, error);
  return {
    ...one,
    extra_info: new Map<string, Json>([
      ['input_name', name],
      ['input_config', configOf(declared)],
      ['exception_message', one.details],
      ...extra_info,
      ['linked_node', link],
    ]),
  };
}
