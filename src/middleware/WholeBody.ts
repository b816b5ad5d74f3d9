import type { Request } from 'express';
import type { AppError } from '../errors.js';
import { declaredBytes, malformed } from './bodyErrors.js';
import { GrowingBuffer } from './GrowingBuffer.js';

/** A body that is read into one buffer. */
export class WholeBody {
  readonly #maxBytes: number;
  readonly #tooLarge: () => AppError;
  #buffer: GrowingBuffer | undefined;

  constructor(maxBytes: number, tooLarge: () => AppError) {
    this.#maxBytes = maxBytes;
    this.#tooLarge = tooLarge;
  }

  /** @throws AppError for a body that is too large or truncated */
  read(request: Request): Promise<Buffer> {
    const buffer = new GrowingBuffer(Math.min(declaredBytes(request), this.#maxBytes));
    this.#buffer = buffer;
    let bytes = 0;
    return new Promise((resolve, reject) => {
      request.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes <= this.#maxBytes) buffer.append(part);
        else reject(this.#tooLarge());
      });
      request.once('end', () => resolve(buffer.take()));
      request.once('error', (error) => reject(malformed('The body', error)));
      request.once('close', () => {
        if (!request.readableEnded) reject(malformed());
      });
    });
  }

  discard(): void {
    this.#buffer?.discard();
  }
}
