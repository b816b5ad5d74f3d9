import type { Request, RequestHandler, Response } from 'express';
import multer, { MulterError } from 'multer';
import { AppError } from '../../errors.js';
import { clientOf } from '../../middleware/authentication.js';
import { declaredBytes, malformed, tooLarge } from '../../middleware/bodyErrors.js';
import { refuseCompressed } from '../../middleware/contentCoding.js';
import { FormFiles } from '../../middleware/FormFiles.js';
import { receiveBody } from '../../middleware/receiveBody.js';
import { hangUpSignal } from '../../middleware/upload.js';
import { annotatedName, type FilePlace, filePlace, folderType } from '../../services/native/filePlace.js';
import { bodyLimits } from '../bodyLimits.js';
import { findFile, wholeFile } from './foundFiles.js';
import { endpoint, type NativeContext, ownerOf } from './NativeEndpoint.js';
import { sendView } from './view.js';

const MAX_FIELDS = 16;
const MAX_FIELD_BYTES = 16 * 1024;

/** Files that clients upload for their prompts, and outputs of prompts. */
export const fileEndpoints = [
  endpoint('get', '/view', (context) => async (request, response) => {
    await sendView(request, response, context, annotatedPlaceOf(request.query));
  }),
  endpoint('post', '/upload/image', (context) => upload(context, async ({ file }) => file.buffer)),
  endpoint('post', '/upload/mask', (context) =>
    upload(context, async ({ file, fields }, response) => {
      const original = await findFile(context, originalOf(fields), response);
      const load = () => wholeFile(context, original, context.config.machines.maxResultBytes);
      const sender = { client: clientOf(response), signal: hangUpSignal(response) };
      return context.native.images.masked(load, file.buffer, original.maxPixels, sender);
    }),
  ),
];

interface UploadForm {
  readonly file: Express.Multer.File;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** @param bytesOfForm returns the bytes of the file to keep */
function upload(
  context: NativeContext,
  bytesOfForm: (form: UploadForm, response: Response) => Promise<Buffer>,
): RequestHandler {
  const { maxFileBytes } = context.config.uploads;
  const limits = bodyLimits(context, maxFileBytes + MAX_FIELDS * MAX_FIELD_BYTES);
  return async (request, response) => {
    refuseCompressed(request, response);
    const read = () => readForm(request, response, maxFileBytes);
    const { value: form, release } = await receiveBody(request, response, limits, read);
    const { fields, file } = form;
    const place = placeOf({ ...fields, filename: file.originalname }, 'input');
    const overwrite = ['true', '1'].includes(String(fields['overwrite']));
    const bytes = await bytesOfForm(form, response);
    const { type, subfolder, filename } = await context.native.inputs.put(
      ownerOf(response),
      place,
      bytes,
      overwrite,
    );
    release();
    response.json({ name: filename, subfolder, type });
  };
}

async function readForm(request: Request, response: Response, maxFileBytes: number): Promise<UploadForm> {
  if (!request.is('multipart')) throw invalid('image', 'comes as multipart/form-data');
  const files = new FormFiles();
  const parse = multer({
    storage: files.storage((of) => Math.min(declaredBytes(of), maxFileBytes)),
    limits: {
      fileSize: maxFileBytes,
      files: 1,
      fields: MAX_FIELDS,
      fieldSize: MAX_FIELD_BYTES,
      fieldNestingDepth: 1,
    },
    defParamCharset: 'utf8',
  }).single('image');
  return new Promise((resolve, reject) => {
    const discard = () => files.discard();
    const fail = (error: AppError) => {
      discard();
      reject(error);
    };
    // The client disconnected, or its upload was rejected.
    response.once('close', discard);
    void parse(request, response, (error: unknown) => {
      response.off('close', discard);
      if (error instanceof MulterError && error.code === 'LIMIT_FILE_SIZE') fail(tooLarge(maxFileBytes));
      else if (error) fail(malformed('The multipart body', error));
      else if (!request.file) fail(invalid('image', 'must be a file'));
      else resolve({ file: request.file, fields: { ...(request.body as Record<string, unknown>) } });
    });
  });
}

/**
 * Returns the place of an existing file. As in ComfyUI, its name may end with its folder, as in `photo.png [input]`, which then
 * counts instead of `type`.
 * @throws AppError as `placeOf`
 */
function annotatedPlaceOf(said: Readonly<Record<string, unknown>>): FilePlace {
  const { filename } = said;
  const { name, type } = annotatedName(typeof filename === 'string' ? filename : '');
  return placeOf({ ...said, filename: name, ...(type && { type }) }, 'output');
}

/** @throws AppError `INVALID_PARAMETER` for a place outside of ComfyUI's folders */
function placeOf(said: Readonly<Record<string, unknown>>, usual: string): FilePlace {
  const text = (name: string) => {
    const value = said[name];
    return typeof value === 'string' ? value : '';
  };
  const filename = text('filename');
  // ComfyUI has the same response to a request without a name.
  if (filename === '') throw new AppError('NOT_FOUND', 'There is no file without a name.');
  const type = folderType(text('type') || usual);
  const place = type && filePlace(type, text('subfolder'), filename);
  if (!place) throw invalid('filename', 'is in one of the folders input, temp and output');
  return place;
}

/** Returns the image that a mask belongs to. */
function originalOf(fields: Readonly<Record<string, unknown>>): FilePlace {
  try {
    const said: unknown = JSON.parse(String(fields['original_ref']));
    if (typeof said === 'object' && said !== null) return annotatedPlaceOf(said as Record<string, unknown>);
  } catch (error) {
    if (error instanceof AppError) throw error;
  }
  throw invalid('original_ref', 'must be JSON that names a file');
}

function invalid(name: string, problem: string): AppError {
  return new AppError('INVALID_PARAMETER', `${name} ${problem}.`);
}
