import type { Request } from 'express';
import { AppError } from '../errors.js';
import type { FileInput } from '../workflows/types.js';
import type { BodyReader, ReceivedBody } from './BodyReader.js';
import { declaresBody } from './bodyErrors.js';

/** No body, or one of an unsupported type. */
export class UnreadBody implements BodyReader {
  readonly maxBytes: number;
  readonly maxHeldBytes = 0;
  readonly #inputs: readonly FileInput[];

  /** @param maxBytes as for other bodies: the end of a larger body is not awaited */
  constructor(inputs: readonly FileInput[], maxBytes: number) {
    this.#inputs = inputs;
    this.maxBytes = maxBytes;
  }

  async read(request: Request): Promise<ReceivedBody> {
    // If a file is required, its absence is the clearer error.
    if (declaresBody(request) && !this.#inputs.some(({ required }) => required)) {
      throw new AppError('MALFORMED_UPLOAD', 'This content type is not supported.', {
        details: 'Send multipart/form-data or application/json.',
      });
    }
    return { files: new Map(), values: {} };
  }

  discard(): void {
    // No bytes were received.
  }
}
