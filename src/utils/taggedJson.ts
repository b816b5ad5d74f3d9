/**
 * JSON that also holds what JSON has no word for. Such a value is an object with one key, which begins with `$`; an object of
 * a client that looks like one is wrapped. What is undefined is left out of objects, as JSON does.
 */
import { NumberText } from './losslessJson.js';

/** Writes any data in one line. @throws TypeError for functions, symbols and what holds itself */
export function stringifyTagged(value: unknown): string {
  return JSON.stringify(value, function (this: unknown, key: string, seen: unknown) {
    // As it is, before a `toJSON` of its own.
    const own: unknown = isIndexable(this) ? this[key] : seen;
    return tagged(own, Array.isArray(this));
  });
}

/** Reads what `stringifyTagged` wrote. @throws SyntaxError */
export function parseTagged(text: string): unknown {
  // Most texts have none, and are read much faster without a look at each value.
  return text.includes('"$') ? JSON.parse(text, (_key, value: unknown) => untagged(value)) : JSON.parse(text);
}

function tagged(value: unknown, isInArray: boolean): unknown {
  switch (typeof value) {
    case 'bigint':
      return { $bigint: String(value) };
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: numberName(value) };
    case 'undefined':
      return isInArray ? { $undefined: 1 } : undefined;
    case 'function':
    case 'symbol':
      throw new TypeError(`A ${typeof value} is no data.`);
    case 'object':
      return value === null ? null : taggedObject(value);
    default:
      return value;
  }
}

function taggedObject(value: object): unknown {
  if (value instanceof NumberText) return { $digits: value.text };
  if (value instanceof Date) return { $date: value.getTime() };
  if (value instanceof Map) return { $map: [...value] };
  if (value instanceof Set) return { $set: [...value] };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  // The entries are a list, so that nothing is taken for a tag again.
  return soleTag(value) === undefined ? value : { $object: Object.entries(value) };
}

function untagged(value: unknown): unknown {
  const tag = soleTag(value);
  if (tag === undefined || !isIndexable(value)) return value;
  const content = value[tag];
  switch (tag) {
    case '$bigint':
      return BigInt(String(content));
    case '$number':
      return Number(content);
    case '$undefined':
      return undefined;
    case '$digits':
      return new NumberText(String(content));
    case '$date':
      return new Date(Number(content));
    case '$map':
      return new Map(pairs(content));
    case '$set':
      return new Set(Array.isArray(content) ? content : []);
    case '$bytes':
      return Buffer.from(String(content), 'base64');
    case '$object':
      return Object.fromEntries(pairs(content));
    default:
      return value;
  }
}

/** The only key of an object, where it looks like a tag. */
function soleTag(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0]?.startsWith('$') ? keys[0] : undefined;
}

function pairs(content: unknown): [string, unknown][] {
  return Array.isArray(content) ? content : [];
}

function numberName(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function isIndexable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
