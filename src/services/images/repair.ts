import pLimit from 'p-limit';
import { decodeCompletely } from './decode.js';
import { rebuildJpeg, rebuiltEndings } from './jpeg.js';
import { walkJpeg } from './jpegSegments.js';
import { convertImage } from './normalise.js';
import { rebuildPng } from './png.js';
import type { InspectedImage } from './structure.js';
import { rebuildWebp } from './webp.js';

/** This happens during a client's upload, so it must not occupy all threads. */
const limit = pLimit(1);

/** Whether the decoder accepts the whole file as it is. */
export function canBeDecoded(bytes: Buffer, { width, height }: InspectedImage): Promise<boolean> {
  return limit(() => succeeds(decodeCompletely(bytes, width * height)));
}

/**
 * Rewrites a file with a damaged structure: decodes the image completely and encodes it again.
 * @throws AppError `INVALID_IMAGE` if not all of its pixels are there
 */
export function repairImage(bytes: Buffer, image: InspectedImage): Promise<Buffer> {
  return limit(() => {
    switch (image.mimeType) {
      case 'image/png':
        return convertImage(rebuildPng(bytes), image, 'warning');
      case 'image/jpeg':
        return repairJpeg(bytes, image);
      case 'image/webp':
        return convertImage(rebuildWebp(bytes), image, 'warning');
    }
  });
}

/** With an intact structure, a decoder warns of missing pixels only. */
async function repairJpeg(bytes: Buffer, image: InspectedImage): Promise<Buffer> {
  if (walkJpeg(bytes).hasEnd) return convertImage(rebuildJpeg(bytes), image, 'warning');
  const failures: unknown[] = [];
  for (const { jpeg, tooShort } of rebuiltEndings(bytes)) {
    const converted = await convertImage(jpeg, image, 'warning').catch((error: unknown) => {
      failures.push(error);
    });
    if (converted && !(tooShort && (await decodes(tooShort, image)))) return converted;
  }
  throw failures[0] ?? new Error('some of its data are padding');
}

function decodes(bytes: Buffer, image: InspectedImage): Promise<boolean> {
  return succeeds(convertImage(bytes, image, 'warning'));
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
