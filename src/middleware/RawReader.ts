import type { Request } from 'express';
import { AppError } from '../errors.js';
import { onlyFileInputOf } from '../services/submissions/fileInputs.js';
import type { FileInput } from '../workflows/types.js';
import type { BodyReader, ReceivedBody } from './BodyReader.js';
import { tooLarge } from './bodyErrors.js';
import { WholeBody } from './WholeBody.js';

/** Content types of a body that is one file. */
export const RAW_TYPES = ['image/*', 'video/*', 'audio/*'];

/** A body that is nothing but one file: the workflow's only one, or the only one that must be there. */
export class RawReader implements BodyReader {
  readonly maxBytes: number;
  readonly maxFileBytes: number;
  readonly #input: FileInput;
  readonly #body: WholeBody;

  /** @throws AppError `INVALID_PARAMETER` for a workflow with no such file */
  constructor(inputs: readonly FileInput[], maxFileBytes: number) {
    const input = onlyFileInputOf(inputs);
    if (!input) {
      const takes = 'can only be one file where a workflow has one file input';
      throw new AppError('INVALID_PARAMETER', `The body ${takes}: this one has ${inputs.length}.`, {
        details: { parameter: 'body', takes },
      });
    }
    this.#input = input;
    this.maxBytes = maxFileBytes;
    this.maxFileBytes = maxFileBytes;
    this.#body = new WholeBody(maxFileBytes, () => tooLarge(maxFileBytes));
  }

  async read(request: Request): Promise<ReceivedBody> {
    const bytes = await this.#body.read(request);
    const { name, kind } = this.#input;
    return { files: new Map(bytes.length > 0 ? [[name, { bytes, filename: kind }]] : []), values: {} };
  }

  discard(): void {
    this.#body.discard();
  }
}
