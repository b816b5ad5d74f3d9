import { posix } from 'node:path';

/** ComfyUI's folders for files. */
export const FOLDER_TYPES = ['input', 'temp', 'output'] as const;

export type FolderType = (typeof FOLDER_TYPES)[number];

/** Kinds of files that people upload. */
export type FileKind = 'image' | 'audio' | 'video';

/** By what name a file is taken for one of a kind. */
export const FILE_EXTENSIONS: Readonly<Record<FileKind, readonly string[]>> = {
  image: ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.bmp', '.tiff'],
  audio: ['.wav', '.mp3', '.flac', '.ogg', '.opus', '.m4a'],
  video: ['.mp4', '.webm', '.mov', '.mkv', '.avi'],
};

/** Where a file lies, in the form in which ComfyUI names it in its answers. */
export interface FilePlace {
  readonly filename: string;
  /** Empty for the folder itself. */
  readonly subfolder: string;
  readonly type: FolderType;
}

/** The input, temp and output folders of one machine, or of several that share them. */
export interface Folders {
  read(place: FilePlace): Buffer | undefined;
  /** Writes a file, over one that has the name. */
  write(place: FilePlace, bytes: Buffer): void;
  /** Deletes a file, if there is one. */
  remove(place: FilePlace): void;
  /** Deletes everything in a folder. */
  empty(type: FolderType): void;
  /** Names of the files in a folder, without those of its subfolders. */
  names(type: FolderType, subfolder?: string): string[];
  /** The highest number of the files `prefix_00001_.png` that lie in a folder, 0 for none. */
  highestNumber(type: FolderType, subfolder: string, prefix: string): number;
}

/** Prefix and number of a numbered file's name. */
export function numberOf(filename: string): { prefix: string; number: number } | undefined {
  const [, prefix, digits] = /^(.+)_(\d+)_\.[^.]*$/.exec(filename) ?? [];
  return prefix === undefined ? undefined : { prefix, number: Number(digits) };
}

/**
 * Places for `count` files under the next free numbers, as ComfyUI's `get_save_image_path` chooses them: by what
 * lies in the folder at that moment. Nothing is reserved, so two machines that share a folder can get the same.
 * @param prefix may hold a subfolder
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
    return { filename, subfolder, type };
  });
}

/** A subfolder without what means nothing in it: `./a/` is `a`. */
export function cleanSubfolder(subfolder: string): string {
  const normal = posix.normalize(subfolder).replace(/\/$/, '');
  return normal === '.' ? '' : normal;
}

/** Whether a path leads out of the folder that it is relative to. */
export function leadsOut(path: string): boolean {
  return path.startsWith('/') || path.split('/').includes('..');
}

/** The file that `LoadImage` means: `name`, `sub/name.png [temp]`, `name [input]`. */
export function annotatedPlace(text: string): FilePlace {
  const [, path = text, named] = /^(.*?) ?\[(input|temp|output)\]$/s.exec(text) ?? [];
  const type = FOLDER_TYPES.find((one) => one === named) ?? 'input';
  return { filename: posix.basename(path), subfolder: cleanSubfolder(posix.dirname(path)), type };
}

/** A place as one text. */
export function keyOf({ type, subfolder, filename }: FilePlace): string {
  return `${type}/${subfolder}/${filename}`;
}
