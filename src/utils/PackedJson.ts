import { createInflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Json, SerialisedJson, stringifyJson, type WritableJson } from './losslessJson.js';
import { PYTHON_LIMITS, parseDeepMachineJson } from './machineJson.js';
import { ownText } from './ownText.js';

/** The outputs, and each of them. */
const LEVELS = 2;

/** The fastest level: the others save little. */
const LEVEL = 1;
/** Shorter texts stay as they are, because zlib needs more time for its preparations than such a text is worth. */
const LEAST_CHARACTERS = 8192;
/** A longer text is read in pieces of this many bytes. */
const PIECE_BYTES = 128 * 1024;

/**
 * JSON as text, compressed if it is long, for what is kept and seldom read: as a value, it takes about ten times as much memory as its
 * text.
 */
export class PackedJson extends SerialisedJson {
  readonly #packed: Uint8Array | string;
  /** Length of the text in UTF-8. */
  readonly byteLength: number;

  constructor(value: WritableJson) {
    super();
    const text = stringifyJson(value);
    this.byteLength = Buffer.byteLength(text);
    // A copy, because the buffer of zlib is longer than its content.
    const pack = () => new Uint8Array(deflateRawSync(text, { level: LEVEL }));
    // A copy as well: what was nested too deep to be parsed is a part of its message.
    this.#packed = text.length < LEAST_CHARACTERS ? ownText(text) : pack();
  }

  /** Bytes in memory. */
  get size(): number {
    const { length } = this.#packed;
    // V8 needs two bytes for each character of most texts that are not English.
    return typeof this.#packed === 'string' ? 2 * length : length;
  }

  /** Parsed each time; what is nested too deep stays text. */
  get value(): Json {
    return parseDeepMachineJson(this.text, PYTHON_LIMITS, LEVELS);
  }

  get text(): string {
    return typeof this.#packed === 'string' ? this.#packed : inflateRawSync(this.#packed).toString();
  }

  /** Reads the text in UTF-8, in pieces: a long one is never in memory as a whole, and is unpacked outside of the event loop. */
  async *pieces(): AsyncGenerator<Buffer> {
    if (typeof this.#packed === 'string') yield Buffer.from(this.#packed);
    else yield* createInflateRaw({ chunkSize: PIECE_BYTES }).end(this.#packed);
  }
}

/** An object whose entries are packed. */
export type PackedEntries = ReadonlyMap<string, PackedJson>;

/** Packs each entry of an object. */
export function packEntries(entries: ReadonlyMap<string, Json>): PackedEntries {
  return new Map([...entries].map(([name, value]) => [name, new PackedJson(value)]));
}

/** Returns the bytes of all entries. */
export function sizeOfEntries(entries: PackedEntries): number {
  let size = 0;
  for (const [name, packed] of entries) size += name.length + packed.size;
  return size;
}
