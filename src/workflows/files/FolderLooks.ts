import { listFiles } from './folderFiles.js';

/** What one look found. */
interface Look {
  /** By name in order, a value that changes with the file. */
  readonly versions: ReadonlyMap<string, string>;
  /** Files in `versions` that are missing for the first time: an editor may be replacing them. */
  readonly missing: ReadonlySet<string>;
  /** Files that could not be looked at; known ones are in `versions`, as they were. */
  readonly failures: ReadonlyMap<string, Error>;
}

/** Looks at a folder of workflow files again and again. A file is gone once two looks in a row do not find it. */
export class FolderLooks {
  readonly #directory: string;
  readonly #known = new Map<string, string>();
  #missing: ReadonlySet<string> = new Set();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws Error of the file system, if the folder cannot be read */
  async look(): Promise<Look> {
    const { versions, failures } = await listFiles(this.#directory);
    const gone = [...this.#known.keys()].filter((name) => !versions.has(name) && !failures.has(name));
    for (const name of gone) if (this.#missing.has(name)) this.#known.delete(name);
    for (const [name, version] of versions) this.#known.set(name, version);
    this.#missing = new Set(gone.filter((name) => this.#known.has(name)));
    const inOrder = [...this.#known].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return { versions: new Map(inOrder), missing: this.#missing, failures };
  }

  /** The file was deleted on purpose. */
  forget(file: string): void {
    this.#known.delete(file);
  }
}
