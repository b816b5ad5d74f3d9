import { ClientTurns, type Sender } from '../../utils/ClientTurns.js';
import { openImage } from '../../utils/openImage.js';
import { decodeCompletely } from './decode.js';
import { joinedJpeg, readAtOnce, rebuiltEndings, showsMissingData } from './jpeg.js';
import { type JpegSegment, walkJpeg } from './jpegSegments.js';
import { convertImage, storedPixels } from './normalise.js';
import { rebuildPng } from './png.js';
import type { InspectedImage } from './structure.js';
import { rebuildWebp } from './webp.js';

/** Repairs happen during a client's upload, so they must not occupy all threads. */
const turns = new ClientTurns();

/** Whether the decoder accepts the whole file as it is. @throws the reason of the signal if the sender has gone */
export function canBeDecoded(
  bytes: Buffer,
  { width, height }: InspectedImage,
  sender: Sender,
): Promise<boolean> {
  return turns.run(sender, () =>
    decodeCompletely(bytes, width * height).then(
      () => true,
      () => false,
    ),
  );
}

/**
 * Rewrites a file with a damaged structure: decodes the image completely and encodes it again.
 * @throws AppError `INVALID_IMAGE` if not all of its pixels are there; the reason of the signal if the sender has gone
 */
export function repairImage(bytes: Buffer, image: InspectedImage, sender: Sender): Promise<Buffer> {
  return turns.run(sender, async () => {
    switch (image.mimeType) {
      case 'image/png':
        return convertImage(rebuildPng(bytes), image, 'warning');
      case 'image/jpeg':
        return convertImage(await completeJpeg(bytes, image, sender), image, 'warning');
      case 'image/webp':
        return convertImage(rebuildWebp(bytes), image, 'warning');
    }
  });
}

/** Returns the JPEG with an end at which all of its data are there. */
async function completeJpeg(bytes: Buffer, image: InspectedImage, { signal }: Sender): Promise<Buffer> {
  // Once: of 10 MB that are nothing but markers, it takes 0.1 s.
  const walk = walkJpeg(bytes);
  if (!showsMissingData(walk)) throw new Error('nothing would show that its data are incomplete');
  let failure: unknown;
  const isComplete = async (jpeg: readonly JpegSegment[]): Promise<boolean> => {
    signal?.throwIfAborted();
    try {
      await readCompletely(jpeg, image);
      return true;
    } catch (error) {
      failure ??= error;
      return false;
    }
  };
  for (const { jpeg, tooShort } of rebuiltEndings(walk)) {
    if ((await isComplete(jpeg)) && !(tooShort && (await isComplete(tooShort)))) return joinedJpeg(jpeg);
  }
  throw failure ?? new Error('some of its data are padding');
}

/** Decodes all data of a JPEG, but only a few of its pixels. */
async function readCompletely(jpeg: readonly JpegSegment[], image: InspectedImage): Promise<void> {
  await openImage(readAtOnce(jpeg), storedPixels(image), { failOn: 'warning', ignoreIcc: true })
    .resize(1, 1, { fit: 'fill', kernel: 'nearest' })
    .raw()
    .toBuffer();
}
