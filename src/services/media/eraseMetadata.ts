import { edited, type Reading } from './edited.js';
import { eraseIsoMedia } from './isoMedia.js';
import { eraseGltf, eraseLatent } from './jsonHeaders.js';
import { eraseMatroska } from './matroska.js';
import { eraseOgg } from './ogg.js';
import { eraseFlac, eraseId3, eraseRiff } from './sounds.js';
import { type Eraser, look } from './steps.js';
import { eraseSvg } from './svg.js';

/** Bytes of the start of a file that tell its format. */
const HEAD_BYTES = 64;

/** Formats by the start of a file, one character for each byte. */
const FORMATS: ReadonlyArray<readonly [start: RegExp, eraser: () => Eraser]> = [
  // AVIF and HEIF store images in the boxes in which videos store metadata.
  [/^.{4}ftyp(?!av[ci][fis]|he[iv]|mi[af]|msf)/s, eraseIsoMedia],
  // The first byte is 26.
  [/^.E\xdf\xa3/s, eraseMatroska],
  [/^fLaC/, eraseFlac],
  // A tag, or the first frame of a sound.
  [/^(?:ID3|\xff[\xe2-\xfb])/, eraseId3],
  [/^OggS/, eraseOgg],
  [/^RIFF.{4}(?:WAVE|AVI )/s, eraseRiff],
  [/^glTF/, eraseGltf],
  // Maybe after a byte order mark.
  [/^(?:\xef\xbb\xbf)?\s*<(?:\?xml|svg|!DOCTYPE svg|!--)/, eraseSvg],
  // The length of the header, then the header.
  [/^.{6}\0\0\{"/s, eraseLatent],
];

/**
 * Passes a video, a sound, a latent, a 3D model or an SVG on without the metadata in which ComfyUI stores the whole prompt. The
 * length stays the same. Files of other formats, and damaged ones, stay unchanged from the first byte that is not understood.
 * @param parts of the file, which are changed in place
 * @param see receives the metadata in parts, each of which is valid during the call only
 * @throws the error of `parts`
 */
export function eraseMetadata(
  parts: AsyncIterable<Buffer>,
  see?: Reading['see'],
): AsyncGenerator<Buffer, void> {
  return edited(parts, eraseByFormat(), { see });
}

/** The same for a file in memory. @param bytes is changed in place */
export async function eraseMetadataIn(bytes: Buffer): Promise<void> {
  for await (const _part of eraseMetadata(inOnePart(bytes)));
}

/** Reads the metadata that `eraseMetadata` would erase. @param see as there */
export async function readMetadataIn(bytes: Buffer, see: (metadata: Buffer) => void): Promise<void> {
  for await (const _part of edited(inOnePart(bytes), eraseByFormat(), { see, isKept: true }));
}

function* eraseByFormat(): Eraser {
  const start = (yield* look(HEAD_BYTES)).toString('latin1');
  const eraser = FORMATS.find(([format]) => format.test(start))?.[1];
  if (eraser) yield* eraser();
}

async function* inOnePart(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}
