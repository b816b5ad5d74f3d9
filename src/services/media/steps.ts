/** What an eraser asks for. */
export type Step =
  /** The next bytes, without moving on. */
  | { readonly look: number }
  /** Moves on, and changes the bytes that it passes, if `change` is given: then they are metadata, or contain these. */
  | { readonly pass: number; readonly change?: Change; readonly metadata?: Buffer | undefined };

/**
 * Changes some of the passed bytes in place.
 * @param part of the passed bytes
 * @param offset of the part among them
 */
export type Change = (part: Buffer, offset: number) => void;

/**
 * Overwrites the metadata in a file of one format. It sees the file from its first byte to its last, as it arrives. The length of
 * the file and the places of everything else stay the same, because formats refer to them. When it returns, the rest of
 * the file stays unchanged.
 */
export type Eraser = Generator<Step, void, Buffer>;

/** @returns the next bytes, fewer at the end of the file */
export function* look(bytes: number): Generator<Step, Buffer, Buffer> {
  return yield { look: bytes };
}

/** Leaves bytes unchanged. */
export function* skip(bytes: number): Generator<Step, void, Buffer> {
  yield { pass: bytes };
}

/**
 * Writes over the next bytes.
 * @param metadata that were there, if other bytes are between them
 */
export function* put(bytes: Buffer, metadata?: Buffer): Generator<Step, void, Buffer> {
  yield { pass: bytes.length, change: (part, offset) => void bytes.copy(part, 0, offset), metadata };
}

/** Fills the next bytes with one value. */
export function* fill(bytes: number, value = 0): Generator<Step, void, Buffer> {
  yield { pass: bytes, change: (part) => void part.fill(value) };
}
