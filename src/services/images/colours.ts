import type { Sharp } from 'sharp';
import { openImage } from '../../utils/openImage.js';
import { type DisplayProfile, hasSrgbColorants, readDisplayProfile } from './icc.js';
import { sampledProfile, type Transfer } from './iccProfile.js';
import { withProfile } from './pngColours.js';

/** What makes an image invalid: `truncated` for a file with too few bytes, `warning` for missing or wrong pixels. */
export type Failure = 'truncated' | 'warning';

/** How to decode an image, whatever its colours are. */
interface Decoding {
  readonly maxPixels: number;
  readonly failOn: Failure;
}

/** The power law that sRGB is most like where it matters: in dark tones. 8 bits suffice for values like these. */
const EVEN_EXPONENT = 2.4;
/**
 * If the curves are like a power law with an exponent up to 1.5, lcms applies them to each pixel of 16 bits. If it is
 * larger, lcms interpolates between 33 points of each channel, which is up to 20 of 255 off (measured with lcms 2.19).
 */
const EXACT_EXPONENT = 1.4;
/** The largest parameter of `Sharp.gamma`. */
const MAX_POWER = 3;
/** For images between two steps: their size does not matter, but the time does. */
const FAST = { compressionLevel: 1 } as const;

/**
 * Opens an image so that sharp decodes it as 8-bit sRGB, at most 1.5 of 255 off. Without this, sharp converts 16-bit
 * colours to Display P3, ignores the profile of 16-bit greys, and interpolates between 33 shades if a grey has 8 bits. And
 * with linear light, 8 bits are too few for dark tones: the first two are 13 of 255 apart in sRGB.
 * @param bytes without chunks that describe colours other than by a profile
 * @param maxPixels maximum width x height to decode
 */
export async function openInSrgb(bytes: Buffer, maxPixels: number, failOn: Failure): Promise<Sharp> {
  const decoding = { maxPixels, failOn };
  const image = openImage(bytes, maxPixels, { failOn });
  const { depth, space, icc } = await image.metadata();
  const isDeep = depth === 'ushort';
  const isGrey = space === 'b-w' || space === 'grey16';
  if (!icc) return isDeep ? rounded(image) : image;
  if (!isDeep && !isGrey) return image;
  const profile = readDisplayProfile(icc);
  if (profile?.isGrey !== isGrey) return isDeep ? in8Bits(bytes, isGrey, decoding) : image;
  if (isGrey || hasSrgbColorants(profile)) return byChannel(bytes, profile, isDeep, decoding);
  return in16Bits(bytes, profile, decoding);
}

/**
 * Opens an image whose channels do not depend on each other. It becomes RGB, for whose profiles lcms calculates 8 bits
 * exactly.
 */
async function byChannel(
  bytes: Buffer,
  profile: DisplayProfile,
  isDeep: boolean,
  { maxPixels, failOn }: Decoding,
): Promise<Sharp> {
  const image = openImage(bytes, maxPixels, { failOn, ignoreIcc: true });
  const power = isDeep ? powerFor(profile, EVEN_EXPONENT) : 1;
  const values = isDeep ? rounded(raised(image, power)) : image;
  const png = await values.toColourspace('srgb').png(FAST).toBuffer();
  return openImage(withProfile(png, profileOfRaised(profile, power)), maxPixels, { failOn });
}

/**
 * Opens a PNG of 16 bits whose channels depend on each other: in strong colours, the small ones are differences of the
 * large ones, so that 8 bits are too few.
 */
async function in16Bits(
  bytes: Buffer,
  profile: DisplayProfile,
  { maxPixels, failOn }: Decoding,
): Promise<Sharp> {
  const power = powerFor(profile, EXACT_EXPONENT);
  const described = withProfile(bytes, profileOfRaised(profile, power));
  const image = openImage(described, maxPixels, { failOn, ignoreIcc: true });
  const png = await raised(image, power)
    .toColourspace('rgb16')
    // From the profile of the image, although it was ignored above: that is how sharp would get to Display P3.
    .withIccProfile('srgb')
    .png(FAST)
    .toBuffer();
  return rounded(openImage(png, maxPixels, { failOn, ignoreIcc: true }));
}

/**
 * Opens an image of 16 bits with 8 bits and its profile. For profiles with colour tables: with 16 bits, lcms interpolates
 * between few points of them, too.
 */
async function in8Bits(bytes: Buffer, isGrey: boolean, { maxPixels, failOn }: Decoding): Promise<Sharp> {
  const png = await rounded(openImage(bytes, maxPixels, { failOn, ignoreIcc: true }))
    .toColourspace(isGrey ? 'b-w' : 'srgb')
    .keepIccProfile()
    .png(FAST)
    .toBuffer();
  return openImage(png, maxPixels, { failOn });
}

/** Has 16 bits rounded to 8: libvips takes the upper 8, as if 255 were 65,280 of 65,535. */
const rounded = (image: Sharp): Sharp => image.linear(65_280 / 65_535, 128);

/** Raises 16-bit values, as fractions of the largest one, to a power. */
const raised = (image: Sharp, power: number): Sharp =>
  power < 1 ? image.gamma(1, 1 / power) : image.gamma(power, 1);

/** Returns the profile of values that were raised to a power. */
function profileOfRaised({ colorants, curves }: DisplayProfile, power: number): Buffer {
  const adapted =
    (curve: Transfer): Transfer =>
    (value) =>
      curve(value ** (1 / power));
  return sampledProfile(colorants, curves.map(adapted));
}

/** The power to which values must be raised so that the curves are most like a power law with this exponent. */
function powerFor({ curves }: DisplayProfile, exponent: number): number {
  // By the steepest curve, measured in the middle.
  const middle = Math.min(...curves.map((curve) => curve(0.5) || 0));
  const present = Math.log(Math.min(0.99, Math.max(0.01, middle))) / Math.log(0.5);
  return Math.min(MAX_POWER, Math.max(1 / MAX_POWER, present / exponent));
}
