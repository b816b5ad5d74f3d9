import type { Readable } from 'node:stream';
import type { Response } from 'express';
import { AppError, PromptError } from '../../errors.js';
import { tooLarge } from '../../middleware/bodyErrors.js';
import { isContactFailure, isOfServer, type PromptFailure } from '../../promptFailures.js';
import type { FoundFile } from '../../services/native/FoundFile.js';
import type { FilePlace } from '../../services/native/filePlace.js';
import { joined } from '../../utils/joined.js';
import { StoredFileGone, wholeOf } from '../../utils/StoredFile.js';
import { mayUseOf, type NativeContext, ownerOf } from './NativeEndpoint.js';

/** Failures that mean: no client can get the file. */
const NO_FILE: ReadonlySet<PromptFailure> = new Set(['result gone', 'result out of reach', 'wrong result']);

/** @throws AppError `NOT_FOUND` if there is no file that the caller may access */
export async function findFile(
  { native }: NativeContext,
  place: FilePlace,
  response: Response,
): Promise<FoundFile> {
  const caller = { owner: ownerOf(response), mayUse: mayUseOf(response) };
  const found = await native.files.any(place, caller);
  if (found) return found;
  throw noSuchFile();
}

/**
 * Reads a file into memory, wherever it is.
 * @throws AppError `FILE_TOO_LARGE` for a file on a machine with more than `maxBytes`, `NOT_FOUND`, or those of `fromMachine`
 */
export async function wholeFile(context: NativeContext, file: FoundFile, maxBytes: number): Promise<Buffer> {
  if ('content' in file) return fromStore(() => wholeOf(file.content));
  return fromMachine(context, () => file.read((body) => gathered(body, maxBytes)));
}

/** Reads a stream into memory. @throws AppError `FILE_TOO_LARGE` if there are more than `maxBytes`, or the error of the stream */
export async function gathered(body: Readable, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return joined(parts);
}

/**
 * Runs work that reads a file on a machine.
 * @throws AppError `NOT_FOUND` if the machine no longer has the file, `NO_HEALTHY_INSTANCES` if it does not respond or sends something else
 */
export async function fromMachine<T>({ native }: NativeContext, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof PromptError)) throw error;
    if (NO_FILE.has(error.failure)) throw noSuchFile();
    // A proxy's page may come instead of the file.
    const isUnreadable = error.failure === 'unreadable result';
    if (!isUnreadable && !isContactFailure(error.category) && !isOfServer(error.failure)) throw error;
    throw native.fleet.unavailable('The machine that has the file does not respond.', error);
  }
}

/** Runs work that reads a stored file. @throws AppError `NOT_FOUND` if it no longer exists */
export async function fromStore<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof StoredFileGone ? noSuchFile() : error;
  }
}

export function noSuchFile(): AppError {
  return new AppError('NOT_FOUND', 'There is no such file.');
}
