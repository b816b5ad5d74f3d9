import type { z } from 'zod';
import { AppError } from '../errors.js';
/**
 * Reads parameters by their schema; unknown names are passed over.
 * @throws AppError `INVALID_PARAMETER` that names the first bad one and what it takes
 */
export declare function parseParameters<T extends z.ZodType>(schema: T, given: Record<string, unknown>): z.output<T>;
/**
 * A parameter or header that is not what it must be.
 * @param takes such as `takes true or false`
 * @param was what it was, for the message
 */
export declare function invalidParameter(name: string, takes: string, was?: string): AppError;
