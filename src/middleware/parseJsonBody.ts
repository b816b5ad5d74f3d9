import { isUtf8 } from 'node:buffer';
import { AppError } from '../errors.js';
import { type Json, type JsonLimits, parseJson } from '../utils/losslessJson.js';

/**
 * Parses a JSON body without losing digits of its numbers. A byte order mark is ignored.
 * @param parse how the text is read
 * @throws AppError `MALFORMED_UPLOAD` with the reason and the position
 */
export function parseJsonBody(bytes: Buffer, limits: Required<JsonLimits>, parse = parseJson): Json {
  if (!isUtf8(bytes)) throw unreadableJson('it is not UTF-8');
  try {
    return parse(bytes.toString().replace(/^\ufeff/, ''), limits);
  } catch (error) {
    throw error instanceof SyntaxError ? unreadableJson(error.message, error) : error;
  }
}

/** @param reason such as `it is not an object` */
export function unreadableJson(reason: string, cause?: unknown): AppError {
  return new AppError('MALFORMED_UPLOAD', `The JSON body cannot be read: ${reason}.`, { cause });
}
