import { posix } from 'node:path';

/** ComfyUI's folders. */
const FOLDER_TYPES = ['input', 'temp', 'output'] as const;

export type FolderType = (typeof FOLDER_TYPES)[number];

/** The place of a file for a client. */
export interface FilePlace {
  readonly type: FolderType;
  /** Without leading and trailing slashes. */
  readonly subfolder: string;
  readonly filename: string;
}

const MAX_LENGTH = 1000;

/** @returns `undefined` if there is no such folder */
export function folderType(text: string): FolderType | undefined {
  return FOLDER_TYPES.find((type) => type === text);
}

/** Returns a file's place; `undefined` for a name that leads out of the folder or is invalid. */
export function filePlace(type: FolderType, subfolder: string, filename: string): FilePlace | undefined {
  const path = `${subfolder}/${filename}`.replaceAll('\\', '/');
  if (path.length > MAX_LENGTH || path.includes('\0') || path.split('/').includes('..')) return undefined;
  if (subfolder.startsWith('/') || filename.startsWith('/')) return undefined;
  const clean = posix.normalize(path).replace(/^\/+/, '');
  const name = posix.basename(clean);
  if (name === '' || name === '.' || clean.endsWith('/')) return undefined;
  const folder = posix.dirname(clean);
  return { type, subfolder: folder === '.' ? '' : folder, filename: name };
}

/** Splits a name in the format of `LoadImage`: `folder/name.png`, or `folder/name.png [temp]`. */
export function annotatedName(text: string): { name: string; type: FolderType | undefined } {
  const [, name = text, type = ''] = /^(.*) \[(input|temp|output)\]$/s.exec(text) ?? [];
  return { name, type: folderType(type) };
}

/** Returns the file in a node's input, in the format of `LoadImage`. */
export function annotatedPlace(text: string): FilePlace | undefined {
  const { name, type = 'input' } = annotatedName(text);
  return filePlace(type, '', name);
}

/** Returns the same key for equal places. */
export function placeKey({ type, subfolder, filename }: FilePlace): string {
  return `${type}/${subfolder}/${filename}`;
}
