import { Readable } from 'node:stream';
import { PromptError } from '../../errors.js';

/** How far an answer's body may go. */
interface BodyLimit {
  readonly maxBytes: number;
  /** Bytes that its header says it has. */
  readonly announced: number;
}

/** @returns undefined when there is more than `maxBytes`, or there will be */
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
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

/** Something failed that the instance has nothing to do with. */
export class LocalFailure extends Error {
  override name = 'LocalFailure';
}

/**
 * Hands a body over as it comes. What is not read of it is not waited for.
 * @param problemOf names what is wrong with an instance whose body breaks off
 * @throws LocalFailure for what `receive` fails with, or else the body's PromptError
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
      : new LocalFailure('The answer was not taken.', { cause: error });
  } finally {
    source.destroy();
    body.destroy();
  }
}

/** It fails with what is wrong with the instance, or with its answer. */
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
