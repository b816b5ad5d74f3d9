import { z } from 'zod';
import { splitList } from '../utils/lists.js';
import { bytes, integer, MIB, milliseconds, type Values } from './fields.js';

const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const;

const imageTypes = z
  .string()
  .transform((list) => [...new Set(splitList(list.toLowerCase()))])
  .pipe(z.array(z.enum(IMAGE_TYPES)).min(1))
  .default(['image/png', 'image/jpeg'])
  .describe(`a comma-separated list of ${IMAGE_TYPES.join(', ')}`);

/** What clients may send, and how slowly. */
export const uploadVariables = {
  MAX_FILE_SIZE: bytes(10 * MIB),
  MAX_IMAGE_PIXELS: bytes(64_000_000),
  MAX_UPLOAD_MEMORY: bytes(1024 * MIB),
  UPLOAD_TIMEOUT: milliseconds(300_000),
  MIN_TRANSFER_RATE: integer(4096, 0, 1_000_000_000),
  ALLOWED_IMAGE_TYPES: imageTypes,
};

export const uploadConfig = (env: Values<typeof uploadVariables>) => ({
  maxFileBytes: env.MAX_FILE_SIZE,
  maxImagePixels: env.MAX_IMAGE_PIXELS,
  /** Bytes of all uploads that are on their way. */
  maxBytes: env.MAX_UPLOAD_MEMORY,
  timeoutMs: env.UPLOAD_TIMEOUT,
  /** For uploads and for responses. */
  minBytesPerSecond: env.MIN_TRANSFER_RATE,
  imageTypes: env.ALLOWED_IMAGE_TYPES,
});
