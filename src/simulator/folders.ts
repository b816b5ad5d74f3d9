import { posix } from 'node:path';
import { NodeException } from './NodeException.js';

/** ComfyUI's file folders. */
export const FOLDER_TYPES = ['input', 'temp', 'output'] as const;

export type FolderType = (typeof FOLDER_TYPES)[number];

const MAX_NAME_BYTES = 255;

/** Kinds of files that users upload. */
export type FileKind = 'image' | 'audio' | 'video';

/** File extensions of each kind. */
export const FILE_EXTENSIONS: Readonly<Record<FileKind, readonly string[]>> = {
  image: ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.bmp', '.tiff'],
  audio: ['.wav', '.mp3', '.flac', '.ogg', '.opus', '.m4a'],
  video: ['.mp4', '.webm', '.mov', '.mkv', '.avi'],
};

/** The place of a file, in the form that ComfyUI uses in its responses. */
export interface FilePlace {
  readonly filename: string;
  /** Empty if the file is in the folder itself. */
  readonly subfolder: string;
  readonly type: FolderType;
}

/** The input, temp and output folders of one machine, or of several machines that share them. */
export interface Folders {
  read(place: FilePlace): Buffer | undefined;
  /** When the file was written, epoch ms; undefined if it does not exist. */
  modifiedAt(place: FilePlace): number | undefined;
  /** Writes a file; overwrites an existing one. */
  write(place: FilePlace, bytes: Buffer): void;
  /** Deletes a file if it exists. */
  remove(place: FilePlace): void;
  /** Deletes all files in a folder. */
  empty(type: FolderType): void;
  /** Names of the files in a folder, without its subfolders. */
  names(type: FolderType, subfolder?: string): string[];
  /** The highest number of the files `prefix_00001_.png` in a folder; 0 if there are none. */
  highestNumber(type: FolderType, subfolder: string, prefix: string): number;
}

/** Prefix and number in the name of a numbered file. */
export function numberOf(filename: string): { prefix: string; number: number } | undefined {
  const [, prefix, digits] = /^(.+)_(\d+)_\.[^.]*$/.exec(filename) ?? [];
  return prefix === undefined ? undefined : { prefix, number: Number(digits) };
}

/**
 * Places for `count` files with the next free numbers, as ComfyUI's `get_save_image_path` chooses them: from the files in the
 * folder at that moment. Nothing is reserved, so two machines that share a folder can get the same numbers.
 * @param prefix may contain a subfolder
 * @throws NodeException if a name is longer than the file system allows
 */
export function nextPlaces(
  folders: Folders,
  type: FolderType,
  prefix: string,
  { count = 1, extension = 'png' } = {},
): FilePlace[] {
  const subfolder = cleanSubfolder(posix.dirname(prefix));
  const name = posix.basename(prefix);
  const first = folders.highestNumber(type, subfolder, name) + 1;
  return Array.from({ length: count }, (_, n) => {
    const filename = `${name}_${String(first + n).padStart(5, '0')}_.${extension}`;
    if (Buffer.byteLength(filename) > MAX_NAME_BYTES) {
      throw new NodeException('OSError', `[Errno 36] File name too long: '${filename}'\n`);
    }
    return { filename, subfolder, type };
  });
}

/** Normalizes a subfolder: `./a/` becomes `a`. */
export function cleanSubfolder(subfolder: string): string {
  const normal = posix.normalize(subfolder).replace(/\/$/, '');
  return normal === '.' ? '' : normal;
}

/** Whether a relative path leaves its folder. */
export function leadsOut(path: string): boolean {
  return /^(\/|\.\.(\/|$))/.test(posix.normalize(path));
}

/** Splits a name that may end with its folder: `name`, `sub/name.png [temp]`, `name [input]`. */
export function annotatedName(text: string): { path: string; type: FolderType | undefined } {
  const [, path = text, named] = /^(.*?) ?\[(input|temp|output)\]$/s.exec(text) ?? [];
  return { path, type: FOLDER_TYPES.find((one) => one === named) };
}

/** Parses the file name of a `LoadImage` input. */
export function annotatedPlace(text: string): FilePlace {
  const { path, type = 'input' } = annotatedName(text);
  return { filename: posix.basename(path), subfolder: cleanSubfolder(posix.dirname(path)), type };
}

/** A place as a string key. */
export function keyOf({ type, subfolder, filename }: FilePlace): string {
  return `${type}/${subfolder}/${filename}`;
}
