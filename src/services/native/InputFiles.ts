import { posix } from 'node:path';
import { v4 as uuid } from 'uuid';
import type { Clock } from '../../utils/clock.js';
import { areEqual, type Content, sizeOf } from '../../utils/StoredFile.js';
import type { StreamStore } from '../jobs/BlobStore.js';
import type { FileVersion } from './FoundFile.js';
import { type FilePlace, placeKey } from './filePlace.js';

export interface InputFile extends FilePlace {
  readonly content: Content;
  readonly version: FileVersion;
}

interface KeptFile extends InputFile {
  /** Epoch ms. */
  usedAt: number;
  release(): void;
}

/** Files of one client, the most recently used last. */
interface Folder {
  readonly files: Map<string, KeptFile>;
  bytes: number;
}

export interface InputFilesOptions {
  /** Maximum size of all files in memory, bytes. */
  readonly maxBytes: number;
  /** How long a file is kept after its last use, ms. */
  readonly lifetimeMs: number;
}

/**
 * Files that clients uploaded for their prompts, under the names that ComfyUI would have given them. The machine of a
 * prompt is not known yet, so the files are sent with the prompt. Each API key has its own files.
 */
export class InputFiles {
  readonly #stream: StreamStore | undefined;
  readonly #options: InputFilesOptions;
  readonly #clock: Clock;
  readonly #folders = new Map<string | undefined, Folder>();
  #bytes = 0;

  /** @param stream store of the files; `undefined` for memory */
  constructor(stream: StreamStore | undefined, options: InputFilesOptions, clock: Clock) {
    this.#stream = stream;
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * Keeps a file. Without `overwrite`, a file with other bytes under an existing name becomes `name (1).png`; with the
   * same bytes it keeps the name.
   * @returns the place of the file
   */
  async put(
    owner: string | undefined,
    place: FilePlace,
    bytes: Buffer,
    overwrite: boolean,
  ): Promise<FilePlace> {
    const { content, release } = await this.#store(bytes);
    // Synchronous from here on: only one of two concurrent uploads gets the name.
    const folder = this.#folderOf(owner);
    const free = overwrite ? place : freePlace(folder, place, content);
    const now = this.#clock.now();
    const version = { id: uuid(), modifiedAt: now };
    const file = { ...free, content, version, release, usedAt: now };
    this.#remove(folder, placeKey(free));
    folder.files.set(placeKey(free), file);
    folder.bytes += sizeOf(content);
    this.#bytes += sizeOf(content);
    this.#makeRoom();
    return free;
  }

  /** Returns a file of this owner. */
  get(owner: string | undefined, place: FilePlace): InputFile | undefined {
    const folder = this.#folders.get(owner);
    const key = placeKey(place);
    const file = folder?.files.get(key);
    if (!folder || !file) return undefined;
    file.usedAt = this.#clock.now();
    folder.files.delete(key);
    folder.files.set(key, file);
    return file;
  }

  /** Like `get`, unless the bytes no longer exist: then the file is deleted. */
  async find(owner: string | undefined, place: FilePlace): Promise<InputFile | undefined> {
    const file = this.get(owner, place);
    if (!file || !this.#stream || Buffer.isBuffer(file.content)) return file;
    if (await this.#stream.has(file.content)) return file;
    const folder = this.#folders.get(owner);
    // Another upload may have replaced it in the meantime.
    if (folder?.files.get(placeKey(place)) !== file) return this.find(owner, place);
    this.#remove(folder, placeKey(place));
    return undefined;
  }

  /** Returns the names in the top-level input folder, as loaders list them. */
  names(owner: string | undefined): string[] {
    const files = [...(this.#folders.get(owner)?.files.values() ?? [])];
    return files
      .filter(({ type, subfolder }) => type === 'input' && subfolder === '')
      .map(({ filename }) => filename)
      .sort();
  }

  /** Deletes expired files. */
  cleanup(): void {
    const oldest = this.#clock.now() - this.#options.lifetimeMs;
    for (const [owner, folder] of this.#folders) {
      for (const [key, { usedAt }] of folder.files) if (usedAt < oldest) this.#remove(folder, key);
      if (folder.files.size === 0) this.#folders.delete(owner);
    }
  }

  async #store(bytes: Buffer): Promise<{ content: Content; release(): void }> {
    if (!this.#stream) return { content: bytes, release: () => undefined };
    const held = await this.#stream.putStream(bytes);
    return { content: held, release: () => held.release() };
  }

  #folderOf(owner: string | undefined): Folder {
    const folder = this.#folders.get(owner) ?? { files: new Map(), bytes: 0 };
    this.#folders.set(owner, folder);
    return folder;
  }

  /** Deletes the least recently used file of the owner that uses most, until there is room. */
  #makeRoom(): void {
    const max = this.#stream ? Number.POSITIVE_INFINITY : this.#options.maxBytes;
    while (this.#bytes > max) {
      const [largest] = [...this.#folders.values()].sort((one, other) => other.bytes - one.bytes);
      const [oldest] = largest?.files.keys() ?? [];
      if (!largest || oldest === undefined) return;
      this.#remove(largest, oldest);
    }
  }

  #remove(folder: Folder, key: string): void {
    const file = folder.files.get(key);
    if (!file) return;
    folder.files.delete(key);
    folder.bytes -= sizeOf(file.content);
    this.#bytes -= sizeOf(file.content);
    file.release();
  }
}

function freePlace({ files }: Folder, place: FilePlace, content: Content): FilePlace {
  const { name, ext } = posix.parse(place.filename);
  let free = place;
  for (let n = 1; ; n += 1) {
    const taken = files.get(placeKey(free));
    if (!taken || areEqual(taken.content, content)) return free;
    free = { ...place, filename: `${name} (${n})${ext}` };
  }
}
