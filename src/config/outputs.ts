import { bytes, flag, folder, integer, type Values } from './fields.js';

export const outputVariables = {
  OUTPUT_FILES: flag(false),
  OUTPUT_DIR: folder('./data/outputs'),
  OUTPUT_FILES_TTL: integer(0, 0, Number.MAX_SAFE_INTEGER),
  MAX_OUTPUT_PIXELS: bytes(268_435_456),
};

export const outputConfig = (env: Values<typeof outputVariables>) => ({
  /** Whether results are also written to `directory`. */
  areFilesKept: env.OUTPUT_FILES,
  directory: env.OUTPUT_DIR,
  /** 0: as long as the job. */
  filesTtlMs: env.OUTPUT_FILES_TTL,
  maxPixels: env.MAX_OUTPUT_PIXELS,
});
