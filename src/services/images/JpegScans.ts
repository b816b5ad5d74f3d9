import { isFrameHeader, type JpegSegment, MARKER } from './jpegSegments.js';

const COEFFICIENTS = 64;
const NOT_CODED = 255;
/**
 * More than any program writes: progressive files usually have about 10. A scan of few bytes can cost a decoder as much
 * time as a whole image.
 */
const MAX_SCANS = 100;

/** Checks whether a JPEG's scans have what decoding needs, and whether the whole image is in them. */
export class JpegScans {
  /** Why there cannot be an image. */
  problem: string | undefined;
  /** An irregularity that requires decoding. */
  damage: string | undefined;
  /** By component: for each coefficient, the number of missing bits. */
  readonly #open = new Map<number, Uint8Array>();
  readonly #quantisation = new Map<number, number>();
  readonly #tables = new Set<string>();
  #scans = 0;

  constructor(segments: readonly JpegSegment[]) {
    for (const segment of segments) {
      const { marker, data } = segment;
      if (marker === MARKER.DQT) this.#takeTables(data, 'quantisation', (head) => (head >> 4 ? 128 : 64));
      else if (marker === MARKER.DHT) this.#takeHuffmanTables(data);
      else if (marker === MARKER.SOS) this.#takeScan(segment);
      else if (isFrameHeader(marker)) this.#takeFrame(data);
    }
    if (this.#scans === 0) this.problem ??= 'the JPEG has no image data';
  }

  /** Data that the frame header announces but the file lacks. */
  get missing(): string | undefined {
    const isAllThere = [...this.#open.values()].every((bits) => bits.every((left) => left === 0));
    return isAllThere ? undefined : 'the JPEG ends before its last scan';
  }

  #takeFrame(data: Buffer): void {
    const count = data[5] ?? 0;
    if (data.length < 6 + 3 * count || count === 0) this.problem ??= 'its frame header is cut off';
    for (let n = 0; n < count; n += 1) {
      const id = data[6 + 3 * n] ?? 0;
      this.#open.set(id, new Uint8Array(COEFFICIENTS).fill(NOT_CODED));
      this.#quantisation.set(id, data[8 + 3 * n] ?? 0);
    }
  }

  #takeTables(data: Buffer, kind: string, lengthOf: (head: number) => number): void {
    for (let at = 0; at < data.length; ) {
      const head = data.readUInt8(at);
      this.#tables.add(`${kind} ${head & 0x0f}`);
      at += 1 + lengthOf(head);
    }
  }

  /** Reads, of each table, its class and number, the number of codes with 1..16 bits, and one byte for each code. */
  #takeHuffmanTables(data: Buffer): void {
    for (let at = 0; at + 17 <= data.length; ) {
      const head = data.readUInt8(at);
      this.#tables.add(`${head >> 4 ? 'AC' : 'DC'} ${head & 0x0f}`);
      let codes = 0;
      for (let n = 1; n <= 16; n += 1) codes += data.readUInt8(at + n);
      at += 17 + codes;
    }
  }

  #takeScan({ data, scan }: JpegSegment): void {
    this.#scans += 1;
    if (this.#scans > MAX_SCANS) this.problem ??= `it has more than ${MAX_SCANS} scans`;
    const count = data[0] ?? 0;
    if (data.length < 4 + 2 * count || count === 0) {
      this.problem ??= "a scan's header is cut off";
      return;
    }
    const [first = 0, last = 0, bits = 0] = data.subarray(1 + 2 * count);
    if (scan.length === 0) this.damage ??= 'a scan is empty';
    for (let n = 0; n < count; n += 1) {
      const id = data[1 + 2 * n] ?? 0;
      const open = this.#open.get(id);
      if (!open) {
        this.problem ??= 'a scan is of no component of the frame';
        return;
      }
      this.#checkTables(id, data[2 + 2 * n] ?? 0, { first, last, isRefinement: bits >> 4 > 0 });
      // The low half is the number of omitted bits; positions outside 0..63 do not exist.
      open.fill(bits & 0x0f, first, Math.min(last, COEFFICIENTS - 1) + 1);
    }
  }

  /** A missing table is left to the decoder: some know the usual ones. */
  #checkTables(
    id: number,
    numbers: number,
    { first, last, isRefinement }: { first: number; last: number; isRefinement: boolean },
  ): void {
    const needed = [`quantisation ${this.#quantisation.get(id)}`];
    // A refinement adds one bit in the file.
    if (first === 0 && !isRefinement) needed.push(`DC ${numbers >> 4}`);
    if (last > 0) needed.push(`AC ${numbers & 0x0f}`);
    if (!needed.every((table) => this.#tables.has(table))) this.damage ??= 'a table is missing';
  }
}
