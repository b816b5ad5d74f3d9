import type { Request, RequestHandler, Response } from 'express';
import multer, { MulterError } from 'multer';
import { AppError } from '../errors.js';

/** Form field that carries the image. */
const IMAGE_FIELD = 'imageFile';

const MAX_FIELDS = 32;
const MAX_FIELD_BYTES = 16 * 1024;
/** What a multipart body may be longer than its file. */
const MULTIPART_OVERHEAD = 64 * 1024 + MAX_FIELDS * MAX_FIELD_BYTES;

/** An upload as it came, before anybody looked at its bytes. */
export interface Upload {
  readonly bytes: Buffer;
  /** The client's name for it, without control characters and cut to a length. */
  readonly filename: string;
}

/** Reads one image and the form's fields into memory. Ask `uploadOf` for the image. */
export function imageUpload(maxFileBytes: number): RequestHandler {
  const parse = multer({
    storage: multer.memoryStorage(),
    limits: {
      fileSize: maxFileBytes,
      files: 1,
      fields: MAX_FIELDS,
      fieldSize: MAX_FIELD_BYTES,
      fieldNameSize: 100,
      headerPairs: 50,
    },
    defParamCharset: 'utf8',
  }).single(IMAGE_FIELD);
  return (request, response, next) => {
    const declared = Number(request.get('Content-Length') ?? 0);
    if (declared > maxFileBytes + MULTIPART_OVERHEAD) throw tooLarge(maxFileBytes);
    parse(request, response, (error: unknown) => {
      if (error === undefined || error === null) next();
      else next(uploadError(error, maxFileBytes));
    });
  };
}

/**
 * The image of a request that went through `imageUpload`.
 * @throws AppError `NO_IMAGE`
 */
export function uploadOf(request: Request): Upload {
  const { file } = request;
  if (!file || file.buffer.length === 0) throw noImage();
  return { bytes: file.buffer, filename: harmlessName(file.originalname) };
}

/** Form fields and query parameters, of which the form's win. An empty one counts as left out. */
export function parametersOf(request: Request): Record<string, unknown> {
  const given = { ...request.query, ...(request.body as Record<string, unknown> | undefined) };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
}

/** The path of a name is nobody's business, and it ends up in logs, headers and JSON. */
function harmlessName(name: string): string {
  const base = name.split(/[/\\]/).at(-1) ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  const clean = base.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '').slice(0, 200);
  // Cutting may leave half a surrogate pair.
  return Buffer.from(clean).toString() || 'image';
}

function noImage(details?: string): AppError {
  return new AppError('NO_IMAGE', 'No image file provided.', {
    details: details ?? `Send multipart/form-data with the image in the field "${IMAGE_FIELD}".`,
  });
}

function tooLarge(maxFileBytes: number): AppError {
  return new AppError('FILE_TOO_LARGE', `The file is larger than ${maxFileBytes} bytes.`);
}

function uploadError(error: unknown, maxFileBytes: number): AppError {
  if (!(error instanceof MulterError)) {
    return new AppError('MALFORMED_UPLOAD', 'The multipart body is broken or cut off.', { cause: error });
  }
  switch (error.code) {
    case 'LIMIT_FILE_SIZE':
      return tooLarge(maxFileBytes);
    case 'LIMIT_FILE_COUNT':
      return tooManyFiles();
    case 'LIMIT_UNEXPECTED_FILE':
      return error.field === IMAGE_FIELD ? tooManyFiles() : wrongField(error.field);
    default:
      return new AppError('MALFORMED_UPLOAD', `The form cannot be read: ${error.message}.`);
  }
}

function tooManyFiles(): AppError {
  return new AppError('TOO_MANY_FILES', 'Send one image at a time.');
}

function wrongField(field: string | undefined): AppError {
  return noImage(`The file is in the field ${JSON.stringify(field ?? '')}; it belongs in "${IMAGE_FIELD}".`);
}

/** The response whose client hung up before it had its answer: aborts the signal. */
export function hangUpSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
