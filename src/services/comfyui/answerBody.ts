import { Readable } from 'node:stream';
import { PromptError } from '../../errors.js';
import { joined } from '../../utils/joined.js';

/** Limits of a response body. */
interface BodyLimit {
  readonly maxBytes: number;
  /** Length according to its header. */
  readonly announced: number;
}

/** @returns undefined if the body is, or will be, larger than `maxBytes` */
export async function readBody(
  body: AsyncIterable<Buffer>,
  { maxBytes, announced }: BodyLimit,
): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (Math.max(length, announced) > maxBytes) return undefined;
    parts.push(part);
  }
  return joined(parts);
}

/** A failure that is unrelated to the instance. */
export class LocalFailure extends Error {
  override name = 'LocalFailure';
}

/**
 * Passes a body on as a stream. Unread parts are not waited for.
 * @param problemOf describes an instance whose body ends early
 * @throws LocalFailure with the error of `receive`, otherwise the body's PromptError
 */
export async function handOver(
  body: Readable,
  limit: BodyLimit & { whyTooLarge(): PromptError },
  problemOf: (error: unknown) => PromptError,
  receive: (body: Readable) => Promise<void>,
): Promise<void> {
  const source = Readable.from(limited(body, limit, problemOf), { objectMode: false });
  for (const stream of [source, body]) stream.on('error', () => undefined);
  try {
    await receive(source);
  } catch (error) {
    throw error instanceof PromptError
      ? error
      : new LocalFailure('The response was not read.', { cause: error });
  } finally {
    source.destroy();
    body.destroy();
  }
}

/** Its error describes the problem with the instance or its response. */
async function* limited(
  body: AsyncIterable<Buffer>,
  { maxBytes, announced, whyTooLarge }: BodyLimit & { whyTooLarge(): PromptError },
  problemOf: (error: unknown) => PromptError,
): AsyncGenerator<Buffer, void> {
  let length = 0;
  try {
    if (announced > maxBytes) throw whyTooLarge();
    for await (const part of body) {
      length += part.length;
      if (length > maxBytes) throw whyTooLarge();
      yield part;
    }
  } catch (error) {
    throw problemOf(error);
  }
}
