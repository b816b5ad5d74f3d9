import type { Json } from '../../utils/losslessJson.js';
import { isJsonObject, stringifyJson } from '../../utils/losslessJson.js';
import { type GraphNode, type GraphValue, linkOf, type PromptGraph } from '../graph.js';
import {
  badLink,
  configOf,
  type InputError,
  kindOf,
  mismatch,
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

/**
 * Maximum characters of all reported errors as JSON. ComfyUI has no limit: each invalid node lists all outputs that depend on it, and
 * each error the whole declaration of its input.
 */
const MAX_REPORT = 1_000_000;
/** Characters of a text in a list, besides its own. */
const JSON_OF_TEXT = 3;

/** The result for one node. A node that depends on an invalid node has no errors but is not good either. */
interface Checked {
  readonly isGood: boolean;
  readonly errors: readonly InputError[];
}

/** Validates a prompt, from each output to all nodes that it depends on, like ComfyUI's `validate_prompt`. */
export class PromptCheck {
  readonly #reported = new Map<string, NodeErrors & { readonly dependent_outputs: string[] }>();
  #room = MAX_REPORT;
  readonly #checked = new Map<string, Checked>();
  /** Nodes that were checked since the last report, each once. */
  #fresh: string[] = [];
  /** The nodes from the output to the one that is being checked. */
  readonly #path = new Set<string>();
  readonly #graph: PromptGraph;
  readonly #classes: ObjectInfo;
  readonly #fileCheck: FileCheck;

  constructor(graph: PromptGraph, classes: ObjectInfo, fileCheck: FileCheck) {
    this.#graph = graph;
    this.#classes = classes;
    this.#fileCheck = fileCheck;
  }

  /**
   * The invalid nodes of the outputs that failed. If there are too many to report, the last nodes and the last dependent outputs are
   * missing.
   */
  get nodeErrors(): ReadonlyMap<string, NodeErrors> {
    return this.#reported;
  }

  /** Checks an output. If it fails, adds it to the dependent outputs of every invalid node found so far, as ComfyUI does. */
  mayRun(output: string): boolean {
    try {
      if (this.#check(output)) return true;
    } catch (error) {
      const message = 'Exception when validating node';
      const errors = [exceptionError('exception_during_validation', message, error)];
      this.#note(output, { isGood: false, errors });
    }
    if (this.#room > 0)
      for (const { dependent_outputs } of this.#reported.values()) this.#depends(dependent_outputs, output);
    for (const id of this.#fresh) this.#report(id, output);
    this.#fresh = [];
    return false;
  }

  #report(id: string, output: string): void {
    const { isGood = true, errors = [] } = this.#checked.get(id) ?? {};
    if (isGood || errors.length === 0 || this.#room <= 0) return;
    for (const { details, extra_info } of errors)
      this.#room -= details.length + stringifyJson(extra_info).length;
    const dependent_outputs: string[] = [];
    this.#depends(dependent_outputs, output);
    const class_type = this.#graph.get(id)?.classType ?? '';
    this.#reported.set(id, { errors, dependent_outputs, class_type });
  }

  #depends(outputs: string[], output: string): void {
    outputs.push(output);
    this.#room -= JSON_OF_TEXT + output.length;
  }

  #note(id: string, result: Checked): void {
    if (!this.#checked.has(id)) this.#fresh.push(id);
    this.#checked.set(id, result);
  }

  #check(id: string): boolean {
    const known = this.#checked.get(id);
    if (known) return known.isGood;
    if (this.#path.has(id) || this.#path.size > MAX_DEPTH) {
      throw new CheckException('RecursionError', 'maximum recursion depth exceeded');
    }
    const node = this.#graph.get(id);
    if (!node) throw new CheckException('KeyError', `'${id}'`);
    this.#path.add(id);
    try {
      const result = this.#checkInputs(node);
      this.#note(id, result);
      return result.isGood;
    } finally {
      this.#path.delete(id);
    }
  }

  #checkInputs(node: GraphNode): Checked {
    const errors: InputError[] = [];
    let areSourcesGood = true;
    const info = this.#classes.get(node.classType)?.json;
    for (const [name, declared] of declaredInputs(info)) {
      const found = this.#checkInput(node, name, declared);
      if (typeof found === 'boolean') areSourcesGood = areSourcesGood && found;
      else if (found) errors.push(found);
    }
    return { isGood: errors.length === 0 && areSourcesGood, errors };
  }

  /** @returns the error of the input, or whether everything behind its link is valid */
  #checkInput(node: GraphNode, name: string, declared: Json): InputError | boolean | undefined {
    const value = node.inputs.get(name);
    if (Array.isArray(value)) return this.#checkLink(name, declared, value);
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
  #checkLink(name: string, declared: Json, value: Json): boolean | InputError {
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
      return this.#check(source);
    } catch (error) {
      this.#note(source, { isGood: false, errors: [innerError(name, declared, value, error)] });
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
