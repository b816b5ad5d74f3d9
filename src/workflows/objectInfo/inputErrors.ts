/**
 * Validates plain input values like ComfyUI's `validate_inputs`. Source: ComfyUI's `execution.py`, and responses of real servers.
 */
import { isJsonObject, type Json, NumberText } from '../../utils/losslessJson.js';

/** An error of an input or a prompt, in ComfyUI's format. */
export interface InputError {
  readonly type: string;
  readonly message: string;
  readonly details: string;
  readonly extra_info: ReadonlyMap<string, Json>;
}

/** Longer lists are not included in responses. */
const MAX_LISTED = 20;
/** Maximum characters of a value that a message quotes. */
const MAX_SHOWN = 200;
/** Python refuses to parse integers with more digits. */
const MAX_DIGITS = 4300;

export function missingInput(name: string): InputError {
  return {
    type: 'required_input_missing',
    message: 'Required input is missing',
    details: name,
    extra_info: new Map([['input_name', name]]),
  };
}

/** The error for a list that is no link. */
export function badLink(name: string, declared: Json, value: Json): InputError {
  return {
    type: 'bad_linked_input',
    message: 'Bad linked input, must be a length-2 list of [node_id, slot_index]',
    details: name,
    extra_info: about(name, declared, value),
  };
}

/** The error for a link to an output of another type. */
export function mismatch(name: string, declared: Json, link: Json, given: Json): InputError {
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

/** The error for a missing file. */
export function missingFile(name: string, kind: string, value: Json): InputError {
  return {
    type: 'custom_validation_failed',
    message: 'Custom validation failed for node',
    details: `${name} - Invalid ${kind} file: ${shown(value)}`,
    extra_info: new Map([['input_name', name]]),
  };
}

/** The error of a plain value. What ComfyUI does not check is not checked here either. */
export function valueError(name: string, declared: Json, asItCame: Json): InputError | undefined {
  const value = isJsonObject(asItCame) ? (asItCame.get('__value__') ?? asItCame) : asItCame;
  const kind = kindOf(declared);
  if (kind === 'INT' || kind === 'FLOAT') return numberError(name, kind, declared, value);
  return Array.isArray(kind) ? choiceError(name, kind, declared, value) : undefined;
}

/** The declared type of an input, or its list of choices. */
export function kindOf(declared: Json): Json | undefined {
  return Array.isArray(declared) ? declared[0] : undefined;
}

/** Type and options, as errors contain them. */
export function configOf(declared: Json): Json {
  const [kind = null, options = new Map()]: readonly Json[] = Array.isArray(declared) ? declared : [];
  return [kind, options];
}

function optionOf(declared: Json, option: string): Json | undefined {
  const options = Array.isArray(declared) ? declared[1] : undefined;
  return isJsonObject(options) ? options.get(option) : undefined;
}

function about(name: string, declared: Json, value: Json): ReadonlyMap<string, Json> {
  return new Map<string, Json>([
    ['input_name', name],
    ['input_config', configOf(declared)],
    ['received_value', value],
  ]);
}

/** The choices of an input as texts. A graph may have many nodes of a class, and a class many thousand choices. */
const CHOICES = new WeakMap<readonly Json[], ReadonlySet<string>>();

function shownChoices(choices: readonly Json[]): ReadonlySet<string> {
  const known = CHOICES.get(choices) ?? new Set(choices.map(shown));
  CHOICES.set(choices, known);
  return known;
}

function choiceError(
  name: string,
  choices: readonly Json[],
  declared: Json,
  value: Json,
): InputError | undefined {
  if (shownChoices(choices).has(shown(value))) return undefined;
  const isLong = choices.length > MAX_LISTED;
  const list = isLong ? `(list of length ${choices.length})` : `[${choices.map(quoted).join(', ')}]`;
  const extra = about(name, isLong ? null : declared, value);
  return {
    type: 'value_not_in_list',
    message: 'Value not in list',
    details: `${name}: '${shown(value)}' not in ${list}`,
    extra_info: isLong ? new Map([...extra, ['input_config', null]]) : extra,
  };
}

function numberError(
  name: string,
  kind: 'INT' | 'FLOAT',
  declared: Json,
  value: Json,
): InputError | undefined {
  const convert = kind === 'INT' ? toInt : toFloat;
  const number = convert(value);
  const extra_info = about(name, declared, value);
  if (number === undefined) {
    const text = shown(value);
    return {
      type: 'invalid_input_type',
      message: `Failed to convert an input value to a ${kind} value`,
      details: `${name}, ${text}, could not convert string to ${kind.toLowerCase()}: '${text}'`,
      extra_info,
    };
  }
  const [least, most] = [convert(optionOf(declared, 'min')), convert(optionOf(declared, 'max'))];
  if (least !== undefined && number < least) {
    const message = `Value ${pythonNumber(number)} smaller than min of ${pythonNumber(least)}`;
    return { type: 'value_smaller_than_min', message, details: name, extra_info };
  }
  if (most !== undefined && number > most) {
    const message = `Value ${pythonNumber(number)} bigger than max of ${pythonNumber(most)}`;
    return { type: 'value_bigger_than_max', message, details: name, extra_info };
  }
  return undefined;
}

/** Python prints whole floats with a decimal point, and infinity as `inf`. */
function pythonNumber(number: number | bigint): string {
  if (Math.abs(Number(number)) === Number.POSITIVE_INFINITY) return number < 0 ? '-inf' : 'inf';
  return Number.isInteger(number) ? `${number}.0` : String(number);
}

/** Like Python's `int()`: drops the fraction. */
function toInt(value: Json | undefined): bigint | undefined {
  if (typeof value === 'boolean') return BigInt(value);
  const text = value instanceof NumberText ? value.text : value;
  if (typeof text === 'string' && /^\s*[+-]?\d+\s*$/.test(text)) {
    return text.length <= MAX_DIGITS ? BigInt(text.trim().replace('+', '')) : undefined;
  }
  if (typeof value === 'string') return undefined;
  const number = toFloat(value);
  return number !== undefined && Number.isFinite(number) ? BigInt(Math.trunc(number)) : undefined;
}

/** Like Python's `float()`. */
function toFloat(value: Json | undefined): number | undefined {
  if (typeof value === 'boolean' || typeof value === 'number') return Number(value);
  // It may be NaN, which is neither less nor more than a limit.
  if (value instanceof NumberText) return Number(value.text);
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

/** A value approximately as Python prints it, and short enough for a message. */
function shown(value: Json): string {
  if (typeof value === 'string') return value.slice(0, MAX_SHOWN);
  if (value instanceof NumberText) return value.text.slice(0, MAX_SHOWN);
  return typeof value === 'object' ? 'an object' : String(value);
}

function quoted(choice: Json): string {
  return typeof choice === 'string' ? `'${choice}'` : shown(choice);
}

function typeName(type: Json): string {
  return typeof type === 'string' ? type : 'COMBO';
}
