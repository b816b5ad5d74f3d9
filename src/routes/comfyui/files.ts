import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response } from 'express';
import multer, { MulterError } from 'multer';
import { AppError, PromptError } from '../../errors.js';
import { declaredBytes, malformed, tooLarge } from '../../middleware/bodyErrors.js';
import { FormFiles } from '../../middleware/FormFiles.js';
import { receiveBody } from '../../middleware/receiveBody.js';
import { isContactFailure } from '../../promptFailures.js';
import { putMask } from '../../services/images/putMask.js';
import { type FilePlace, filePlace, folderType } from '../../services/native/filePlace.js';
import type { FoundFile } from '../../services/native/ResultFiles.js';
import { joined } from '../../utils/joined.js';
import { bytesOf, sizeOf, wholeOf } from '../../utils/StoredFile.js';
import { bodyLimits, endpoint, mayUseOf, type NativeContext, ownerOf } from './NativeEndpoint.js';

const MAX_FIELDS = 16;
const MAX_FIELD_BYTES = 16 * 1024;

/** Files that a browser would execute are sent as downloads, as ComfyUI does. */
const ACTIVE = /\.(html?|xhtml|svg|js|mjs|css|xml)$/i;

/** Files that clients upload for their prompts, and outputs of prompts. */
export const fileEndpoints = [
  endpoint('get', '/view', (context) => async (request, response) => {
    const place = placeOf(request.query, 'output');
    const file = await findFile(context, place, response);
    await sendFile(response, place, file);
  }),
  endpoint('post', '/upload/image', (context) => upload(context, async ({ file }) => file.buffer)),
  endpoint('post', '/upload/mask', (context) =>
    upload(context, async ({ file, fields }, response) => {
      const original = await findFile(context, originalOf(fields), response);
      const { maxFileBytes, maxImagePixels } = context.config.uploads;
      return putMask(await wholeFile(original, maxFileBytes), file.buffer, maxImagePixels);
    }),
  ),
];

/** @throws AppError `NOT_FOUND` if there is no file that the caller may access */
async function findFile({ native }: NativeContext, place: FilePlace, response: Response): Promise<FoundFile> {
  const caller = { owner: ownerOf(response), mayUse: mayUseOf(response) };
  const found = await native.files.any(place, caller);
  if (found) return found;
  throw noSuchFile();
}

/**
 * Reads a file into memory, wherever it is.
 * @throws AppError `FILE_TOO_LARGE` for a file on a machine with more than `maxBytes`, or those of `fromMachine`
 */
async function wholeFile(file: FoundFile, maxBytes: number): Promise<Buffer> {
  if ('content' in file) return wholeOf(file.content);
  return fromMachine(() =>
    file.read(async (body) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      for await (const part of body as AsyncIterable<Buffer>) {
        bytes += part.length;
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        parts.push(part);
      }
      return joined(parts);
    }),
  );
}

/** @throws AppError `NOT_FOUND` if the machine no longer has the file, `NO_HEALTHY_INSTANCES` if it does not respond */
async function fromMachine<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof PromptError)) throw error;
    if (error.failure === 'result gone') throw noSuchFile();
    if (!isContactFailure(error.category)) throw error;
    throw new AppError('NO_HEALTHY_INSTANCES', 'The machine that has the file does not respond.', {
      cause: error,
    });
  }
}

async function sendFile(response: Response, { filename }: FilePlace, file: FoundFile): Promise<void> {
  const name = filename.replaceAll(/["\\\r\n]/g, '_');
  const isActive = ACTIVE.test(filename);
  response.set('Content-Disposition', `${isActive ? 'attachment; ' : ''}filename="${encodeURI(name)}"`);
  response.type(
    isActive ? 'application/octet-stream' : (/\.[^.]+$/.exec(name)?.[0] ?? 'application/octet-stream'),
  );
  if ('content' in file) {
    const { content } = file;
    response.set('Content-Length', String(sizeOf(content)));
    if (Buffer.isBuffer(content)) return void response.end(content);
    return send(response, (receive) => receive(bytesOf(content)));
  }
  await fromMachine(() => file.read((body) => send(response, (receive) => receive(body))));
}

/** Sends a file. An error after the first byte closes the connection, so that the client notices it. */
async function send(
  response: Response,
  from: (receive: (body: NodeJS.ReadableStream | AsyncIterable<Buffer>) => Promise<void>) => Promise<void>,
): Promise<void> {
  await from(async (body) => {
    try {
      await pipeline(body, response);
    } catch (error) {
      if (!response.headersSent) throw error;
      response.destroy();
    }
  });
}

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
  const limits = { ...bodyLimits(context, 0), maxBytes: maxFileBytes + MAX_FIELDS * MAX_FIELD_BYTES };
  return async (request, response) => {
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
    if (typeof said === 'object' && said !== null) return placeOf(said as Record<string, unknown>, 'output');
  } catch (error) {
    if (error instanceof AppError) throw error;
  }
  throw invalid('original_ref', 'must be JSON that names a file');
}

function noSuchFile(): AppError {
  return new AppError('NOT_FOUND', 'There is no such file.');
}

function invalid(name: string, problem: string): AppError {
  return new AppError('INVALID_PARAMETER', `${name} ${problem}.`);
}
