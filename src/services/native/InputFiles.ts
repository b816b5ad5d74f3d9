import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Clock } from '../../utils/clock.js';
import { type Content, sizeOf } from '../../utils/StoredFile.js';
import type { StreamStore } from '../jobs/BlobStore.js';
import { type FilePlace, placeKey } from './filePlace.js';

export interface InputFile extends FilePlace {
  readonly content: Content;
}

interface KeptFile extends InputFile {
  readonly hash: string;
  /** Epoch ms. */
  usedAt: number;
  release(): void;
}

/** The files of one client, those that were used last at the end. */
interface Folder {
  readonly files: Map<string, KeptFile>;
  bytes: number;
}

export interface InputFilesOptions {
  /** Bytes of files that are in memory. */
  readonly maxBytes: number;
  /** How long a file is kept after it was used last, ms. */
  readonly lifetimeMs: number;
}

/**
 * The files that clients uploaded for their prompts, by the names that ComfyUI would have given them. Which machine will run a
 * prompt is not known yet: its files go with it. The files of each key are its own.
 */
export class InputFiles {
  readonly #stream: StreamStore | undefined;
  readonly #options: InputFilesOptions;
  readonly #clock: Clock;
  readonly #folders = new Map<string | undefined, Folder>();
  #bytes = 0;

  /** @param stream where bytes go that are not kept in memory */
  constructor(stream: StreamStore | undefined, options: InputFilesOptions, clock: Clock) {
    this.#stream = stream;
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * Keeps a file. Without `overwrite`, other bytes under a name that is taken become `name (1).png`; the same bytes keep
   * the name.
   * @returns the place that it has got
   */
  async put(
    owner: string | undefined,
    place: FilePlace,
    bytes: Buffer,
    overwrite: boolean,
  ): Promise<FilePlace> {
    const hash = createHash('sha256').update(bytes).digest('hex');
    const { content, release } = await this.#store(bytes);
    // From here on without a pause: of two who come at once, one has the name.
    const folder = this.#folderOf(owner);
    const free = overwrite ? place : freePlace(folder, place, hash);
    const file = { ...free, content, release, hash, usedAt: this.#clock.now() };
    this.#remove(folder, placeKey(free));
    folder.files.set(placeKey(free), file);
    folder.bytes += sizeOf(content);
    this.#bytes += sizeOf(content);
    this.#makeRoom();
    return free;
  }

  /** A file of this owner. */
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

  /** Names in the topmost input folder, as loaders list them. */
  names(owner: string | undefined): string[] {
    const files = [...(this.#folders.get(owner)?.files.values() ?? [])];
    return files
      .filter(({ type, subfolder }) => type === 'input' && subfolder === '')
      .map(({ filename }) => filename)
      .sort();
  }

  /** Forgets the files whose time is over. */
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

  /** Whoever has most loses what it did not use for longest. */
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

function freePlace({ files }: Folder, place: FilePlace, hash: string): FilePlace {
  const { name, ext } = posix.parse(place.filename);
  let free = place;
  for (let n = 1; ; n += 1) {
    const taken = files.get(placeKey(free));
    if (!taken || taken.hash === hash) return free;
    free = { ...place, filename: `${name} (${n})${ext}` };
  }
}
