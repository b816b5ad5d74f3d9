import { DeepJson, isJsonObject, type Json, NumberText } from './losslessJson.js';

/** Measured with Node 20: bytes of a map, and of each place in it. */
const MAP_BYTES = 72;
const PLACE_BYTES = 28;
const MIN_PLACES = 4;
/** Bytes of an array, and of each value in it. */
const ARRAY_BYTES = 180;
const ITEM_BYTES = 12;
/** Bytes of a string or a long number besides its characters. */
const TEXT_BYTES = 24;

/** Estimates how many bytes of memory a parsed JSON value takes: often ten times its text. */
export function jsonMemory(value: Json): number {
  if (typeof value === 'string') return TEXT_BYTES + value.length;
  if (value instanceof NumberText || value instanceof DeepJson) return 2 * TEXT_BYTES + value.text.length;
  if (Array.isArray(value)) {
    return value.reduce((sum: number, item: Json) => sum + ITEM_BYTES + jsonMemory(item), ARRAY_BYTES);
  }
  if (!isJsonObject(value)) return 0;
  const places = Math.max(MIN_PLACES, 2 ** Math.ceil(Math.log2(value.size)));
  let sum = MAP_BYTES + places * PLACE_BYTES;
  for (const [name, item] of value) sum += TEXT_BYTES + name.length + jsonMemory(item);
  return sum;
}
