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

/** A body with a single file: for the only file input of a workflow, or its only required one. */
export class RawReader implements BodyReader {
  readonly maxBytes: number;
  readonly maxHeldBytes: number;
  readonly #input: FileInput;
  readonly #body: WholeBody;
  readonly #stored: StoredUploads | undefined;

  /**
   * @param stored where files other than images are streamed; undefined for memory
   * @throws AppError `INVALID_PARAMETER` for a workflow without such an input
   */
  constructor(inputs: readonly FileInput[], maxFileBytes: number, stored: StoredUploads | undefined) {
    const input = onlyFileInputOf(inputs);
    if (!input) {
      const takes = 'can be a single file only for a workflow with one file input';
      throw new AppError('INVALID_PARAMETER', `The body ${takes}: this workflow has ${inputs.length}.`, {
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

  /** The request is piped into another stream, so that its owner can still discard the rest. */
  #store(request: Request, stored: StoredUploads): Promise<StoredFile> {
    const body = new PassThrough();
    // It may fail before anyone reads it.
    body.on('error', () => undefined);
    request.once('error', (error) => body.destroy(error));
    request.once('close', () => {
      if (!request.complete) body.destroy(new Error('The client disconnected.'));
    });
    request.pipe(body);
    return stored.put(body, this.maxBytes, 'The body');
  }

  discard(): void {
    this.#body.discard();
  }
}
