import { bytes, flag, folder, integer, type Values } from './fields.js';

export const outputVariables = {
  OUTPUT_FILES: flag(false).meta({
    meaning: 'Save each result as `OUTPUT_DIR/<job id>/<type>.<ext>`. Deleting a job deletes its files too.',
  }),
  OUTPUT_DIR: folder('./data/outputs').meta({ meaning: 'Folder for saved results.' }),
  OUTPUT_FILES_TTL: integer(0, 0, Number.MAX_SAFE_INTEGER).meta({
    meaning: 'Milliseconds after which saved results are deleted. 0: they are kept.',
  }),
  MAX_OUTPUT_PIXELS: bytes(268_435_456).meta({
    meaning:
      'Maximum width x height of a result. Checked before a job is accepted, as far as the size is known, and again on the image that ComfyUI returns.',
  }),
};

export const outputConfig = (env: Values<typeof outputVariables>) => ({
  /** Whether results are also written to `directory`. */
  areFilesKept: env.OUTPUT_FILES,
  directory: env.OUTPUT_DIR,
  /** 0: as long as the job. */
  filesTtlMs: env.OUTPUT_FILES_TTL,
  maxPixels: env.MAX_OUTPUT_PIXELS,
});
