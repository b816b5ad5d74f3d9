import { AppError } from '../../errors.js';
import { sizeText } from '../../utils/sizeText.js';
import type { FileInput } from '../../workflows/types.js';

/**
 * Returns the error for a file that cannot be read.
 * @param why completes the sentence after the input's name
 */
export function unreachable(input: FileInput, why: string, cause?: unknown): AppError {
  return new AppError('INPUT_UNREACHABLE', `The input ${nameOf(input)} ${why}.`, {
    details: { ...whereOf(input, why), reason: why },
    cause,
  });
}

/** Returns the error for a file that is larger than `maxBytes`. */
export function fileTooLarge(input: FileInput, maxBytes: number): AppError {
  const limit = `is larger than ${sizeText(maxBytes)}`;
  return new AppError('FILE_TOO_LARGE', `The file for the input ${nameOf(input)} ${limit}.`, {
    details: whereOf(input, limit),
  });
}

/** The input as the client calls it: by its name, or in a graph of its own by its node. */
function nameOf({ name, places: [place] = [] }: FileInput): string {
  return place ? `${JSON.stringify(place.field)} of node ${JSON.stringify(place.node)}` : `"${name}"`;
}

function whereOf({ name, places }: FileInput, message: string): Record<string, unknown> {
  if (!places) return { input: name };
  return { nodes: places.map(({ node, field }) => ({ node_id: node, input: field, message })) };
}
