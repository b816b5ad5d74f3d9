import fc from 'fast-check';

/** One change of some bytes; positions are fractions of the length, so that every edit applies to any bytes. */
interface Edit {
  readonly kind: 'flip' | 'set' | 'zero' | 'insert' | 'remove' | 'repeat' | 'cut' | 'swap';
  /** Position as 0..65535 of the length. */
  readonly at: number;
  readonly value: number;
  readonly length: number;
}

const PLACES = 65_536;

/** Almost always a few small edits, as by a disk or a network fault; sometimes the file is cut off. */
export const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('flip', 'set', 'zero', 'insert', 'remove', 'repeat', 'cut', 'swap'),
    // Headers are near the beginning; the very first bytes only decide whether the file is an image at all.
    at: fc.oneof({ arbitrary: fc.nat(PLACES - 1), weight: 5 }, { arbitrary: fc.nat(6000), weight: 1 }),
    value: fc.nat(255),
    length: fc.oneof(fc.nat(8), fc.nat(300)),
  }),
  { minLength: 1, maxLength: 3 },
);

/** Applies the edits one after the other. */
export function damage(bytes: Buffer, changes: readonly Edit[]): Buffer {
  return changes.reduce(edit, Buffer.from(bytes));
}

function edit(bytes: Buffer, { kind, at: place, value, length }: Edit): Buffer {
  const at = Math.floor((place / PLACES) * bytes.length);
  const end = Math.min(bytes.length, at + length);
  switch (kind) {
    case 'flip':
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << (value % 8));
      return bytes;
    case 'set':
      if (at < bytes.length) bytes[at] = value;
      return bytes;
    case 'zero':
      return bytes.fill(0, at, end);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length, value), bytes.subarray(at)]);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 'cut':
      return bytes.subarray(0, at);
    case 'swap':
      return Buffer.concat([bytes.subarray(end), bytes.subarray(0, end)]);
  }
}
