import type { Folders } from './folders.js';
import type { NodeClass } from './nodeClass.js';

/** What is wrong with an input, or a prompt, as ComfyUI reports it. */
export interface InputError {
  readonly type: string;
  readonly message: string;
  readonly details: string;
  readonly extra_info: Readonly<Record<string, unknown>>;
}

interface Limits {
  readonly min?: number;
  readonly max?: number;
}

/** What is wrong with an input that is a plain value. A class's own check takes the place of the list of choices. */
export function inputErrors(
  name: string,
  spec: readonly unknown[],
  value: unknown,
  { checks }: NodeClass,
  folders: Folders,
): InputError[] {
  const extra_info = { input_name: name };
  if (value === undefined) {
    return [
      { type: 'required_input_missing', message: 'Required input is missing', details: name, extra_info },
    ];
  }
  if (checks?.input === name) {
    const complaint = checks.check(value, folders);
    if (complaint === undefined) return [];
    const details = `${name} - ${complaint}`;
    const message = 'Custom validation failed for node';
    return [{ type: 'custom_validation_failed', message, details, extra_info }];
  }
  const [kind, options = {}] = spec;
  const config = { ...extra_info, input_config: [kind, options], received_value: value };
  if (Array.isArray(kind)) return choiceErrors(name, kind, value, config);
  if (kind === 'INT' || kind === 'FLOAT') return numberErrors(name, kind, value, config, options as Limits);
  return [];
}

function choiceErrors(
  name: string,
  choices: readonly unknown[],
  value: unknown,
  extra_info: InputError['extra_info'],
): InputError[] {
  if (choices.includes(value)) return [];
  const list = `[${choices.map((choice) => `'${choice}'`).join(', ')}]`;
  const details = `${name}: '${value}' not in ${list}`;
  return [{ type: 'value_not_in_list', message: 'Value not in list', details, extra_info }];
}

function numberErrors(
  name: string,
  kind: 'INT' | 'FLOAT',
  value: unknown,
  extra_info: InputError['extra_info'],
  { min, max }: Limits,
): InputError[] {
  const number = Number(value);
  if (Number.isNaN(number)) {
    const message = `Failed to convert an input value to a ${kind} value`;
    const details = `${name}, ${value}, could not convert string to ${kind.toLowerCase()}: '${value}'`;
    return [{ type: 'invalid_input_type', message, details, extra_info }];
  }
  // Python shows a whole number that is a float with its point.
  const shown = (one: number) => (kind === 'FLOAT' && Number.isInteger(one) ? `${one}.0` : String(one));
  if (min !== undefined && number < min) {
    const message = `Value ${shown(number)} smaller than min of ${shown(min)}`;
    return [{ type: 'value_smaller_than_min', message, details: name, extra_info }];
  }
  if (max !== undefined && number > max) {
    const message = `Value ${shown(number)} bigger than max of ${shown(max)}`;
    return [{ type: 'value_bigger_than_max', message, details: name, extra_info }];
  }
  return [];
}
