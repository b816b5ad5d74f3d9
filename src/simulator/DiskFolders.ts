import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMissing } from '../utils/isMissing.js';
import { type FilePlace, type Folders, type FolderType, numberOf } from './folders.js';

/** Files in a real directory, so that simulators in several processes can share them. */
export class DiskFolders implements Folders {
  readonly #root: string;

  /** @param root directory of the folders `input`, `temp` and `output`, which are created if they do not exist */
  constructor(root: string) {
    this.#root = root;
  }

  read(place: FilePlace): Buffer | undefined {
    try {
      return readFileSync(this.#path(place));
    } catch {
      return undefined;
    }
  }

  modifiedAt(place: FilePlace): number | undefined {
    return statSync(this.#path(place), { throwIfNoEntry: false })?.mtimeMs;
  }

  write(place: FilePlace, bytes: Buffer): void {
    const file = this.#path(place);
    for (let triesLeft = 5; ; triesLeft -= 1) {
      try {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, bytes);
        return;
      } catch (error) {
        // Another machine that shares the folder has just deleted its files.
        if (!isMissing(error) || triesLeft === 0) throw error;
      }
    }
  }

  remove(place: FilePlace): void {
    rmSync(this.#path(place), { force: true });
  }

  empty(type: FolderType): void {
    try {
      rmSync(path.join(this.#root, type), { recursive: true, force: true });
    } catch {
      // Another machine writes to the folder at the same time. As in ComfyUI, files that cannot be deleted stay.
    }
  }

  names(type: FolderType, subfolder = ''): string[] {
    try {
      const entries = readdirSync(path.join(this.#root, type, subfolder), { withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    } catch {
      return [];
    }
  }

  highestNumber(type: FolderType, subfolder: string, prefix: string): number {
    return this.names(type, subfolder).reduce((highest, name) => {
      const numbered = numberOf(name);
      return numbered?.prefix === prefix ? Math.max(highest, numbered.number) : highest;
    }, 0);
  }

  #path({ type, subfolder, filename }: FilePlace): string {
    return path.join(this.#root, type, subfolder, filename);
  }
}
