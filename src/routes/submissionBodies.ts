import { z } from 'zod';
import { RAW_TYPES } from '../middleware/RawReader.js';
import { inputFile } from '../schemas/workflows.js';
import { FIRST_IMAGE, onlyFileInputOf } from '../services/submissions/fileInputs.js';
import type { FileInput, Workflow } from '../workflows/types.js';

/**
 * Returns the schemas of all request bodies for a workflow, by media type.
 * @param common parameters that are not the workflow's own
 */
export function submissionBodies(
  workflow: Workflow,
  options: z.ZodObject,
  others: z.ZodRawShape = {},
): Record<string, z.ZodType> {
  const { files, parameters, isBuiltIn } = workflow;
  const fields = files.map((file): [string, z.ZodType] => {
    // The name of the first API version.
    const name = isBuiltIn && files.length === 1 ? FIRST_IMAGE : file.name;
    return [name, needed(file, z.string()).meta({ format: 'binary', description: describe(file) })];
  });
  const inputs = files.map((file): [string, z.ZodType] => [
    file.name,
    needed(file, inputFile).meta({ description: describe(file) }),
  ]);
  const bodies: Record<string, z.ZodType> = {
    'multipart/form-data': z.object({
      ...Object.fromEntries(fields),
      ...parameters.shape,
      ...options.shape,
      ...others,
    }),
    'application/json': z.intersection(
      options,
      z.object({ inputs: z.object({ ...Object.fromEntries(inputs), ...parameters.shape }), ...others }),
    ),
  };
  const only = onlyFileInputOf(files);
  const raw = RAW_TYPES.filter((type) => only?.kind === 'file' || type === `${mediaKind(only)}/*`);
  for (const type of raw) bodies[type] = z.string().meta({ format: 'binary' });
  return bodies;
}

function needed<T extends z.ZodType>({ required }: FileInput, schema: T): z.ZodType {
  return required ? schema : schema.optional();
}

function describe({ kind, title, description }: FileInput): string {
  const what = kind === 'file' ? 'A file' : `The ${kind}; its bytes tell its type`;
  return description ?? (title === undefined ? `${what}.` : `${title}: ${what.toLowerCase()}.`);
}

function mediaKind(input: FileInput | undefined): string | undefined {
  return input?.kind === 'mask' ? 'image' : input?.kind;
}
