import { isUtf8 } from 'node:buffer';
import { AppError } from '../errors.js';
import { type Json, parseJson } from '../utils/losslessJson.js';

/**
 * Reads the bytes of a JSON body with every digit of its numbers. A byte order mark is ignored.
 * @param maxDepth how deep arrays and objects may lie in each other
 * @throws AppError `MALFORMED_UPLOAD` that says what is wrong and where
 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): Json {
  if (!isUtf8(bytes)) throw unreadableJson('it is not UTF-8');
  try {
    return parseJson(bytes.toString().replace(/^\ufeff/, ''), { maxDepth });
  } catch (error) {
    throw error instanceof SyntaxError ? unreadableJson(error.message, error) : error;
  }
}

/** @param reason such as `it is no object` */
export function unreadableJson(reason: string, cause?: unknown): AppError {
  return new AppError('MALFORMED_UPLOAD', `The JSON body cannot be read: ${reason}.`, { cause });
}
