import { createHash } from 'node:crypto';
import type { Content } from '../../utils/StoredFile.js';

/** Names that are kept for later uploads, even if fewer are in use. */
const SPARE_NAMES = 8;
/** Bytes to compare, at each of three places, to recognise a file that was uploaded before. */
const SAMPLE_BYTES = 2048;

/**
 * How long a name is reserved after a request with an unknown outcome, ms. A process that was frozen later executes
 * what is in its sockets, in any order: a late upload must not overwrite the next one.
 */
const DOUBT_MS = 120_000;

/** File extensions: ComfyUI's loaders detect images by their bytes, and some other files by their name. */
const EXTENSION = /^[a-z0-9]{1,16}$/;

const PREFIX = 'comfyui-express';

/** Names of uploads in texts of a machine, without their folder. */
export const UPLOAD_NAME = new RegExp(`${PREFIX}-[\\w-]+\\.[a-z0-9]{1,16}`, 'g');

/** A name in an instance's temp folder, held until one of the two methods is called; further calls do nothing. */
export interface UploadName {
  readonly name: string;
  /** Returns the same text for equal files only. Takes a millisecond for 2 MB. */
  content(): string;
  /** No prompt reads the file any more, and no upload to it is in progress: the name may be reused. */
  release(): void;
  /** The upload may still arrive, or the prompt may still run: the name is reserved until `forget`. */
  doubt(promptId: string): void;
}

interface Entry {
  readonly name: string;
  readonly extension: string;
  /** Fingerprint of the file that was uploaded last. */
  content: string;
  inUse: boolean;
  /** A prompt that may still read the file, and since when that is uncertain (`performance.now()`). */
  doubt: { readonly promptId: string; readonly since: number } | undefined;
}

/**
 * The file names under which one server uploads to one instance. ComfyUI cannot delete files and reads them when the
 * prompt runs, so names are reused, which bounds the temp folder, but only if no prompt can still read them. Each
 * name contains the server's id, so that other servers, and this one after a crash, do not overwrite it, and the
 * instance's, so that machines can share a folder.
 */
export class UploadNames {
  readonly #prefix: string;
  readonly #onGrow: (name: string) => void;
  /** Longest unused first. */
  readonly #entries: Entry[] = [];
  /** Settles when the probe is not in use. */
  #probing: Promise<unknown> = Promise.resolve();

  /**
   * @param serverId unique for each start of a server
   * @param host of the instance
   * @param onGrow called with every name before its first use
   */
  constructor(serverId: string, host: string, onGrow: (name: string) => void) {
    const instance = createHash('sha1').update(host).digest('hex').slice(0, 8);
    this.#prefix = `${PREFIX}-${serverId}-${instance}`;
    this.#onGrow = onGrow;
  }

  /**
   * Lends the name of a file that no prompt reads, for checks of the instance. One at a time: two simultaneous checks
   * would each find the other's content and assume several machines.
   */
  probe<T>(use: (name: string) => Promise<T>): Promise<T> {
    const turn = this.#probing.then(() => use(`${this.#prefix}-probe.png`));
    this.#probing = turn.catch(() => undefined);
    return turn;
  }

  /** Prompts for which names have been reserved long enough: if the instance does not have them, they never run. */
  doubtfulPrompts(now = performance.now()): string[] {
    return this.#entries.flatMap(({ doubt }) =>
      doubt && now - doubt.since >= DOUBT_MS ? [doubt.promptId] : [],
    );
  }

  /** The prompt can no longer run: its names are free again. */
  forget(promptId: string): void {
    for (const entry of this.#entries) {
      if (entry.doubt?.promptId !== promptId) continue;
      entry.doubt = undefined;
      entry.inUse = false;
    }
  }

  /**
   * Takes a name for a file; for the same file the same name if it is free, because ComfyUI's cache uses name and
   * content.
   * @param extension without the dot; `bin` if there is none
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
      content: () => hashOf(Buffer.isBuffer(file) ? file : file.key),
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

/** Finds a name whose file is probably the same, for the cache: it is overwritten with the whole file anyway. */
function fingerprint(bytes: Buffer): string {
  const middle = Math.max(0, Math.floor((bytes.length - SAMPLE_BYTES) / 2));
  return createHash('sha1')
    .update(`${bytes.length}:`)
    .update(bytes.subarray(0, SAMPLE_BYTES))
    .update(bytes.subarray(middle, middle + SAMPLE_BYTES))
    .update(bytes.subarray(-SAMPLE_BYTES))
    .digest('base64');
}

/** Of the whole file: a part of it would confuse files that differ elsewhere, such as uncompressed ones. */
function hashOf(what: Buffer | string): string {
  return createHash('sha256').update(what).digest('hex');
}
