import { Readable } from 'node:stream';
import { PeekedStream } from '../../utils/PeekedStream.js';
import { isDecodable } from '../images/formats.js';
import { withoutMetadata } from '../images/keepImage.js';
import { HEAD_BYTES, mayHoldPrompt, natureOf } from '../jobs/outputKind.js';
import { isOwn, wrongResult } from '../jobs/ownFiles.js';
import { eraseMetadata } from '../media/eraseMetadata.js';

/** A file that can be read once. */
interface OpenFile {
  readonly body: Readable;
  /** Undefined if it is unknown, or if the file is in memory: images are. */
  readonly sizeBytes: number | undefined;
}

/**
 * Removes the metadata in which ComfyUI stores the prompt from a file that a machine sends. The bytes are those of the result that
 * this server keeps.
 * @param filename as ComfyUI named it
 * @param mark of the prompt that must have made the file, if that can be told; undefined for any prompt
 * @throws PromptError `wrong result` if another prompt made the file, or the error of the body
 */
export async function withoutPrompt(
  { body, sizeBytes }: OpenFile,
  filename: string,
  mark: string | undefined,
): Promise<OpenFile> {
  const stream = new PeekedStream(body);
  const head = await stream.peek(HEAD_BYTES);
  const nature = await natureOf(head.subarray(0, HEAD_BYTES), filename);
  if (nature.kind === 'image' && isDecodable(nature.mimeType)) {
    const whole = await stream.peek(Number.POSITIVE_INFINITY);
    // The mark is in the metadata.
    if (mark !== undefined && !(await isOwn({ bytes: whole, filename }, mark))) throw wrongResult();
    return { body: Readable.from([withoutMetadata(whole)]), sizeBytes: undefined };
  }
  const parts = mayHoldPrompt(nature) ? eraseMetadata(stream.all()) : stream.all();
  return { body: Readable.from(parts, { objectMode: false }), sizeBytes };
}
