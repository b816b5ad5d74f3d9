import { AppError } from '../../errors.js';
import { FIRST_IMAGE, firstImageOf } from './fileInputs.js';
import type { Submission } from './Submission.js';

/** @throws AppError `NO_IMAGE` for the first required file that is missing */
export function checkRequiredFiles({ workflow, files }: Submission): void {
  const inputs = workflow.files;
  const missing = inputs.find(({ name, required }) => required && !files.has(name));
  if (!missing) return;
  const isFirstImage = missing === firstImageOf(inputs);
  if (isFirstImage && inputs.length === 1 && workflow.isBuiltIn) {
    throw new AppError('NO_IMAGE', 'No image file provided.', {
      details: waysToSend(FIRST_IMAGE, missing.name),
    });
  }
  const what = isFirstImage ? 'No image file provided' : `No ${missing.kind} file provided`;
  throw new AppError('NO_IMAGE', `${what}.`, {
    details: `The input "${missing.name}" is missing. ${waysToSend(missing.name, missing.name)}`,
  });
}

/** @param field the field of a form for the file, and `name` its name in JSON */
function waysToSend(field: string, name: string): string {
  return `Send multipart/form-data with the file in the field "${field}", or JSON such as {"inputs": {"${name}": "https://…"}}: a URL, a data URI, or {"asset_id": "…"}.`;
}
