import zlib from 'node:zlib';
import { isSrgbProfile } from './icc.js';
import {
  type Curve,
  greyProfile,
  type Primaries,
  powerCurve,
  rgbProfile,
  SRGB_PRIMARIES,
} from './iccProfile.js';
import { makeChunk, pngChunks, SIGNATURE } from './pngChunks.js';

/** Profiles of displays and cameras have a few KB; those of printers, which no PNG is for, megabytes. */
const MAX_PROFILE_BYTES = 256 * 1024;
/**
 * Tolerance of a PNG's chromaticities, and relative tolerance of its gamma: libpng's own, below which it corrects
 * nothing.
 */
const CHROMATICITY_TOLERANCE = 0.002;
const GAMMA_TOLERANCE = 0.05;
/** Exponent of sRGB in a gAMA chunk. */
const USUAL_GAMMA = 1 / 2.2;

const D65 = [0.3127, 0.329] as const;
const C = [0.31, 0.316] as const;
const SMPTE_170M: Primaries = { white: D65, red: [0.63, 0.34], green: [0.31, 0.595], blue: [0.155, 0.07] };
/** Primaries and transfer functions by their numbers in ITU-T H.273, without those of HDR. */
const H273_PRIMARIES: Readonly<Record<number, Primaries>> = {
  1: SRGB_PRIMARIES,
  4: { white: C, red: [0.67, 0.33], green: [0.21, 0.71], blue: [0.14, 0.08] },
  5: { white: D65, red: [0.64, 0.33], green: [0.29, 0.6], blue: [0.15, 0.06] },
  6: SMPTE_170M,
  7: SMPTE_170M,
  8: { white: C, red: [0.681, 0.319], green: [0.243, 0.692], blue: [0.145, 0.049] },
  9: { white: D65, red: [0.708, 0.292], green: [0.17, 0.797], blue: [0.131, 0.046] },
  10: { white: [1 / 3, 1 / 3], red: [1, 0], green: [0, 1], blue: [0, 0] },
  11: { white: [0.314, 0.351], red: [0.68, 0.32], green: [0.265, 0.69], blue: [0.15, 0.06] },
  12: { white: D65, red: [0.68, 0.32], green: [0.265, 0.69], blue: [0.15, 0.06] },
  22: { white: D65, red: [0.63, 0.34], green: [0.295, 0.605], blue: [0.155, 0.077] },
};
const SRGB_CURVE: Curve = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045];
const VIDEO_CURVE: Curve = [1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081];
const H273_CURVES: Readonly<Record<number, Curve>> = {
  1: VIDEO_CURVE,
  4: powerCurve(2.2),
  5: powerCurve(2.8),
  6: VIDEO_CURVE,
  7: [1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912],
  8: powerCurve(1),
  13: SRGB_CURVE,
  14: VIDEO_CURVE,
  15: VIDEO_CURVE,
};
const SRGB_NUMBER = 13;

/**
 * Returns the meaning of the values in a PNG, by the precedence of its standard (third edition, 4.3): cICP, iCCP, sRGB,
 * gAMA with cHRM. Chromaticities without a gamma are ignored, as in browsers; so are the numbers of HDR, which nothing
 * here can render.
 * @param chunks data of the chunks by name
 * @returns `sRGB`, `ownProfile` for the file's profile, or a profile with the same meaning as its numbers
 */
export function pngColours(
  chunks: ReadonlyMap<string, Buffer>,
  colourType: number,
): 'sRGB' | 'ownProfile' | Buffer {
  const isGrey = colourType === 0 || colourType === 4;
  const numbered = h273(chunks.get('cICP'), isGrey);
  if (numbered) return numbered;
  const packed = chunks.get('iCCP');
  if (packed) return isPackedSrgb(packed) ? 'sRGB' : 'ownProfile';
  return chunks.has('sRGB') ? 'sRGB' : measured(chunks.get('gAMA'), chunks.get('cHRM'), isGrey);
}

/** Returns a profile as an iCCP chunk: a name, the compression method, compressed data. */
export function packedProfile(profile: Buffer): Buffer {
  return Buffer.concat([Buffer.from('colours\0\0', 'latin1'), zlib.deflateSync(profile)]);
}

/** Returns a PNG with this profile in place of its own. All other chunks stay. */
export function withProfile(png: Buffer, profile: Buffer): Buffer {
  const [header, ...others] = [...pngChunks(png)].filter(({ name }) => name !== 'iCCP');
  const parts = others.map(({ whole }) => whole);
  return Buffer.concat([
    SIGNATURE,
    ...(header ? [header.whole] : []),
    makeChunk('iCCP', packedProfile(profile)),
    ...parts,
  ]);
}

function isPackedSrgb(chunk: Buffer): boolean {
  const nameEnd = chunk.indexOf(0);
  if (nameEnd === -1 || chunk.length > MAX_PROFILE_BYTES) return false;
  try {
    return isSrgbProfile(
      zlib.inflateSync(chunk.subarray(nameEnd + 2), { maxOutputLength: MAX_PROFILE_BYTES }),
    );
  } catch {
    return false;
  }
}

function h273(chunk: Buffer | undefined, isGrey: boolean): 'sRGB' | Buffer | undefined {
  if (chunk?.length !== 4) return undefined;
  const [number = 0, transfer = 0] = chunk;
  const [primaries, curve] = [H273_PRIMARIES[number], H273_CURVES[transfer]];
  if (!primaries || !curve) return undefined;
  if (transfer === SRGB_NUMBER && (isGrey || primaries === SRGB_PRIMARIES)) return 'sRGB';
  return isGrey ? greyProfile(curve) : rgbProfile(primaries, curve);
}

function measured(
  gamma: Buffer | undefined,
  chromaticities: Buffer | undefined,
  isGrey: boolean,
): 'sRGB' | Buffer {
  const exponent = gamma?.length === 4 ? gamma.readUInt32BE(0) / 100_000 : 0;
  if (exponent <= 0 || exponent > 10) return 'sRGB';
  const isUsualGamma = Math.abs(exponent / USUAL_GAMMA - 1) <= GAMMA_TOLERANCE;
  const curve = isUsualGamma ? SRGB_CURVE : powerCurve(1 / exponent);
  if (isGrey) return isUsualGamma ? 'sRGB' : greyProfile(curve);
  const primaries = primariesOf(chromaticities) ?? SRGB_PRIMARIES;
  if (isUsualGamma && areClose(primaries, SRGB_PRIMARIES)) return 'sRGB';
  return rgbProfile(primaries, curve);
}

function primariesOf(chunk: Buffer | undefined): Primaries | undefined {
  if (chunk?.length !== 32) return undefined;
  const point = (n: number) =>
    [chunk.readUInt32BE(8 * n) / 100_000, chunk.readUInt32BE(8 * n + 4) / 100_000] as const;
  const primaries: Primaries = { white: point(0), red: point(1), green: point(2), blue: point(3) };
  // A point without a height is invalid, and so is a triangle without an area.
  const { red, green, blue } = primaries;
  const area = (green[0] - red[0]) * (blue[1] - red[1]) - (blue[0] - red[0]) * (green[1] - red[1]);
  const isSane = Math.abs(area) > 0.01 && Object.values(primaries).every(([, y]) => y > 0.001);
  return isSane ? primaries : undefined;
}

function areClose(a: Primaries, b: Primaries): boolean {
  const close = ([ax, ay]: readonly [number, number], [bx, by]: readonly [number, number]) =>
    Math.max(Math.abs(ax - bx), Math.abs(ay - by)) <= CHROMATICITY_TOLERANCE;
  return close(a.white, b.white) && close(a.red, b.red) && close(a.green, b.green) && close(a.blue, b.blue);
}
