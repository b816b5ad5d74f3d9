/**
 * Writes ICC profiles (ICC.1:2022): the decoder supports those, but not the numbers by which a PNG may describe its
 * colours.
 */

/** A transfer function as ICC's parametric type 3: (a x + b)^g from `d` on, c x below. */
export type Curve = readonly [g: number, a: number, b: number, c: number, d: number];

/** A transfer function, from encoded to linear values, both 0..1. */
export type Transfer = (encoded: number) => number;

export type Vector = readonly [number, number, number];
/** The XYZ values of red, green and blue under D50, or any other three vectors. */
export type Matrix = readonly [Vector, Vector, Vector];

/** Chromaticities, x and y each. */
export interface Primaries {
  readonly white: readonly [number, number];
  readonly red: readonly [number, number];
  readonly green: readonly [number, number];
  readonly blue: readonly [number, number];
}

export const SRGB_PRIMARIES: Primaries = {
  white: [0.3127, 0.329],
  red: [0.64, 0.33],
  green: [0.3, 0.6],
  blue: [0.15, 0.06],
};
const D50: Vector = [0.9642, 1, 0.8249];
const BRADFORD: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];

/** Samples of a curve: between the first two, sRGB changes by less than 1 of 255. */
const SAMPLES = 16_384;

/** A pure power law. */
export const powerCurve = (exponent: number): Curve => [exponent, 1, 0, 0, 0];

/** @returns a profile of a display with these primaries */
export function rgbProfile(primaries: Primaries, curve: Curve): Buffer {
  const transfer = curveTag(curve);
  return displayProfile(colorants(primaries), [transfer, transfer, transfer]);
}

/** @returns a profile of a display with samples of these curves, one for each colorant or one for all */
export function sampledProfile(colorants: Matrix, curves: readonly Transfer[]): Buffer {
  const tags = curves.map(sampledTag);
  const [red = Buffer.alloc(0), green = red, blue = red] = tags;
  return displayProfile(colorants, [red, green, blue]);
}

function displayProfile(
  [red, green, blue]: Matrix,
  [rTRC, gTRC, bTRC]: readonly [Buffer, Buffer, Buffer],
): Buffer {
  const [rXYZ, gXYZ, bXYZ] = [xyzTag(red), xyzTag(green), xyzTag(blue)];
  return profile('RGB ', { wtpt: xyzTag(D50), rXYZ, gXYZ, bXYZ, rTRC, gTRC, bTRC });
}

/** @returns a profile for shades of grey */
export function greyProfile(curve: Curve): Buffer {
  return profile('GRAY', { wtpt: xyzTag(D50), kTRC: curveTag(curve) });
}

/** Returns the XYZ values of the primaries at full strength, under D50. */
function colorants({ white, red, green, blue }: Primaries): Matrix {
  const [r, g, b] = [directionOf(red), directionOf(green), directionOf(blue)];
  // Factors with which the three add up to white.
  const [sr, sg, sb] = times(inverse(columns(r, g, b)), xyzOf(white));
  const cones = times(BRADFORD, xyzOf(white));
  const target = times(BRADFORD, D50);
  const adapt = (v: Vector, strength: number): Vector => {
    const [l, m, s] = times(BRADFORD, v);
    const adapted: Vector = [
      (l * target[0]) / cones[0],
      (m * target[1]) / cones[1],
      (s * target[2]) / cones[2],
    ];
    const [x, y, z] = times(inverse(BRADFORD), adapted);
    return [x * strength, y * strength, z * strength];
  };
  return [adapt(r, sr), adapt(g, sg), adapt(b, sb)];
}

/** The direction of a colour in XYZ; of one without brightness, too. */
const directionOf = ([x, y]: readonly [number, number]): Vector => [x, y, 1 - x - y];
const xyzOf = ([x, y]: readonly [number, number]): Vector => [x / y, 1, (1 - x - y) / y];
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const times = (m: Matrix, v: Vector): Vector => [dot(m[0], v), dot(m[1], v), dot(m[2], v)];
const columns = (a: Vector, b: Vector, c: Vector): Matrix => [
  [a[0], b[0], c[0]],
  [a[1], b[1], c[1]],
  [a[2], b[2], c[2]],
];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

function inverse([a, b, c]: Matrix): Matrix {
  const determinant = dot(a, cross(b, c));
  const scaled = (v: Vector): Vector => [v[0] / determinant, v[1] / determinant, v[2] / determinant];
  return columns(scaled(cross(b, c)), scaled(cross(c, a)), scaled(cross(a, b)));
}

const signature = (name: string) => Buffer.from(name, 'latin1');

function fixed(values: readonly number[]): Buffer {
  const data = Buffer.alloc(4 * values.length);
  // Extreme chromaticities would not fit: the image looks wrong then, but the server continues.
  const bounded = (value: number) => Math.max(-0x80000000, Math.min(0x7fffffff, Math.round(value * 65_536)));
  values.forEach((value, n) => {
    data.writeInt32BE(Number.isFinite(value) ? bounded(value) : 0, 4 * n);
  });
  return data;
}

const xyzTag = (xyz: Vector) => Buffer.concat([signature('XYZ '), Buffer.alloc(4), fixed(xyz)]);
const curveTag = (curve: Curve) =>
  Buffer.concat([signature('para'), Buffer.alloc(4), Buffer.from([0, 3, 0, 0]), fixed(curve)]);

function sampledTag(transfer: Transfer): Buffer {
  const samples = Buffer.alloc(4 + 2 * SAMPLES);
  samples.writeUInt32BE(SAMPLES, 0);
  for (let n = 0; n < SAMPLES; n += 1) {
    const linear = Math.min(1, Math.max(0, transfer(n / (SAMPLES - 1)) || 0));
    samples.writeUInt16BE(Math.round(65_535 * linear), 4 + 2 * n);
  }
  return Buffer.concat([signature('curv'), Buffer.alloc(4), samples]);
}

function profile(space: 'RGB ' | 'GRAY', tags: Readonly<Record<string, Buffer>>): Buffer {
  const entries = Object.entries(tags);
  const dataStart = 128 + 4 + 12 * entries.length;
  const table = Buffer.alloc(4 + 12 * entries.length);
  table.writeUInt32BE(entries.length, 0);
  let offset = dataStart;
  entries.forEach(([name, data], n) => {
    table.write(name, 4 + 12 * n, 'latin1');
    table.writeUInt32BE(offset, 8 + 12 * n);
    table.writeUInt32BE(data.length, 12 + 12 * n);
    offset += data.length;
  });
  const header = Buffer.alloc(128);
  header.writeUInt32BE(offset, 0);
  header.writeUInt32BE(0x04200000, 8);
  header.write(`mntr${space}XYZ `, 12, 'latin1');
  header.write('acsp', 36, 'latin1');
  fixed(D50).copy(header, 68);
  return Buffer.concat([header, table, ...Object.values(tags)]);
}
