/** Chunks that have the same length in every PNG, with that length in bytes. */
const LENGTHS: Readonly<Record<string, number>> = { gAMA: 4, cHRM: 32, sRGB: 1, cICP: 4, pHYs: 9 };
const PALETTE = 3;
/** Length of tRNS by colour type, without a palette: one value of two bytes for each channel. */
const TRANSPARENCY_LENGTHS: Readonly<Record<number, number>> = { 0: 2, 2: 6 };
const COLOUR_BYTES = 3;
const MAX_COLOURS = 256;

/** A chunk, and what comes before it. */
interface Described {
  readonly name: string;
  readonly data: Buffer;
  readonly colourType: number;
  /** The PLTE chunk. */
  readonly palette: Buffer | undefined;
}

/**
 * Whether a chunk has the form that its standard requires. Some decoders skip one that does not, others refuse the
 * whole file.
 */
export function isWellFormed({ name, data, colourType, palette }: Described): boolean {
  switch (name) {
    case 'PLTE':
      return isPalette(data);
    case 'tRNS':
      if (colourType !== PALETTE) return data.length === TRANSPARENCY_LENGTHS[colourType];
      return data.length > 0 && data.length <= (palette?.length ?? 0) / COLOUR_BYTES;
    case 'iCCP':
    case 'zTXt':
      return namesItsCompression(data);
    default:
      return data.length === (LENGTHS[name] ?? data.length);
  }
}

/** Whether a palette is of 1 to 256 colours. */
function isPalette({ length }: Buffer): boolean {
  return length > 0 && length <= MAX_COLOURS * COLOUR_BYTES && length % COLOUR_BYTES === 0;
}

/** After a name and a zero comes the method of compression, of which there is only 0. */
function namesItsCompression(data: Buffer): boolean {
  const nameEnd = data.indexOf(0);
  return nameEnd > 0 && data[nameEnd + 1] === 0;
}
