import type { Request } from 'express';
import { AppError } from '../errors.js';
import type { FileInput } from '../workflows/types.js';
import type { BodyReader, ReceivedBody } from './BodyReader.js';

/** No body, or one of a type that nobody reads. */
export class UnreadBody implements BodyReader {
  readonly maxBytes: number;
  readonly maxHeldBytes = 0;
  readonly #inputs: readonly FileInput[];

  /** @param maxBytes as in other bodies: nobody waits for a larger one to end */
  constructor(inputs: readonly FileInput[], maxBytes: number) {
    this.#inputs = inputs;
    this.maxBytes = maxBytes;
  }

  async read(request: Request): Promise<ReceivedBody> {
    const { headers } = request;
    const hasBody = 'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0;
    // Where a file must be there, its absence is the clearer thing to tell.
    if (hasBody && !this.#inputs.some(({ required }) => required)) {
      throw new AppError('MALFORMED_UPLOAD', 'A body of this content type is not read.', {
        details: 'Send multipart/form-data or application/json.',
      });
    }
    return { files: new Map(), values: {} };
  }

  discard(): void {
    // Nothing came.
  }
}
