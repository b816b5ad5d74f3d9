import { Readable } from 'node:stream';
import { PeekedStream } from '../../utils/PeekedStream.js';
import { isDecodable } from '../images/formats.js';
import { withoutMetadata } from '../images/keepImage.js';
import { HEAD_BYTES, natureOf } from '../jobs/outputKind.js';
import { OwnFileCheck, wrongResult } from '../jobs/ownFiles.js';

/** A file that can be read once. */
interface OpenFile {
  readonly body: Readable;
  /** Undefined if it is unknown, or if the file is in memory: images are. */
  readonly sizeBytes: number | undefined;
}

/** Most bytes of a video or a sound that are read before the first one is passed on, so that the check ends before. */
const MAX_CHECKED_BYTES = 16 * 1024 * 1024;

/**
 * Removes the metadata in which ComfyUI stores the prompt from a file that a machine sends. The bytes are those of the result that
 * this server keeps.
 * @param filename as ComfyUI named it
 * @param mark of the prompt that must have made the file, if that can be told; undefined for any prompt
 * @throws PromptError `wrong result` if another prompt made the file, or the error of the body. If the file is long, the body fails
 * with it before its end
 */
export async function withoutPrompt(
  { body, sizeBytes }: OpenFile,
  filename: string,
  mark: string | undefined,
): Promise<OpenFile> {
  const stream = new PeekedStream(body);
  const head = await stream.peek(HEAD_BYTES);
  const nature = await natureOf(head.subarray(0, HEAD_BYTES), filename);
  const check = new OwnFileCheck(nature, filename, mark);
  if (nature.kind === 'image' && isDecodable(nature.mimeType)) {
    const whole = await stream.peek(Number.POSITIVE_INFINITY);
    await check.look(whole);
    if (!check.isOwn) throw wrongResult();
    return { body: Readable.from([withoutMetadata(whole)]), sizeBytes: undefined };
  }
  const clean = new PeekedStream(streamOf(ownOnly(check.passed(stream.all()), check)));
  if (mark !== undefined) await clean.peek(MAX_CHECKED_BYTES);
  return { body: streamOf(clean.all()), sizeBytes };
}

const streamOf = (parts: AsyncIterable<Buffer>) => Readable.from(parts, { objectMode: false });

/** Holds the last part back until it is clear who made the file. */
async function* ownOnly(
  parts: AsyncIterable<Buffer>,
  check: Pick<OwnFileCheck, 'isOwn'>,
): AsyncGenerator<Buffer, void> {
  let last: Buffer | undefined;
  for await (const part of parts) {
    if (last) yield last;
    last = part;
  }
  if (!check.isOwn) throw wrongResult();
  if (last) yield last;
}
