import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import pLimit from 'p-limit';
import { isMissing } from './isMissing.js';

interface LogFileOptions {
  /** A file of this size is put aside before the next line. */
  readonly maxBytes: number;
  /** How many files are kept, the current one included. */
  readonly maxFiles: number;
  /** Interval of the attempts to write again, ms. */
  readonly retryMs: number;
  /** The line that takes the place of lost lines. */
  reportOf(lost: number): string;
  /** Called when lines begin to be lost. */
  onFailure(error: Error): void;
  /** Called when the file is written again. */
  onRecovery(lost: number): void;
}

type Place = Readonly<Record<'dev' | 'ino', number>>;

/**
 * A file of log lines, `name.log`, and older ones, `name1.log` and so on. It is created again if somebody moves or deletes it. While
 * it cannot be written, lines are lost and counted, and it is tried again and again: a full disk must not stop the server, and not
 * the log either when there is room again. It emits no errors.
 */
export class LogFile extends Writable {
  readonly #path: string;
  readonly #options: LogFileOptions;
  /** A line never comes between the check and the write of another one. */
  readonly #alone = pLimit(1);
  #handle: FileHandle | undefined;
  #place: Place = { dev: 0, ino: 0 };
  #size = 0;
  #lost = 0;
  /** Set while the file cannot be written. */
  #retry: NodeJS.Timeout | undefined;

  constructor(file: string, options: LogFileOptions) {
    super({ decodeStrings: false });
    this.#path = file;
    this.#options = options;
  }

  /** Creates the file: programs that read it may wait for it. */
  override _construct(done: () => void): void {
    void this.#alone(() => this.#take([])).then(done);
  }

  override _writev(parts: readonly { chunk: string }[], done: () => void): void {
    void this.#alone(() => this.#take(parts.map(({ chunk }) => chunk))).then(done);
  }

  override _final(done: () => void): void {
    void this.#alone(async () => {
      // There may be room for the report, at least.
      await this.#recover();
      clearTimeout(this.#retry);
      this.#retry = undefined;
      await this.#close();
    }).then(done);
  }

  async #take(lines: readonly string[]): Promise<void> {
    try {
      if (this.#retry === undefined) return await this.#append(lines.join(''));
    } catch (error) {
      await this.#close();
      this.#retryLater();
      this.#options.onFailure(error as Error);
    }
    this.#lost += lines.length;
  }

  #retryLater(): void {
    const again = () => this.#alone(() => this.#recover());
    this.#retry = setTimeout(() => void again(), this.#options.retryMs).unref();
  }

  /** On a full disk, files can be opened: only a line shows whether there is room. */
  async #recover(): Promise<void> {
    if (this.#retry === undefined) return;
    try {
      await this.#append(this.#lost > 0 ? this.#options.reportOf(this.#lost) : '');
    } catch {
      await this.#close();
      this.#retryLater();
      return;
    }
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#options.onRecovery(this.#lost);
    this.#lost = 0;
  }

  async #append(text: string): Promise<void> {
    if (this.#handle !== undefined && !(await this.#isInPlace())) await this.#close();
    this.#handle ??= await this.#open();
    if (this.#size >= this.#options.maxBytes) {
      await this.#close();
      await this.#putAside();
      this.#handle = await this.#open();
    }
    await this.#handle.appendFile(text);
    this.#size += Buffer.byteLength(text);
  }

  /** Whether the path still leads to the open file. */
  async #isInPlace(): Promise<boolean> {
    try {
      const { dev, ino } = await stat(this.#path);
      return dev === this.#place.dev && ino === this.#place.ino;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async #open(): Promise<FileHandle> {
    await mkdir(path.dirname(this.#path), { recursive: true });
    const handle = await open(this.#path, 'a+');
    try {
      const { dev, ino, size } = await handle.stat();
      this.#place = { dev, ino };
      this.#size = size;
      // A crash or a full disk left half a line: the next one must not continue it.
      if (size > 0 && !(await endsLine(handle, size))) await handle.appendFile('\n');
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #putAside(): Promise<void> {
    for (let n = this.#options.maxFiles - 1; n > 0; n -= 1) {
      await rename(this.#older(n - 1), this.#older(n)).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
  }

  #older(n: number): string {
    const { dir, name, ext } = path.parse(this.#path);
    return n === 0 ? this.#path : path.join(dir, `${name}${n}${ext}`);
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}

async function endsLine(handle: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString() === '\n';
}
