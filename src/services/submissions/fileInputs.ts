import type { FileInput } from '../../workflows/types.js';

/** An alias of a workflow's first image, from the first version of the API. */
export const FIRST_IMAGE = 'imageFile';

/** Returns the input with this name, or the first image by its alias. */
export function fileInputNamed(inputs: readonly FileInput[], name: string): FileInput | undefined {
  const named = inputs.find((input) => input.name === name);
  return named ?? (name === FIRST_IMAGE ? firstImageOf(inputs) : undefined);
}

/** Returns the input for `imageFile`, if one of them is an image. */
export function firstImageOf(inputs: readonly FileInput[]): FileInput | undefined {
  return inputs.find(({ kind }) => kind === 'image');
}

/**
 * Returns the input for a body without a name: the only required one, or the only one.
 * @returns undefined if there is not exactly one
 */
export function onlyFileInputOf(inputs: readonly FileInput[]): FileInput | undefined {
  const required = inputs.filter((input) => input.required);
  const candidates = required.length === 1 ? required : inputs;
  return candidates.length === 1 ? candidates[0] : undefined;
}
