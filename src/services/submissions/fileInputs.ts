import type { FileInput } from '../../workflows/types.js';

/** Another name of a workflow's first image: the one that the first routes gave it. */
export const FIRST_IMAGE = 'imageFile';

/** The input of this name, by its own name or as the first image. */
export function fileInputNamed(inputs: readonly FileInput[], name: string): FileInput | undefined {
  const named = inputs.find((input) => input.name === name);
  return named ?? (name === FIRST_IMAGE ? firstImageOf(inputs) : undefined);
}

/** The input that `imageFile` means, if one of them is an image. */
export function firstImageOf(inputs: readonly FileInput[]): FileInput | undefined {
  return inputs.find(({ kind }) => kind === 'image');
}

/**
 * The input that a body without a name for it is for: the only one that must be there, or the only one.
 * @returns undefined where that is not one
 */
export function onlyFileInputOf(inputs: readonly FileInput[]): FileInput | undefined {
  const required = inputs.filter((input) => input.required);
  const candidates = required.length === 1 ? required : inputs;
  return candidates.length === 1 ? candidates[0] : undefined;
}
