import { Readable } from 'node:stream';

export interface RequestBody {
  /** For `Content-Type`. */
  readonly type: string;
  /**
   * In one piece, in pieces that are sent one after the other (putting large ones together would copy them), or read from
   * somewhere while they are sent.
   */
  readonly bytes: Buffer | readonly Buffer[] | StreamedBody;
}

export interface StreamedBody {
  /** How many bytes there will be. */
  readonly sizeBytes: number;
  /** Begins to read, for one request. What it fails with is what the request fails with. */
  chunks(): AsyncGenerator<Buffer, void>;
}

/** The headers that say what a body is, and how long where the client does not find out by itself. */
export function bodyHeaders({ type, bytes }: RequestBody): Record<string, string> {
  if (Buffer.isBuffer(bytes)) return { 'content-type': type };
  const length = isStreamed(bytes) ? bytes.sizeBytes : bytes.reduce((sum, piece) => sum + piece.length, 0);
  return { 'content-type': type, 'content-length': String(length) };
}

const isStreamed = (bytes: RequestBody['bytes']): bytes is StreamedBody => 'chunks' in bytes;

/** A body on its way. */
export class Sending {
  readonly content: Buffer | Readable;
  /** Why no more of it could be read. */
  failure: { readonly error: unknown } | undefined;

  constructor(bytes: RequestBody['bytes']) {
    if (Buffer.isBuffer(bytes)) this.content = bytes;
    else if (isStreamed(bytes)) this.content = Readable.from(this.#watched(bytes), { objectMode: false });
    else this.content = Readable.from(bytes);
    // A request that fails destroys it, whether anybody listens or not.
    if (!Buffer.isBuffer(this.content)) this.content.on('error', () => undefined);
  }

  async *#watched(body: StreamedBody): AsyncGenerator<Buffer, void> {
    try {
      yield* body.chunks();
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }
}
