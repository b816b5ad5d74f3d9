import { cleanSubfolder, type FilePlace, type Folders, type FolderType, keyOf, numberOf } from './folders.js';

/** Default limit for the size of all files, bytes. */
const MAX_BYTES = 256 * 1024 * 1024;

interface KeptFile {
  readonly place: FilePlace;
  readonly bytes: Buffer;
  /** Epoch ms. */
  readonly modifiedAt: number;
}

/** Files in memory. Simulators that get the same object share the folders. */
export class MemoryFolders implements Folders {
  readonly #files = new Map<string, KeptFile>();
  /** Used numbers by file name, per folder and prefix: an index, because a folder may contain many thousand files. */
  readonly #numbers = new Map<string, Map<string, number>>();
  /** The highest number per folder and prefix, if known. */
  readonly #highest = new Map<string, number>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes size limit of all files; the oldest files are deleted first. A real ComfyUI fills its disk */
  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  read(place: FilePlace): Buffer | undefined {
    return this.#files.get(keyOf(place))?.bytes;
  }

  modifiedAt(place: FilePlace): number | undefined {
    return this.#files.get(keyOf(place))?.modifiedAt;
  }

  write(asNamed: FilePlace, bytes: Buffer): void {
    const place = { ...asNamed, subfolder: cleanSubfolder(asNamed.subfolder) };
    this.remove(place);
    this.#files.set(keyOf(place), { place, bytes, modifiedAt: Date.now() });
    this.#bytes += bytes.length;
    const numbered = numberOf(place.filename);
    if (numbered) {
      const key = numbersKey(place.type, place.subfolder, numbered.prefix);
      const taken = this.#numbers.get(key) ?? new Map<string, number>();
      this.#numbers.set(key, taken.set(place.filename, numbered.number));
      this.#highest.set(key, Math.max(this.#highest.get(key) ?? highest(taken), numbered.number));
    }
    for (const { place: oldest } of this.#files.values()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.remove(oldest);
    }
  }

  remove(place: FilePlace): void {
    const file = this.#files.get(keyOf(place));
    if (!file) return;
    this.#files.delete(keyOf(place));
    this.#bytes -= file.bytes.length;
    const numbered = numberOf(place.filename);
    if (!numbered) return;
    const key = numbersKey(place.type, place.subfolder, numbered.prefix);
    const taken = this.#numbers.get(key);
    taken?.delete(place.filename);
    if (taken?.size === 0) this.#numbers.delete(key);
    if (this.#highest.get(key) === numbered.number) this.#highest.delete(key);
  }

  empty(type: FolderType): void {
    for (const { place } of this.#files.values()) {
      if (place.type === type) this.remove(place);
    }
  }

  names(type: FolderType, subfolder = ''): string[] {
    return [...this.#files.values()]
      .filter(({ place }) => place.type === type && place.subfolder === subfolder)
      .map(({ place }) => place.filename);
  }

  highestNumber(type: FolderType, subfolder: string, prefix: string): number {
    const key = numbersKey(type, subfolder, prefix);
    const taken = this.#numbers.get(key);
    if (!taken) return 0;
    const found = this.#highest.get(key) ?? highest(taken);
    this.#highest.set(key, found);
    return found;
  }
}

function highest(taken: ReadonlyMap<string, number>): number {
  return [...taken.values()].reduce((most, number) => Math.max(most, number), 0);
}

function numbersKey(type: FolderType, subfolder: string, prefix: string): string {
  return `${type}/${subfolder}/${prefix}`;
}
