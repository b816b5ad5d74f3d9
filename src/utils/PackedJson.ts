import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Json, SerialisedJson, stringifyJson, type WritableJson } from './losslessJson.js';
import { PYTHON_LIMITS, parseDeepMachineJson } from './machineJson.js';

/** The outputs, and each of them. */
const LEVELS = 2;

/** The fastest level: the others save little. */
const LEVEL = 1;

/** JSON as compressed bytes, for what is kept and seldom read: as a value, it takes about ten times as much memory as its text. */
export class PackedJson {
  readonly #bytes: Uint8Array;

  constructor(value: WritableJson) {
    // A copy, because the buffer of zlib is longer than its content.
    this.#bytes = new Uint8Array(deflateRawSync(stringifyJson(value), { level: LEVEL }));
  }

  /** Bytes in memory. */
  get size(): number {
    return this.#bytes.length;
  }

  /** For `stringifyJson`, without parsing. */
  get serialised(): SerialisedJson {
    return new SerialisedJson(this.#text);
  }

  /** Parsed each time; what is nested too deep stays text. */
  get value(): Json {
    return parseDeepMachineJson(this.#text, PYTHON_LIMITS, LEVELS);
  }

  get #text(): string {
    return inflateRawSync(this.#bytes).toString();
  }
}

/** An object whose entries are packed. */
export type PackedEntries = ReadonlyMap<string, PackedJson>;

/** Packs each entry of an object. */
export function packEntries(entries: ReadonlyMap<string, Json>): PackedEntries {
  return new Map([...entries].map(([name, value]) => [name, new PackedJson(value)]));
}

/** Returns an object for `stringifyJson`. */
export function serialisedEntries(entries: PackedEntries): ReadonlyMap<string, SerialisedJson> {
  return new Map([...entries].map(([name, packed]) => [name, packed.serialised]));
}

/** Returns the bytes of all entries. */
export function sizeOfEntries(entries: PackedEntries): number {
  let size = 0;
  for (const [name, packed] of entries) size += name.length + packed.size;
  return size;
}
