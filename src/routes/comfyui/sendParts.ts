import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { byteLengthOf, type JsonPart } from '../../utils/jsonParts.js';
import type { Turns } from '../../utils/turns.js';

/** A response of up to this many bytes is sent as a whole. */
const WHOLE_BYTES = 128 * 1024;
/** A longer one is written in pieces of about this size. It is above the size for which `Turns` waits. */
const PIECE_BYTES = 128 * 1024;

/**
 * Sends JSON in ComfyUI's format. What is long is written as fast as the client reads it, in several turns of the event loop: a
 * response takes the memory of a few pieces, however long it is.
 * @param parts starts again with each call. Parts that are created later may show what has changed meanwhile.
 */
export async function sendParts(
  request: Request,
  response: Response,
  parts: () => Iterable<JsonPart>,
  turns: Turns,
): Promise<void> {
  response.status(200).type('application/json');
  const whole = shortText(parts());
  if (whole !== undefined) {
    response.send(whole);
    return;
  }
  if (request.method === 'HEAD') {
    let length = 0;
    for (const part of parts()) length += byteLengthOf(part);
    response.set('Content-Length', String(length)).end();
    return;
  }
  let failure: unknown;
  const pieces = async function* () {
    try {
      yield* piecesOf(parts(), turns);
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  // It also rejects if the client disconnects, which is no error.
  await pipeline(pieces(), response).catch(() => undefined);
  if (failure !== undefined) throw failure;
}

/** Returns the whole text, unless it is long. */
function shortText(parts: Iterable<JsonPart>): string | undefined {
  const all: JsonPart[] = [];
  let bytes = 0;
  for (const part of parts) {
    bytes += byteLengthOf(part);
    if (bytes > WHOLE_BYTES) return undefined;
    all.push(part);
  }
  return all.map((part) => (typeof part === 'string' ? part : part.text)).join('');
}

async function* piecesOf(parts: Iterable<JsonPart>, turns: Turns): AsyncGenerator<Buffer> {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') text += part;
    else if (part.byteLength <= PIECE_BYTES) text += part.text;
    else {
      yield Buffer.from(text);
      text = '';
      for await (const piece of part.pieces()) {
        await turns.take(piece.length);
        yield piece;
      }
    }
    if (text.length < PIECE_BYTES) continue;
    await turns.take(text.length);
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}
