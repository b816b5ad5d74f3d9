import { annotatedPlace, type Folders } from './folders.js';
import type { InputSpec, NodeClass } from './nodeClass.js';
import { fileChoices } from './objectInfo.js';
import { plainText, toFloat, toInt } from './pythonNumbers.js';

/** An error of an input or a prompt, as ComfyUI reports it. */
export interface InputError {
  readonly type: string;
  readonly message: string;
  readonly details: string;
  readonly extra_info: Readonly<Record<string, unknown>>;
}

/** The error for a missing required input. */
export function missingInput(name: string): InputError {
  const message = 'Required input is missing';
  return { type: 'required_input_missing', message, details: name, extra_info: { input_name: name } };
}

/** The errors of an input that is a plain value. A class's own check replaces the check against the list of choices. */
export function inputErrors(
  name: string,
  spec: InputSpec,
  asItCame: unknown,
  { file }: NodeClass,
  folders: Folders,
): InputError[] {
  const value = unwrapped(asItCame);
  const [kind, options = {}] = spec;
  const extra_info = { input_name: name, input_config: [kind, options], received_value: value };
  if (Array.isArray(asItCame)) {
    const message = 'Bad linked input, must be a length-2 list of [node_id, slot_index]';
    return [{ type: 'bad_linked_input', message, details: name, extra_info }];
  }
  if (kind === 'INT' || kind === 'FLOAT') return numberErrors(name, kind, value, extra_info, options);
  if (file?.input === name) {
    if (file.isPlain) return choiceErrors(name, fileChoices(file.kind, folders), value, extra_info);
    if (folders.read(annotatedPlace(plainText(value)))) return [];
    const details = `${name} - Invalid ${file.kind} file: ${plainText(value)}`;
    const message = 'Custom validation failed for node';
    return [{ type: 'custom_validation_failed', message, details, extra_info: { input_name: name } }];
  }
  return Array.isArray(kind) ? choiceErrors(name, kind, value, extra_info) : [];
}

/** Unwraps a list that is a value and not a link: it is sent as `{ "__value__": [...] }`. */
export function unwrapped(value: unknown): unknown {
  return value instanceof Map && value.has('__value__') ? value.get('__value__') : value;
}

function choiceErrors(
  name: string,
  choices: readonly unknown[],
  value: unknown,
  extra_info: InputError['extra_info'],
): InputError[] {
  if (choices.includes(value)) return [];
  const list = `[${choices.map((choice) => `'${choice}'`).join(', ')}]`;
  const details = `${name}: '${plainText(value)}' not in ${list}`;
  return [{ type: 'value_not_in_list', message: 'Value not in list', details, extra_info }];
}

function numberErrors(
  name: string,
  kind: 'INT' | 'FLOAT',
  value: unknown,
  extra_info: InputError['extra_info'],
  { min, max }: Readonly<Record<string, unknown>>,
): InputError[] {
  const convert = kind === 'INT' ? toInt : toFloat;
  const number = convert(value);
  if (number === undefined) {
    const message = `Failed to convert an input value to a ${kind} value`;
    const shown = plainText(value);
    const details = `${name}, ${shown}, could not convert string to ${kind.toLowerCase()}: '${shown}'`;
    return [{ type: 'invalid_input_type', message, details, extra_info }];
  }
  // Python prints whole floats with a decimal point.
  const shown = (one: number | bigint) => (Number.isInteger(one) ? `${one}.0` : String(one));
  const [least, most] = [convert(min), convert(max)];
  if (least !== undefined && number < least) {
    const message = `Value ${shown(number)} smaller than min of ${shown(least)}`;
    return [{ type: 'value_smaller_than_min', message, details: name, extra_info }];
  }
  if (most !== undefined && number > most) {
    const message = `Value ${shown(number)} bigger than max of ${shown(most)}`;
    return [{ type: 'value_bigger_than_max', message, details: name, extra_info }];
  }
  return [];
}
