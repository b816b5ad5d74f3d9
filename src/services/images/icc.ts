/** Reads ICC profiles (ICC.1:2022) far enough to recognise sRGB, of which every vendor writes a variant. */

const HEADER_LENGTH = 128;
const MAX_TAGS = 100;
/** Columns of the matrix from linear sRGB to XYZ under D50, by IEC 61966-2-1 with Bradford's adaptation. */
const SRGB_COLORANTS = {
  rXYZ: [0.4361, 0.2225, 0.0139],
  gXYZ: [0.3851, 0.7169, 0.0971],
  bXYZ: [0.1431, 0.0606, 0.7141],
} as const;
/** Tolerance for sRGB profiles, which differ in rounding: far less than the next colour space. */
const COLORANT_TOLERANCE = 0.003;
/** Of the encoded value, 0..1. */
const CURVE_TOLERANCE = 1 / 255;
const CURVE_STEPS = 32;
/** Colour tables take precedence over matrix and curves in a profile with both. */
const OTHER_WAYS = ['A2B0', 'A2B1', 'A2B2', 'D2B0', 'D2B1', 'D2B2', 'cicp'];

type Tags = ReadonlyMap<string, Buffer>;

/** Whether a profile has the default meaning: sRGB, or grey with its transfer function. */
export function isSrgbProfile(profile: Buffer): boolean {
  try {
    const tags = readTags(profile);
    if (!tags || OTHER_WAYS.some((name) => tags.has(name))) return false;
    if (profile.toString('latin1', 20, 24) !== 'XYZ ') return false;
    const space = profile.toString('latin1', 16, 20);
    if (space === 'GRAY') return isSrgbCurve(tags.get('kTRC'));
    if (space !== 'RGB ') return false;
    const areSrgb = Object.entries(SRGB_COLORANTS).every(([name, xyz]) => isColour(tags.get(name), xyz));
    return areSrgb && ['rTRC', 'gTRC', 'bTRC'].every((name) => isSrgbCurve(tags.get(name)));
  } catch {
    // Invalid offsets.
    return false;
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

function isColour(tag: Buffer | undefined, xyz: readonly number[]): boolean {
  if (tag?.toString('latin1', 0, 4) !== 'XYZ ') return false;
  return xyz.every((value, n) => Math.abs(readFixed(tag, 8 + 4 * n) - value) <= COLORANT_TOLERANCE);
}

function isSrgbCurve(tag: Buffer | undefined): boolean {
  const curve = tag && curveOf(tag);
  if (!curve) return false;
  for (let step = 0; step <= CURVE_STEPS; step += 1) {
    const encoded = step / CURVE_STEPS;
    if (Math.abs(srgbEncoded(curve(encoded)) - encoded) > CURVE_TOLERANCE) return false;
  }
  return true;
}

const srgbEncoded = (linear: number) =>
  linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;

/** Returns the function of a `curv` or `para` tag, from encoded to linear values. */
function curveOf(tag: Buffer): ((x: number) => number) | undefined {
  switch (tag.toString('latin1', 0, 4)) {
    case 'curv':
      return sampledCurve(tag);
    case 'para':
      return parametricCurve(tag);
    default:
      return undefined;
  }
}

function sampledCurve(tag: Buffer): (x: number) => number {
  const count = tag.readUInt32BE(8);
  if (count === 0) return (x) => x;
  if (count === 1) return (x) => x ** (tag.readUInt16BE(12) / 256);
  const sample = (n: number) => tag.readUInt16BE(12 + 2 * Math.min(n, count - 1)) / 65_535;
  return (x) => {
    const place = x * (count - 1);
    const below = Math.floor(place);
    return sample(below) + (place - below) * (sample(below + 1) - sample(below));
  };
}

/** The two of the five types that displays have: a power, and one with a linear part below. */
function parametricCurve(tag: Buffer): ((x: number) => number) | undefined {
  const value = (n: number) => readFixed(tag, 12 + 4 * n);
  const type = tag.readUInt16BE(8);
  const g = value(0);
  if (type === 0) return (x) => x ** g;
  if (type !== 3) return undefined;
  const [a, b, c, d] = [value(1), value(2), value(3), value(4)];
  return (x) => (x >= d ? (a * x + b) ** g : c * x);
}
