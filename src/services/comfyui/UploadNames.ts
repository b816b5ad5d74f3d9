import { createHash } from 'node:crypto';
import type { Content } from '../../utils/StoredFile.js';

/** Names that are kept for later uploads even when fewer are in use at the same time. */
const SPARE_NAMES = 8;
/** Bytes that are looked at, at each of three places, to tell whether a picture was uploaded before. */
const SAMPLE_BYTES = 2048;

/**
 * How long a name is kept after a request about it ended in doubt, ms. A process that was frozen carries out what it
 * finds in its sockets afterwards, in any order: a late upload must not overwrite the next one.
 */
const DOUBT_MS = 120_000;

/** What a name may end in; ComfyUI's loaders go by the bytes for pictures, and by the name for some other files. */
const EXTENSION = /^[a-z0-9]{1,16}$/;

/** A name in an instance's temp folder, held until one of the two methods is called; further calls do nothing. */
export interface UploadName {
  readonly name: string;
  /** No prompt reads the file any more, and no upload to it is under way: the name may be overwritten. */
  release(): void;
  /** The upload may still arrive, or the prompt may still run: the name is kept until `forget` is told otherwise. */
  doubt(promptId: string): void;
}

interface Entry {
  readonly name: string;
  readonly extension: string;
  /** Fingerprint of the picture that was uploaded last. */
  content: string;
  inUse: boolean;
  /** A prompt that may still read the file, and since when that is in doubt (`performance.now()`). */
  doubt: { readonly promptId: string; readonly since: number } | undefined;
}

/**
 * The file names under which one server uploads pictures to one instance. ComfyUI has no way to delete a file and
 * reads it when the prompt runs, so names are used again, which bounds the temp folder, and only when no prompt can
 * still read them. The server's id in each name keeps other servers, and this one after a crash, from overwriting it;
 * the instance's keeps jobs on machines apart that share a folder.
 */
export class UploadNames {
  readonly #prefix: string;
  readonly #onGrow: (name: string) => void;
  /** Longest unused first. */
  readonly #entries: Entry[] = [];
  /** Settles when nobody uses the probe. */
  #probing: Promise<unknown> = Promise.resolve();

  /**
   * @param serverId unique for each start of a server
   * @param host of the instance
   * @param onGrow called with every name before its first use
   */
  constructor(serverId: string, host: string, onGrow: (name: string) => void) {
    const instance = createHash('sha1').update(host).digest('hex').slice(0, 8);
    this.#prefix = `comfyui-express-${serverId}-${instance}`;
    this.#onGrow = onGrow;
  }

  /**
   * Lends the name of a file that no prompt reads, for finding out about the instance. One after the other: two who
   * upload it at the same time would each find the other's content, and take that for another machine's.
   */
  probe<T>(use: (name: string) => Promise<T>): Promise<T> {
    const turn = this.#probing.then(() => use(`${this.#prefix}-probe.png`));
    this.#probing = turn.catch(() => undefined);
    return turn;
  }

  /** Prompts that names have been kept for long enough: if the instance does not have them, they never run. */
  doubtfulPrompts(now = performance.now()): string[] {
    return this.#entries.flatMap(({ doubt }) =>
      doubt && now - doubt.since >= DOUBT_MS ? [doubt.promptId] : [],
    );
  }

  /** The prompt cannot run any more: its names are free again. */
  forget(promptId: string): void {
    for (const entry of this.#entries) {
      if (entry.doubt?.promptId !== promptId) continue;
      entry.doubt = undefined;
      entry.inUse = false;
    }
  }

  /**
   * Takes a name for a file; the same one again for the same file where it is free, since ComfyUI's cache goes by
   * name and content.
   * @param extension what the name ends in, without the dot; `bin` where it is none
   */
  take(file: Content, extension = 'png'): UploadName {
    const content = Buffer.isBuffer(file) ? fingerprint(file) : file.key;
    const entry = this.#choose(content, EXTENSION.test(extension) ? extension : 'bin');
    entry.inUse = true;
    entry.content = content;
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#entries.push(entry);
    let isHeld = true;
    const once = (end: () => void) => () => {
      if (isHeld) end();
      isHeld = false;
    };
    return {
      name: entry.name,
      release: once(() => {
        entry.inUse = false;
      }),
      doubt: (promptId) =>
        once(() => {
          entry.doubt = { promptId, since: performance.now() };
        })(),
    };
  }

  #choose(content: string, extension: string): Entry {
    const alike = this.#entries.filter((entry) => entry.extension === extension);
    const free = alike.filter(({ inUse }) => !inUse);
    const same = free.find((entry) => entry.content === content);
    if (same) return same;
    const [oldest] = free;
    if (oldest && alike.length >= SPARE_NAMES) return oldest;
    const name = `${this.#prefix}-${this.#entries.length}.${extension}`;
    const entry: Entry = { name, extension, content: '', inUse: false, doubt: undefined };
    this.#onGrow(name);
    this.#entries.push(entry);
    return entry;
  }
}

/** Tells pictures apart well enough for a cache: a name is overwritten with the whole picture in any case. */
function fingerprint(bytes: Buffer): string {
  const middle = Math.max(0, Math.floor((bytes.length - SAMPLE_BYTES) / 2));
  return createHash('sha1')
    .update(`${bytes.length}:`)
    .update(bytes.subarray(0, SAMPLE_BYTES))
    .update(bytes.subarray(middle, middle + SAMPLE_BYTES))
    .update(bytes.subarray(-SAMPLE_BYTES))
    .digest('base64');
}
