import { openImage } from '../../utils/openImage.js';

/** Width and height in pixels: enough for nodes that scale an image down first. */
const SIDE = 64;

/** Returns a grey PNG for warm-up runs. */
export async function smallPicture(): Promise<Buffer> {
  const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
  const pixels = Buffer.alloc(SIDE * SIDE * raw.channels, 128);
  return openImage(pixels, SIDE * SIDE, { raw })
    .png()
    .toBuffer();
}
