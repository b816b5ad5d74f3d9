import type { Request, Response } from 'express';
import multer, { MulterError } from 'multer';
import { AppError } from '../errors.js';
import { FIRST_IMAGE, fileInputNamed, firstImageOf } from '../services/submissions/fileInputs.js';
import { harmlessName } from '../services/submissions/harmlessName.js';
import { isPicture } from '../services/submissions/inspectFile.js';
import type { ReceivedFile } from '../services/submissions/Submission.js';
import { type StoredFile, sizeOf } from '../utils/StoredFile.js';
import type { FileInput } from '../workflows/types.js';
import type { BodyReader, ReceivedBody } from './BodyReader.js';
import { declaredBytes, malformed, tooLarge } from './bodyErrors.js';
import { FormFiles } from './FormFiles.js';
import { STREAM_BYTES, type StoredUploads } from './StoredUploads.js';

/** Fields of a form besides its files, unless the workflow has more parameters. */
const MIN_FIELDS = 32;
/** Fields that a form may have besides the workflow's own parameters. */
const OTHER_FIELDS = 16;
const MAX_FIELD_BYTES = 16 * 1024;
/** For prompts: 20,000 characters of any script. */
const MAX_TEXT_BYTES = 80 * 1024;

/** Returns the maximum size of a form besides its files, bytes. */
export function formOverhead(fields = MIN_FIELDS, fieldBytes = MAX_FIELD_BYTES): number {
  return 64 * 1024 + fields * fieldBytes;
}

interface FormOptions {
  readonly inputs: readonly FileInput[];
  /** Number of parameters of the workflow. */
  readonly parameters: number;
  /** Whether some of them are texts, which may be long. */
  readonly hasTexts: boolean;
  /** Bytes of each file. */
  readonly maxFileBytes: number;
  /** Where files other than images are streamed; undefined for memory. */
  readonly stored: StoredUploads | undefined;
}

/**
 * A form with the files of a workflow, each in the field with the name of its input, and parameters in the other
 * fields.
 */
export class FormReader implements BodyReader {
  readonly maxBytes: number;
  readonly maxHeldBytes: number;
  readonly #inputs: readonly FileInput[];
  readonly #maxBytesOfEach: number;
  readonly #maxFields: number;
  readonly #maxFieldBytes: number;
  readonly #files = new FormFiles();
  readonly #stored: StoredUploads | undefined;

  constructor({ inputs, parameters, hasTexts, maxFileBytes, stored }: FormOptions) {
    this.#inputs = inputs;
    this.#maxBytesOfEach = maxFileBytes;
    this.#maxFields = Math.max(MIN_FIELDS, parameters + OTHER_FIELDS);
    this.#maxFieldBytes = hasTexts ? MAX_TEXT_BYTES : MAX_FIELD_BYTES;
    this.#stored = stored;
    const streamed = stored ? inputs.filter((input) => !isPicture(input)).length : 0;
    this.maxHeldBytes = (inputs.length - streamed) * maxFileBytes + streamed * STREAM_BYTES;
    this.maxBytes = inputs.length * maxFileBytes + formOverhead(this.#maxFields, this.#maxFieldBytes);
  }

  async read(request: Request, response: Response): Promise<ReceivedBody> {
    await this.#parse(request, response);
    const files = new Map<string, ReceivedFile>();
    const fields = request.files as Readonly<Record<string, readonly Express.Multer.File[]>> | undefined;
    for (const [field, [file]] of Object.entries(fields ?? {})) {
      const input = fileInputNamed(this.#inputs, field);
      const bytes = this.#files.stored(field) ?? file?.buffer;
      if (!input || !file || !bytes) continue;
      if (sizeOf(bytes) === 0) {
        // Browsers send an empty file without a name for a field that was left empty.
        if (input.required && file.originalname !== '') throw emptyFile(input.kind, field);
        continue;
      }
      if (files.has(input.name)) throw this.#tooManyFiles();
      files.set(input.name, { bytes, filename: harmlessName(file.originalname, input.kind) });
    }
    // The request does not keep the files, however long the client waits for the response.
    delete request.files;
    return { files, values: { ...(request.body as Record<string, unknown>) } };
  }

  discard(): void {
    this.#files.discard();
  }

  #parse(request: Request, response: Response): Promise<void> {
    let onFailure: (error: unknown) => void = () => undefined;
    const maxFields = this.#maxFields;
    const files = this.#inputs.length;
    const parse = multer({
      storage: this.#files.storage(
        (of) => Math.min(declaredBytes(of), this.#maxBytesOfEach),
        (file) => this.#store(file, (error) => onFailure(error)),
      ),
      limits: {
        fileSize: this.#maxBytesOfEach,
        files: Math.max(1, files),
        fields: maxFields,
        parts: maxFields + files + 1,
        fieldSize: this.#maxFieldBytes,
        fieldNameSize: 100,
        fieldNestingDepth: 1,
        headerPairs: 50,
      },
      defParamCharset: 'utf8',
    }).fields(this.#fieldNames().map((name) => ({ name, maxCount: 1 })));
    return new Promise((resolve, reject) => {
      // The parser reports it only at the end of the body.
      onFailure = reject;
      parse(request, response, (error: unknown) => {
        if (error === undefined || error === null) resolve();
        else reject(this.#errorOf(error));
      });
    });
  }

  /** Streams a file other than an image to the store, if there is one. */
  #store(
    { fieldname, stream }: Express.Multer.File,
    onFailure: (error: unknown) => void,
  ): Promise<StoredFile> | undefined {
    const input = fileInputNamed(this.#inputs, fieldname);
    if (!this.#stored || !input || isPicture(input)) return undefined;
    const file = this.#stored.put(stream, this.#maxBytesOfEach, 'The multipart body');
    stream.once('limit', () => onFailure(tooLarge(this.#maxBytesOfEach)));
    file.catch(onFailure);
    return file;
  }

  #fieldNames(): string[] {
    const names = new Set(this.#inputs.map(({ name }) => name));
    if (firstImageOf(this.#inputs)) names.add(FIRST_IMAGE);
    return [...names];
  }

  #errorOf(error: unknown): AppError {
    if (!(error instanceof MulterError)) return malformed('The multipart body', error);
    switch (error.code) {
      case 'LIMIT_FILE_SIZE':
        return tooLarge(this.#maxBytesOfEach);
      case 'LIMIT_FILE_COUNT':
        return this.#tooManyFiles();
      case 'LIMIT_UNEXPECTED_FILE':
        return this.#fieldNames().includes(error.field ?? '')
          ? this.#tooManyFiles()
          : this.#wrongField(error.field);
      default:
        return new AppError('MALFORMED_UPLOAD', `The form cannot be read: ${error.message}.`);
    }
  }

  #tooManyFiles(): AppError {
    const isOne = this.#inputs.length === 1;
    return new AppError(
      'TOO_MANY_FILES',
      isOne ? 'Send one image at a time.' : 'Send one file for each input.',
    );
  }

  #wrongField(field = ''): AppError {
    const shown = JSON.stringify(field);
    const [only, ...others] = this.#inputs;
    if (only && others.length === 0) {
      const names = new Set(only.kind === 'image' ? [FIRST_IMAGE, only.name] : [only.name]);
      const right = [...names].map((name) => JSON.stringify(name)).join(' or ');
      return new AppError('NO_IMAGE', `No ${only.kind} file provided.`, {
        details: `The file is in the field ${shown}; use the field ${right}.`,
      });
    }
    const names = this.#inputs.map(({ name }) => `"${name}"`).join(', ');
    const takes = only ? `files belong in ${names}` : 'this workflow takes no files';
    return new AppError('INVALID_PARAMETER', `There is no file input ${shown}: ${takes}.`, {
      details: { parameter: field, takes },
    });
  }
}

function emptyFile(kind: string, field: string): AppError {
  return new AppError('NO_IMAGE', `The ${kind} file in the field ${JSON.stringify(field)} is empty.`);
}
