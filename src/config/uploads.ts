import { z } from 'zod';
import { splitList } from '../utils/lists.js';
import { bytes, hostList, integer, MIB, milliseconds, type Values } from './fields.js';

const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const;

const imageTypes = z
  .string()
  .transform((list) => [...new Set(splitList(list.toLowerCase()))])
  .pipe(z.array(z.enum(IMAGE_TYPES)).min(1))
  .default(['image/png', 'image/jpeg'])
  .describe(`a comma-separated list of ${IMAGE_TYPES.join(', ')}`);

/** Limits of uploads. */
export const uploadVariables = {
  MAX_FILE_SIZE: bytes(10 * MIB).meta({ meaning: 'Maximum size of an upload in bytes.' }),
  MAX_IMAGE_PIXELS: bytes(64_000_000).meta({ meaning: 'Maximum width x height of an uploaded image.' }),
  MAX_UPLOAD_MEMORY: bytes(1024 * MIB).meta({
    meaning:
      'Bytes in memory for uploads that are being received, shared between clients. Beyond it, requests fail with 503 `QUEUE_FULL`.',
  }),
  UPLOAD_TIMEOUT: milliseconds(300_000).meta({ meaning: 'Milliseconds that an upload may take.' }),
  MIN_TRANSFER_RATE: integer(4096, 0, 1_000_000_000).meta({
    meaning:
      'Minimum bytes per second that a client must send, averaged over 10 seconds, and receive. 0: no minimum.',
  }),
  ALLOWED_IMAGE_TYPES: imageTypes.meta({ meaning: 'Accepted image types. `image/webp` can be added.' }),
  INPUT_URL_ALLOWED_HOSTS: hostList.meta({
    meaning:
      'Comma-separated host names and addresses in private networks from which input files may be fetched: on any port, or as `host:port` on one. Other private addresses are refused.',
  }),
  INPUT_URL_TIMEOUT: milliseconds(30_000, 100).meta({
    meaning: 'Milliseconds that fetching an input file may take.',
  }),
};

export const uploadConfig = (env: Values<typeof uploadVariables>) => ({
  maxFileBytes: env.MAX_FILE_SIZE,
  maxImagePixels: env.MAX_IMAGE_PIXELS,
  /** Bytes of all uploads in progress. */
  maxBytes: env.MAX_UPLOAD_MEMORY,
  timeoutMs: env.UPLOAD_TIMEOUT,
  /** For uploads and for responses. */
  minBytesPerSecond: env.MIN_TRANSFER_RATE,
  imageTypes: env.ALLOWED_IMAGE_TYPES,
  /** Hosts with private addresses from which input files may be fetched. */
  urlAllowedHosts: env.INPUT_URL_ALLOWED_HOSTS,
  /** For the whole download of an input file. */
  urlTimeoutMs: env.INPUT_URL_TIMEOUT,
});
