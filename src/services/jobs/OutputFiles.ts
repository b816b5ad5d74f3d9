import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from '../../utils/isMissing.js';
import { replaceFile } from '../../utils/replaceFile.js';
import { bytesOf, type Content } from '../../utils/StoredFile.js';

/** The only names of folders and files that are ever deleted: those that this class gives. */
const JOB_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const RESULT = /^[a-z0-9][a-z0-9-]*(\.(png|jpg|webp)|-\d+\.[a-z0-9]{1,16})(\.tmp)?$/;
const USUAL: ReadonlySet<string> = new Set(['png', 'jpg', 'webp']);

/** Saves a copy of each result on disk, and deletes it when its time is over. */
export class OutputFiles {
  readonly #root: string;
  /** Jobs whose files are being written. */
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(root: string) {
    this.#root = path.resolve(root);
  }

  /**
   * Writes `<root>/<job id>/<type>.<extension>` atomically. Further outputs, and those that are not images, have
   * their number in the name: `<type>-<n>.<extension>`.
   * @param index of the output, from 0
   * @returns the file's path
   * @throws Error if a part would lead out of the folder, or of the file system or the store
   */
  async save(jobId: string, type: string, extension: string, content: Content, index = 0): Promise<string> {
    const isOnly = index === 0 && USUAL.has(extension);
    const name = isOnly ? `${type}.${extension}` : `${type}-${index + 1}.${extension}`;
    const file = path.resolve(this.#root, jobId, name);
    if (path.dirname(path.dirname(file)) !== this.#root) {
      throw new Error('An output file must stay inside its folder.');
    }
    const written = replaceFile(file, Buffer.isBuffer(content) ? content : bytesOf(content));
    this.#writing.set(jobId, written);
    try {
      await written;
    } finally {
      this.#writing.delete(jobId);
    }
    return file;
  }

  /**
   * Deletes the files of a job, including one that is being written. Does nothing if there are none.
   * @throws Error of the file system for the first file that cannot be deleted; the others are deleted
   */
  async remove(jobId: string): Promise<void> {
    await this.#writing.get(jobId)?.catch(() => undefined);
    const { error } = await this.#removeWrittenUntil(jobId, Number.POSITIVE_INFINITY);
    if (error) throw error;
  }

  /**
   * Deletes every file written before a time, by whichever process.
   * @param time epoch ms
   * @throws Error of the file system for the first file that cannot be deleted; the others are deleted
   */
  async removeOlder(time: number): Promise<void> {
    let failure: Error | undefined;
    for (const folder of await entriesOf(this.#root)) {
      if (!folder.isDirectory() || this.#writing.has(folder.name)) continue;
      const { error } = await this.#removeWrittenUntil(folder.name, time);
      failure ??= error;
    }
    if (failure) throw failure;
  }

  /** Symbolic links are never followed: neither as a job's folder, nor as a file. */
  async #removeWrittenUntil(jobId: string, time: number): Promise<{ error?: Error }> {
    if (!JOB_ID.test(jobId)) return {};
    const folder = path.join(this.#root, jobId);
    let failure: Error | undefined;
    try {
      if (!(await lstat(folder)).isDirectory()) return {};
      for (const entry of await entriesOf(folder)) {
        if (!entry.isFile() || !RESULT.test(entry.name)) continue;
        const file = path.join(folder, entry.name);
        try {
          if ((await lstat(file)).mtimeMs <= time) await unlink(file);
        } catch (error) {
          failure ??= unlessGone(error);
        }
      }
      // Only an empty folder can be removed.
      await rmdir(folder).catch(() => undefined);
    } catch (error) {
      failure ??= unlessGone(error);
    }
    return failure ? { error: failure } : {};
  }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (unlessGone(error)) throw error;
    return [];
  }
}

/** Undefined if the file does not exist: another process may have deleted it. */
function unlessGone(error: unknown): Error | undefined {
  if (isMissing(error)) return undefined;
  return error instanceof Error ? error : new Error(String(error));
}
