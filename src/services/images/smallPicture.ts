import { openImage } from '../../utils/openImage.js';

/** Pixels either way: enough for nodes that make a picture smaller before they look at it. */
const SIDE = 64;

/** A grey PNG, for workflows that are run for nobody. */
export async function smallPicture(): Promise<Buffer> {
  const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
  const pixels = Buffer.alloc(SIDE * SIDE * raw.channels, 128);
  return openImage(pixels, SIDE * SIDE, { raw })
    .png()
    .toBuffer();
}
