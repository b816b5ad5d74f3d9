import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** The beginning of an MP4 file: a file type box of 24 bytes. */
const FTYP = Buffer.from('00000018667479706d703432000000006d70343269736f6d', 'hex');
const CHUNK_BYTES = 64 * 1024;
const BOUNDARY = 'video-stream';

/** Yields the bytes of a video in chunks, so that they are never all in memory. */
export function* videoOf(bytes: number): Generator<Buffer, void> {
  const noise = randomBytes(CHUNK_BYTES);
  yield FTYP;
  for (let left = bytes - FTYP.length, n = 0; left > 0; left -= CHUNK_BYTES, n += 1) {
    const chunk = Buffer.from(noise.subarray(0, Math.min(CHUNK_BYTES, left)));
    chunk.writeUInt32LE(n, 0);
    yield chunk;
  }
}

/** Passes chunks on and adds them to `hash`. */
export function* hashed(chunks: Iterable<Buffer>, hash: Hash): Generator<Buffer, void> {
  for (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** A form with one file, and its length. */
export function formOf(
  field: string,
  chunks: Iterable<Buffer>,
  bytes: number,
): { headers: Record<string, string | number>; body: Generator<Buffer, void> } {
  const head = Buffer.from(
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"; filename="clip.mp4"\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
  return {
    headers: {
      'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`,
      'Content-Length': head.length + bytes + tail.length,
    },
    body: (function* () {
      yield head;
      yield* chunks;
      yield tail;
    })(),
  };
}

/** Starts a request whose body is sent as it is read; without a length header it uses chunked encoding. */
export function begin(url: string, headers: Record<string, string | number>): ClientRequest {
  return request(url, { method: 'POST', headers, agent: false });
}

/** Sends a body completely, or until the server closes. @returns status and JSON of the response */
export async function send(
  url: string,
  headers: Record<string, string | number>,
  body: Iterable<Buffer>,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const sending = begin(url, headers);
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  // A server that rejects the rest closes the connection.
  const sent = pipeline(Readable.from(body, { objectMode: false }), sending).catch(() => undefined);
  const [response] = await answered;
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  sending.destroy();
  await sent;
  return { status: response.statusCode ?? 0, json: JSON.parse(Buffer.concat(parts).toString()) };
}

/** Reads a response as it arrives. @returns the hash and the number of its bytes */
export async function hashOfAnswer(url: string): Promise<{ sha256: string; bytes: number }> {
  const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    hash.update(part);
    bytes += part.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}
