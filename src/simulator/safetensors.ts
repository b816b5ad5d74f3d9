import type { Raster } from './images.js';
import type { TextChunk } from './pngText.js';

/**
 * A batch of images of the same size as a safetensors file: 8 bytes of length, a JSON header, the data.
 * @param texts about the file, in its header
 */
export function safetensors(images: readonly Raster[], texts: readonly TextChunk[]): Buffer {
  const data = Buffer.concat(images.map((image) => image.data));
  const [first] = images;
  const header = Buffer.from(
    JSON.stringify({
      ...(texts.length > 0
        ? { __metadata__: Object.fromEntries(texts.map(({ keyword, text }) => [keyword, text])) }
        : {}),
      latent_tensor: {
        dtype: 'U8',
        shape: [images.length, first?.height ?? 0, first?.width ?? 0, first?.channels ?? 3],
        data_offsets: [0, data.length],
      },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}
