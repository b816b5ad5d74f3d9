/** Reads ICC profiles (ICC.1:2022) of displays: a curve for each channel, and a matrix. */

import type { Matrix, Transfer, Vector } from './iccProfile.js';

const HEADER_LENGTH = 128;
const MAX_TAGS = 100;
/** By IEC 61966-2-1 with Bradford's adaptation. */
const SRGB_COLORANTS: Matrix = [
  [0.4361, 0.2225, 0.0139],
  [0.3851, 0.7169, 0.0971],
  [0.1431, 0.0606, 0.7141],
];
/** Tolerance for sRGB profiles, which differ in rounding: far less than the next colour space. */
const COLORANT_TOLERANCE = 0.003;
/** Of the encoded value, 0..1. */
const CURVE_TOLERANCE = 1 / 255;
const CURVE_STEPS = 32;
/** Colour tables take precedence over matrix and curves in a profile with both. */
const OTHER_WAYS = ['A2B0', 'A2B1', 'A2B2', 'D2B0', 'D2B1', 'D2B2', 'cicp'];

type Tags = ReadonlyMap<string, Buffer>;

/** What a profile of a display says, or one for shades of grey. */
export interface DisplayProfile {
  readonly isGrey: boolean;
  /** From encoded to linear values, both 0..1: one for grey, otherwise those of red, green and blue. */
  readonly curves: readonly Transfer[];
  /** XYZ of red, green and blue under D50. For grey, those of sRGB. */
  readonly colorants: Matrix;
}

/** Whether a profile has the default meaning: sRGB, or grey with its transfer function. */
export function isSrgbProfile(profile: Buffer): boolean {
  const display = readDisplayProfile(profile);
  return display?.curves.every(isSrgbCurve) === true && hasSrgbColorants(display);
}

/** Returns the curves and the matrix of a profile; undefined if it has colour tables or is damaged. */
export function readDisplayProfile(profile: Buffer): DisplayProfile | undefined {
  try {
    const tags = readTags(profile);
    if (!tags || OTHER_WAYS.some((name) => tags.has(name))) return undefined;
    if (profile.toString('latin1', 20, 24) !== 'XYZ ') return undefined;
    const space = profile.toString('latin1', 16, 20);
    if (space === 'GRAY')
      return { isGrey: true, curves: [curveOf(tags.get('kTRC'))], colorants: SRGB_COLORANTS };
    if (space !== 'RGB ') return undefined;
    const colour = (name: string) => colourOf(tags.get(name));
    return {
      isGrey: false,
      curves: ['rTRC', 'gTRC', 'bTRC'].map((name) => curveOf(tags.get(name))),
      colorants: [colour('rXYZ'), colour('gXYZ'), colour('bXYZ')],
    };
  } catch {
    // Invalid offsets, or tags of other types.
    return undefined;
  }
}

function readTags(profile: Buffer): Tags | undefined {
  if (profile.length < HEADER_LENGTH + 4 || profile.toString('latin1', 36, 40) !== 'acsp') return undefined;
  const count = profile.readUInt32BE(HEADER_LENGTH);
  if (count > MAX_TAGS) return undefined;
  const tags = new Map<string, Buffer>();
  for (let n = 0; n < count; n += 1) {
    const at = HEADER_LENGTH + 4 + n * 12;
    const offset = profile.readUInt32BE(at + 4);
    tags.set(
      profile.toString('latin1', at, at + 4),
      profile.subarray(offset, offset + profile.readUInt32BE(at + 8)),
    );
  }
  return tags;
}

const readFixed = (data: Buffer, at: number) => data.readInt32BE(at) / 65_536;

function colourOf(tag: Buffer | undefined): Vector {
  if (tag?.toString('latin1', 0, 4) !== 'XYZ ') throw new Error('no colour');
  return [readFixed(tag, 8), readFixed(tag, 12), readFixed(tag, 16)];
}

/** Whether red, green and blue are those of sRGB: always true for grey. */
export function hasSrgbColorants({ colorants }: DisplayProfile): boolean {
  return colorants.every((xyz, colour) =>
    xyz.every((value, n) => Math.abs(value - (SRGB_COLORANTS[colour]?.[n] ?? 0)) <= COLORANT_TOLERANCE),
  );
}

function isSrgbCurve(curve: Transfer): boolean {
  for (let step = 0; step <= CURVE_STEPS; step += 1) {
    const encoded = step / CURVE_STEPS;
    // Also false for NaN.
    if (!(Math.abs(srgbEncoded(curve(encoded)) - encoded) <= CURVE_TOLERANCE)) return false;
  }
  return true;
}

const srgbEncoded = (linear: number) =>
  linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;

/** Returns the function of a `curv` or `para` tag, from encoded to linear values. */
function curveOf(tag: Buffer | undefined): Transfer {
  switch (tag?.toString('latin1', 0, 4)) {
    case 'curv':
      return sampledCurve(tag);
    case 'para':
      return parametricCurve(tag);
    default:
      throw new Error('no curve');
  }
}

function sampledCurve(tag: Buffer): Transfer {
  const count = tag.readUInt32BE(8);
  if (12 + 2 * count > tag.length) throw new Error('samples are missing');
  if (count === 0) return (x) => x;
  if (count === 1) return (x) => x ** (tag.readUInt16BE(12) / 256);
  const sample = (n: number) => tag.readUInt16BE(12 + 2 * Math.min(n, count - 1)) / 65_535;
  return (x) => {
    const place = x * (count - 1);
    const below = Math.floor(place);
    return sample(below) + (place - below) * (sample(below + 1) - sample(below));
  };
}

/** The five types: powers of a line, with a line or a constant below `d`. */
function parametricCurve(tag: Buffer): Transfer {
  const value = (n: number) => readFixed(tag, 12 + 4 * n);
  const g = value(0);
  switch (tag.readUInt16BE(8)) {
    case 0:
      return (x) => x ** g;
    case 1: {
      const [a, b] = [value(1), value(2)];
      return (x) => (x >= -b / a ? (a * x + b) ** g : 0);
    }
    case 2: {
      const [a, b, c] = [value(1), value(2), value(3)];
      return (x) => (x >= -b / a ? (a * x + b) ** g + c : c);
    }
    case 3: {
      const [a, b, c, d] = [value(1), value(2), value(3), value(4)];
      return (x) => (x >= d ? (a * x + b) ** g : c * x);
    }
    case 4: {
      const [a, b, c, d, e, f] = [value(1), value(2), value(3), value(4), value(5), value(6)];
      return (x) => (x >= d ? (a * x + b) ** g + e : c * x + f);
    }
    default:
      throw new Error('no such type');
  }
}
