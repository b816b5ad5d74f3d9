import type { FileKind } from '../types.js';

/** Kind of a file input. */
export const FILE_KINDS = ['image', 'mask', 'video', 'audio', 'file'] as const satisfies FileKind[];

/** Kind of a parameter. */
export const VALUE_KINDS = ['text', 'integer', 'number', 'boolean', 'choice', 'seed'] as const;
export type ValueKind = (typeof VALUE_KINDS)[number];

export type InputKind = FileKind | ValueKind;

/** Whether an input of this kind takes a file. */
export function isFileKind(kind: InputKind): kind is FileKind {
  return (FILE_KINDS as readonly string[]).includes(kind);
}

/** The largest seed of ComfyUI's own nodes, 2^64 - 1. */
export const MAX_SEED = 2n ** 64n - 1n;
