/** A stand-in for diffusion: latents are images, and a sampler's result depends on all of its inputs. */
import { emptyBatch, openRaster, type Raster, toRaster } from './images.js';
import { combined, hashColours, hashPicture, opaque } from './pixels.js';

/** The images of a batch, and a mask of where a sampler may change them (white). */
export interface Latent {
  readonly images: readonly Raster[];
  readonly mask?: Raster;
}

/** The inputs of a sampler, except the latent. */
export interface SamplerSettings {
  readonly model: string;
  readonly positive: string;
  readonly negative: string;
  /** Decimal, with all digits. */
  readonly seed: string;
  readonly steps: number;
  readonly cfg: number;
  readonly sampler: string;
  readonly scheduler: string;
}

/** Image pixels per latent pixel, along each side. */
const FACTOR = 8;

const textOf = (settings: SamplerSettings, index: number) => {
  const { model, positive, negative, seed, steps, cfg, sampler, scheduler } = settings;
  return JSON.stringify([model, positive, negative, seed, steps, cfg, sampler, scheduler, index]);
};

/** The colours that a sampler makes from an empty latent: 4 x 4 cells, row by row, RGB. */
export function sampledColours(settings: SamplerSettings, index = 0): Buffer {
  return hashColours(textOf(settings, index));
}

/** A black batch with sides that are multiples of 8. */
export function emptyLatent(width: number, height: number, count: number): Latent {
  return { images: emptyBatch(width - (width % FACTOR), height - (height % FACTOR), count) };
}

/** The centre of an image, with sides that are multiples of 8. */
export async function encoded(asItCame: Raster): Promise<Raster> {
  const image = await opaque(asItCame);
  const width = Math.max(1, image.width - (image.width % FACTOR));
  const height = Math.max(1, image.height - (image.height % FACTOR));
  if (width === image.width && height === image.height) return image;
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  return toRaster(openRaster(image).extract({ left, top, width, height }));
}

/** Grows the white area of a mask by so many pixels. */
export async function grown(mask: Raster, by: number): Promise<Raster> {
  // In sharp, erosion shrinks the black area.
  return by > 0 ? toRaster(openRaster(mask).erode(by)) : mask;
}

/** Blends new images into the old ones by the share `denoise` (0 to 1), where the mask is white. */
export async function sampled(latent: Latent, settings: SamplerSettings, denoise: number): Promise<Latent> {
  const images = latent.images.map(async (image, index) => {
    const picture = await hashPicture(textOf(settings, index), image.width, image.height);
    const isNew = denoise === 1;
    const changed = isNew
      ? picture
      : await combined(image, picture, (old, fresh) => old + (fresh - old) * denoise);
    return latent.mask ? masked(image, changed, latent.mask) : changed;
  });
  return { ...latent, images: await Promise.all(images) };
}

async function masked(image: Raster, changed: Raster, mask: Raster): Promise<Raster> {
  const share = await combined(image, mask, (_, white) => white);
  return combined(image, changed, (old, fresh, at) => old + ((fresh - old) * (share.data[at] ?? 0)) / 255);
}
