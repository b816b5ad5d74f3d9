import { PassThrough } from 'node:stream';
import type { Request } from 'express';
import { AppError } from '../errors.js';
import { onlyFileInputOf } from '../services/submissions/fileInputs.js';
import { isPicture } from '../services/submissions/inspectFile.js';
import { type StoredFile, sizeOf } from '../utils/StoredFile.js';
import type { FileInput } from '../workflows/types.js';
import type { BodyReader, ReceivedBody } from './BodyReader.js';
import { tooLarge } from './bodyErrors.js';
import { STREAM_BYTES, type StoredUploads } from './StoredUploads.js';
import { WholeBody } from './WholeBody.js';

/** Content types of a body that is one file. */
export const RAW_TYPES = ['image/*', 'video/*', 'audio/*'];

/** A body that is nothing but one file: the workflow's only one, or the only one that must be there. */
export class RawReader implements BodyReader {
  readonly maxBytes: number;
  readonly maxHeldBytes: number;
  readonly #input: FileInput;
  readonly #body: WholeBody;
  readonly #stored: StoredUploads | undefined;

  /**
   * @param stored where the file goes as it comes, unless it is an image; undefined where that is memory
   * @throws AppError `INVALID_PARAMETER` for a workflow with no such file
   */
  constructor(inputs: readonly FileInput[], maxFileBytes: number, stored: StoredUploads | undefined) {
    const input = onlyFileInputOf(inputs);
    if (!input) {
      const takes = 'can only be one file where a workflow has one file input';
      throw new AppError('INVALID_PARAMETER', `The body ${takes}: this one has ${inputs.length}.`, {
        details: { parameter: 'body', takes },
      });
    }
    this.#input = input;
    this.maxBytes = maxFileBytes;
    this.#stored = isPicture(input) ? undefined : stored;
    this.maxHeldBytes = this.#stored ? STREAM_BYTES : maxFileBytes;
    this.#body = new WholeBody(maxFileBytes, () => tooLarge(maxFileBytes));
  }

  async read(request: Request): Promise<ReceivedBody> {
    const bytes = this.#stored ? await this.#store(request, this.#stored) : await this.#body.read(request);
    const { name, kind } = this.#input;
    return { files: new Map(sizeOf(bytes) > 0 ? [[name, { bytes, filename: kind }]] : []), values: {} };
  }

  /** The request goes through another stream: it stays its owner's, who may want the rest to be thrown away. */
  #store(request: Request, stored: StoredUploads): Promise<StoredFile> {
    const body = new PassThrough();
    // It may fail before anybody reads it.
    body.on('error', () => undefined);
    request.once('error', (error) => body.destroy(error));
    request.once('close', () => {
      if (!request.complete) body.destroy(new Error('The client hung up.'));
    });
    request.pipe(body);
    return stored.put(body, this.maxBytes, 'The body');
  }

  discard(): void {
    this.#body.discard();
  }
}
