import { greyProfile, powerCurve, rgbProfile, SRGB_PRIMARIES } from '../../src/services/images/iccProfile.js';
import { packedProfile } from '../../src/services/images/pngColours.js';

/** What the values of a PNG mean. */
export interface Meaning {
  readonly name: string;
  readonly chunks: (isGrey: boolean) => ReadonlyArray<[string, Buffer]>;
  /** From a stored value to linear light, both 0..1. */
  readonly linear: (value: number) => number;
  /** From the linear light of its primaries to that of sRGB, by rows. */
  readonly matrix?: Matrix;
}

export type Colour = readonly [number, number, number];
type Matrix = readonly [Colour, Colour, Colour];

/** From CSS Color 4, sample code: Display P3 and Rec. 2020 to XYZ, and XYZ to sRGB, multiplied. */
const P3_TO_SRGB: Matrix = [
  [1.2249401763, -0.2249401763, 0],
  [-0.0420569547, 1.0420569547, 0],
  [-0.0196375546, -0.0786360456, 1.0982736001],
];
const REC2020_TO_SRGB: Matrix = [
  [1.6604910021, -0.5876411388, -0.0728498633],
  [-0.1245504745, 1.1328998971, -0.0083494226],
  [-0.0181507634, -0.100578898, 1.1187296614],
];
const D65 = [0.3127, 0.329] as const;
const P3 = { white: D65, red: [0.68, 0.32], green: [0.265, 0.69], blue: [0.15, 0.06] } as const;
const REC2020 = { white: D65, red: [0.708, 0.292], green: [0.17, 0.797], blue: [0.131, 0.046] } as const;

/** By IEC 61966-2-1. */
const srgbLinear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const srgbEncoded = (linear: number) =>
  linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
/** By ITU-R BT.709. */
const videoLinear = (value: number) =>
  value < 0.081 ? value / 4.5 : ((value + 0.099) / 1.099) ** (1 / 0.45);
/** The lightness of CIELAB, as in eciRGB v2. */
const lightnessLinear = (value: number) =>
  value > 0.08 ? ((value + 0.16) / 1.16) ** 3 : (value * 100) / 903.3;
const power = (exponent: number) => (value: number) => value ** exponent;

function numbers(...values: number[]): Buffer {
  const data = Buffer.alloc(4 * values.length);
  values.forEach((value, n) => {
    data.writeUInt32BE(Math.round(value * 100_000), 4 * n);
  });
  return data;
}

const gamma = (value: number): [string, Buffer] => ['gAMA', numbers(value)];
const places = ({ white, red, green, blue }: typeof P3 | typeof REC2020): [string, Buffer] => [
  'cHRM',
  numbers(...white, ...red, ...green, ...blue),
];
const profile = (data: Buffer): [string, Buffer] => ['iCCP', packedProfile(data)];

/** A `curv` tag: an exponent, or samples of a function. */
function curve(values: readonly number[]): Buffer {
  // libpng rejects profiles whose length is not a multiple of 4.
  const tag = Buffer.alloc(4 * Math.ceil((12 + 2 * values.length) / 4));
  tag.write('curv', 0, 'latin1');
  tag.writeUInt32BE(values.length, 8);
  values.forEach((value, n) => {
    tag.writeUInt16BE(value, 12 + 2 * n);
  });
  return tag;
}

/** A `para` tag (ICC.1:2022, 10.18). */
export function parametric(type: number, ...parameters: number[]): Buffer {
  const tag = Buffer.alloc(12 + 4 * parameters.length);
  tag.write('para', 0, 'latin1');
  tag.writeUInt16BE(type, 8);
  parameters.forEach((value, n) => {
    tag.writeInt32BE(Math.round(value * 65_536), 12 + 4 * n);
  });
  return tag;
}

const samples = (linear: (value: number) => number) =>
  Array.from({ length: 4096 }, (_, n) => Math.round(65_535 * linear(n / 4095)));

/** Replaces the curves of a profile. */
export function withCurve(profile: Buffer, tag: Buffer): Buffer {
  const result = Buffer.concat([profile, tag]);
  result.writeUInt32BE(result.length, 0);
  for (let n = 0; n < result.readUInt32BE(128); n += 1) {
    const at = 132 + 12 * n;
    if (!/^[rgbk]TRC$/.test(result.toString('latin1', at, at + 4))) continue;
    result.writeUInt32BE(profile.length, at + 4);
    result.writeUInt32BE(tag.length, at + 8);
  }
  return result;
}

const described = (tag: Buffer) => (isGrey: boolean) => [
  profile(withCurve(isGrey ? greyProfile(powerCurve(1)) : rgbProfile(SRGB_PRIMARIES, powerCurve(1)), tag)),
];
const numbered = (primaries: number, transfer: number) => () => [
  ['cICP', Buffer.from([primaries, transfer, 0, 1])] as [string, Buffer],
];

/** Meanings that any picture can have. */
export const MEANINGS: readonly Meaning[] = [
  { name: 'nothing', chunks: () => [], linear: srgbLinear },
  { name: 'gAMA 1', chunks: () => [gamma(1)], linear: power(1) },
  { name: 'gAMA 0.71429', chunks: () => [gamma(0.71429)], linear: power(1 / 0.71429) },
  { name: 'gAMA 0.55556', chunks: () => [gamma(0.55556)], linear: power(1 / 0.55556) },
  { name: 'gAMA 0.45455', chunks: () => [gamma(0.45455)], linear: srgbLinear },
  { name: 'gAMA 0.35714', chunks: () => [gamma(0.35714)], linear: power(1 / 0.35714) },
  { name: 'a linear profile', chunks: described(curve([])), linear: power(1) },
  {
    name: 'a profile of gamma 1.8',
    chunks: described(curve([Math.round(1.8 * 256)])),
    linear: power(461 / 256),
  },
  { name: 'a profile of sRGB', chunks: described(curve(samples(srgbLinear))), linear: srgbLinear },
  {
    name: 'a profile of lightness',
    chunks: described(curve(samples(lightnessLinear))),
    linear: lightnessLinear,
  },
  { name: 'a profile with a curve of type 0', chunks: described(parametric(0, 2)), linear: power(2) },
  {
    name: 'a profile with a curve of type 1',
    chunks: described(parametric(1, 2, 1.0625, -0.0625)),
    linear: (value) => Math.max(0, 1.0625 * value - 0.0625) ** 2,
  },
  {
    name: 'a profile with a curve of type 2',
    chunks: described(parametric(2, 2, 0.78078, 0.25, -0.0625)),
    linear: (value) => (0.78078 * value + 0.25) ** 2 - 0.0625,
  },
  {
    name: 'a profile with a curve of type 4',
    chunks: described(parametric(4, 2, 0.78078, 0.25, 0.4666, 0.125, -0.0625, 0)),
    linear: (value) => (value < 0.125 ? 0.4666 * value : (0.78078 * value + 0.25) ** 2 - 0.0625),
  },
  { name: 'cICP linear', chunks: numbered(1, 8), linear: power(1) },
  { name: 'cICP of video', chunks: numbered(1, 1), linear: videoLinear },
];

/** Meanings of pictures with colours. */
export const COLOUR_MEANINGS: readonly Meaning[] = [
  { name: 'gAMA 1 and cHRM', chunks: () => [gamma(1), places(P3)], linear: power(1), matrix: P3_TO_SRGB },
  {
    name: 'gAMA 0.55556 and cHRM',
    chunks: () => [gamma(0.55556), places(REC2020)],
    linear: power(1 / 0.55556),
    matrix: REC2020_TO_SRGB,
  },
  { name: 'cICP of Display P3', chunks: numbered(12, 13), linear: srgbLinear, matrix: P3_TO_SRGB },
  { name: 'cICP of Rec. 2020', chunks: numbered(9, 14), linear: videoLinear, matrix: REC2020_TO_SRGB },
  {
    name: 'a profile with gamma 2.2 and wide primaries',
    chunks: () => [profile(rgbProfile(REC2020, powerCurve(2.2)))],
    linear: power(2.2),
    matrix: REC2020_TO_SRGB,
  },
];

/** One of the meanings above. @throws if there is none with this name */
export function meaningNamed(name: string): Meaning {
  const meaning = [...MEANINGS, ...COLOUR_MEANINGS].find((one) => one.name === name);
  if (!meaning) throw new Error(`no meaning is named ${name}`);
  return meaning;
}

/** A profile with another tag that its reader must not ignore: the curves are not all that it says. */
function withMore(profile: Buffer): Buffer {
  const result = Buffer.from(profile);
  result.write('cicp', result.indexOf('wtpt', 128, 'latin1'), 'latin1');
  return result;
}

/** A profile that says more than its curves, so that the server leaves it to the decoder. */
export const OTHER_PROFILE: Meaning = {
  name: 'a profile that says more',
  chunks: (isGrey) => [
    profile(withMore(isGrey ? greyProfile(powerCurve(2)) : rgbProfile(SRGB_PRIMARIES, powerCurve(2)))),
  ],
  linear: power(2),
};

/** The exact sRGB of stored values, without rounding: 0..255. */
export function exactColour(stored: Colour, { linear, matrix }: Meaning): Colour {
  const light: Colour = [linear(stored[0]), linear(stored[1]), linear(stored[2])];
  const shown = ([r, g, b]: Colour) =>
    255 * srgbEncoded(Math.min(1, Math.max(0, r * light[0] + g * light[1] + b * light[2])));
  return matrix
    ? [shown(matrix[0]), shown(matrix[1]), shown(matrix[2])]
    : [shown([1, 0, 0]), shown([0, 1, 0]), shown([0, 0, 1])];
}
