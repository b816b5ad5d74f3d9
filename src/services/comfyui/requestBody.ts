import { Readable } from 'node:stream';

export interface RequestBody {
  /** For `Content-Type`. */
  readonly type: string;
  /** One buffer, several buffers that are sent in sequence (concatenating large ones would copy them), or a stream. */
  readonly bytes: Buffer | readonly Buffer[] | StreamedBody;
}

export interface StreamedBody {
  /** Length in bytes. */
  readonly sizeBytes: number;
  /** Opens the stream for one request. Its error is the error of the request. */
  chunks(): AsyncGenerator<Buffer, void>;
}

/** The headers with the type of a body, and its length if the client does not determine it. */
export function bodyHeaders({ type, bytes }: RequestBody): Record<string, string> {
  if (Buffer.isBuffer(bytes)) return { 'content-type': type };
  const length = isStreamed(bytes) ? bytes.sizeBytes : bytes.reduce((sum, piece) => sum + piece.length, 0);
  return { 'content-type': type, 'content-length': String(length) };
}

const isStreamed = (bytes: RequestBody['bytes']): bytes is StreamedBody => 'chunks' in bytes;

/** A body in transit. */
export class Sending {
  readonly content: Buffer | Readable;
  /** Why no more of it could be read. */
  failure: { readonly error: unknown } | undefined;

  constructor(bytes: RequestBody['bytes']) {
    if (Buffer.isBuffer(bytes)) this.content = bytes;
    else if (isStreamed(bytes)) this.content = Readable.from(this.#watched(bytes), { objectMode: false });
    else this.content = Readable.from(bytes);
    // A request that fails destroys it, whether anyone listens or not.
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
