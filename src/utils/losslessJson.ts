/**
 * JSON without loss. `JSON.parse` moves integer-like keys to the front and rounds numbers; a graph of ComfyUI has
 * both, and a seed may be any integer up to 2^64 - 1.
 */
import { type ParseErrorCode, printParseErrorCode, visit } from 'jsonc-parser';
import { ownText } from './ownText.js';

/** A number as written in the text, if a JavaScript number would print differently; or Python's `NaN` or `Infinity`. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Code that is not aware of this class writes a string, which loses no digit. */
  toJSON(): string {
    return this.text;
  }
}

/** JSON that is already serialised. */
export abstract class SerialisedJson {
  abstract readonly text: string;
}

/** JSON that is nested too deep to be parsed, as it was written. */
export class DeepJson extends SerialisedJson {
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }
}

/** A JSON value. Objects are maps: they keep the order of all keys, and no key has a special meaning. */
export type Json =
  | null
  | boolean
  | string
  | number
  | NumberText
  | DeepJson
  | readonly Json[]
  | ReadonlyMap<string, Json>;

/** A JSON value that may contain serialised parts. */
export type WritableJson =
  | Json
  | SerialisedJson
  | readonly WritableJson[]
  | ReadonlyMap<string, WritableJson>;

/** Whether the value is a JSON object. */
export function isJsonObject(value: unknown): value is ReadonlyMap<string, Json> {
  return value instanceof Map;
}

export interface JsonLimits {
  /** Nesting depth of arrays and objects. */
  readonly maxDepth: number;
  /** Number of values, of arrays and objects as well as in them: each takes time, however short. No limit by default. */
  readonly maxValues?: number;
}

/** Collects values while the parser walks through the text. */
class Collector {
  root: Json | undefined;
  values = 0;
  readonly #open: { container: Json[] | Map<string, Json>; key: string | undefined }[] = [];

  get depth(): number {
    return this.#open.length;
  }

  add(value: Json): void {
    this.values += 1;
    const parent = this.#open.at(-1);
    if (parent === undefined) this.root = value;
    else if (Array.isArray(parent.container)) parent.container.push(value);
    else parent.container.set(parent.key ?? '', value);
  }

  begin(container: Json[] | Map<string, Json>): void {
    this.add(container);
    this.#open.push({ container, key: undefined });
  }

  key(key: string): void {
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.key = key;
  }

  end(): void {
    this.#open.pop();
  }
}

/**
 * Parses JSON. The last one of repeated keys wins. Keys and values may be kept: they do not keep the text.
 * @param words by position, how numbers were written that are written otherwise in the text
 * @throws SyntaxError with line and column (both from 1) for invalid JSON, and for JSON beyond the limits
 */
export function parseJson(
  text: string,
  { maxDepth, maxValues = Number.POSITIVE_INFINITY }: JsonLimits,
  words?: ReadonlyMap<number, string>,
): Json {
  const collector = new Collector();
  const fail = (message: string, line: number, character: number): never => {
    throw new SyntaxError(`${message} at line ${line + 1}, column ${character + 1}`);
  };
  const own = (part: string, length: number): string => (isMost(part, length, text) ? part : ownText(part));
  const begin = (container: Json[] | Map<string, Json>, line: number, character: number): void => {
    if (collector.depth >= maxDepth) fail(`More than ${maxDepth} levels`, line, character);
    collector.begin(container);
    if (collector.values > maxValues) fail(`More than ${maxValues} values`, line, character);
  };
  visit(
    text,
    {
      onObjectBegin: (_offset, _length, line, character) => begin(new Map(), line, character),
      onArrayBegin: (_offset, _length, line, character) => begin([], line, character),
      onObjectProperty: (key, _offset, length) => collector.key(own(key, length)),
      onObjectEnd: () => collector.end(),
      onArrayEnd: () => collector.end(),
      onLiteralValue: (value: null | boolean | string | number, offset, length, line, character) => {
        if (typeof value === 'string') collector.add(own(value, length));
        else if (typeof value === 'number')
          collector.add(numberOf(words?.get(offset) ?? text.slice(offset, offset + length)));
        else collector.add(value);
        if (collector.values > maxValues) fail(`More than ${maxValues} values`, line, character);
      },
      onError: (code, _offset, _length, line, character) => fail(describe(code), line, character),
    },
    { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false },
  );
  if (collector.root === undefined) throw new SyntaxError('No value');
  return collector.root;
}

/** Quotation marks. */
const AROUND = 2;

/**
 * Whether a string is most of a text, such as an image in base64: a copy would take more memory than it saves. One with escapes is not
 * a part of the text, but consists of many.
 */
function isMost(part: string, length: number, text: string): boolean {
  return part.length === length - AROUND && 2 * length > text.length;
}

/** `InvalidSymbol` as `Invalid symbol`. */
function describe(code: ParseErrorCode): string {
  return printParseErrorCode(code).replaceAll(/(?<=.)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A JavaScript number, if it represents the text exactly. */
function numberOf(text: string): number | NumberText {
  const number = Number(text);
  const isExact =
    Number.isFinite(number) &&
    String(number) === text &&
    (!Number.isInteger(number) || Number.isSafeInteger(number));
  return isExact ? number : new NumberText(ownText(text));
}

/** The number in a JSON value, rounded to a JavaScript number; undefined for anything else, also for Python's `NaN` and `Infinity`. */
export function numberIn(value: unknown): number | undefined {
  const number = value instanceof NumberText ? Number(value.text) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** Serialises JSON in one line. Numbers and the order of keys are as in the input. */
export function stringifyJson(value: WritableJson): string {
  if (value instanceof NumberText || value instanceof SerialisedJson) return value.text;
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}:${stringifyJson(item)}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(stringifyJson).join(',')}]`;
  return JSON.stringify(value);
}

/**
 * The value as plain objects, for a schema. Integers beyond 2^53 are bigints, Python's `NaN` and `Infinity` are null. Objects have
 * no prototype, so that no key has a special meaning.
 */
export function plainJson(value: Json): unknown {
  if (value instanceof NumberText) return plainNumber(value.text);
  if (Array.isArray(value)) return value.map(plainJson);
  if (!isJsonObject(value)) return value;
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, item] of value) object[key] = plainJson(item);
  return object;
}

function plainNumber(text: string): number | bigint | null {
  if (!/\d/.test(text)) return null;
  const number = Number(text);
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(number) ? BigInt(text) : number;
}

/** The reverse: plain data, in which integers may be bigints. Undefined properties are omitted. */
export function jsonOf(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return new NumberText(String(value));
    case 'object': {
      if (value === null) return null;
      if (Array.isArray(value)) return value.map(jsonOf);
      const entries = Object.entries(value).filter(([, item]) => item !== undefined);
      return new Map(entries.map(([key, item]) => [key, jsonOf(item)]));
    }
    default:
      throw new TypeError(`A ${typeof value} is not JSON.`);
  }
}
