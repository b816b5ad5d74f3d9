/** JSON that is written part by part, because all of it together may not fit into memory. */
import { NumberText, SerialisedJson, type WritableJson } from './losslessJson.js';
import { PackedJson } from './PackedJson.js';

/** A part of the text of a JSON value. Packed parts are unpacked when they are written. */
export type JsonPart = string | PackedJson;

/** Returns the parts of a value: together the same text as that of `stringifyJson`. */
export function* partsOf(value: WritableJson): Generator<JsonPart> {
  if (value instanceof PackedJson) yield value;
  else if (value instanceof NumberText || value instanceof SerialisedJson) yield value.text;
  else if (value instanceof Map) yield* objectParts(value);
  else if (Array.isArray(value)) yield* arrayParts(value);
  else yield JSON.stringify(value);
}

/** Returns the parts of an object whose entries may be created one by one. */
export function* objectParts(
  entries: Iterable<readonly [name: string, value: WritableJson]>,
): Generator<JsonPart> {
  let separator = '{';
  for (const [name, value] of entries) {
    yield `${separator}${JSON.stringify(name)}:`;
    yield* partsOf(value);
    separator = ',';
  }
  yield separator === '{' ? '{}' : '}';
}

/** Returns the parts of an array whose items may be created one by one. */
export function* arrayParts(items: Iterable<WritableJson>): Generator<JsonPart> {
  let separator = '[';
  for (const item of items) {
    yield separator;
    yield* partsOf(item);
    separator = ',';
  }
  yield separator === '[' ? '[]' : ']';
}

/** Bytes of a part in UTF-8. */
export function byteLengthOf(part: JsonPart): number {
  return typeof part === 'string' ? Buffer.byteLength(part) : part.byteLength;
}
