import type { Readable } from 'node:stream';
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

  /**
   * @param source of the bytes, if it is not the request itself
   * @throws AppError for a body that is too large or truncated
   */
  read(request: Request, source: Readable = request): Promise<Buffer> {
    const buffer = new GrowingBuffer(Math.min(declaredBytes(request), this.#maxBytes));
    this.#buffer = buffer;
    let bytes = 0;
    return new Promise((resolve, reject) => {
      source.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes <= this.#maxBytes) buffer.append(part);
        else reject(this.#tooLarge());
      });
      source.once('end', () => resolve(buffer.take()));
      source.once('error', (error) => reject(malformed('The body', error)));
      source.once('close', () => {
        if (!source.readableEnded) reject(malformed());
      });
    });
  }

  discard(): void {
    this.#buffer?.discard();
  }
}
