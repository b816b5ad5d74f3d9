import { Writable } from 'node:stream';

/** Characters that may wait for a slow destination; further lines are dropped. */
const MAX_BACKLOG = 1024 * 1024;
/** Lines are accepted again, and the dropped ones reported, once this share of the backlog is left. */
const RESUME_SHARE = 0.5;
/**
 * Lines within this time are combined into one write, ms: a write is a system call and costs as much as formatting
 * the line.
 */
const GATHER_MS = 25;
/** Maximum time for flushing at the end, ms. */
const FLUSH_MS = 1000;

export interface OutputOptions {
  /** The line that reports how many lines were dropped. */
  reportOf(dropped: number): string;
  /** Whether `flush` ends the destination: a file, but not standard output. */
  readonly endsDestination: boolean;
}

/**
 * Passes lines to a destination without waiting for it. What exceeds the limit is dropped and counted, and one line
 * reports it when there is room again. So neither an unread pipe nor a slow disk fills the memory, and a closed pipe
 * stops nothing.
 */
export class BoundedOutput extends Writable {
  readonly #destination: Writable;
  readonly #options: OutputOptions;
  #dropped = 0;
  #isBroken = false;
  #gathering: NodeJS.Timeout | undefined;

  constructor(destination: Writable, options: OutputOptions) {
    super({ decodeStrings: false });
    this.#destination = destination;
    this.#options = options;
    destination.on('error', (error: NodeJS.ErrnoException) => {
      // The reader is gone for good. A full disk may have room again.
      if (error.code === 'EPIPE') this.#isBroken = true;
    });
    destination.on('drain', () => this.#report());
  }

  override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
    this.#take(line);
    done();
  }

  /** Resolves when the destination has everything, or after a timeout. */
  async flush(): Promise<void> {
    // Even without room: there is no later report.
    this.#reportNow();
    this.#send();
    if (this.#isBroken) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const done = () => resolve();
      timer = setTimeout(done, FLUSH_MS);
      if (this.#options.endsDestination) this.#destination.end(done);
      else this.#destination.write('', done);
    });
    clearTimeout(timer);
  }

  #take(line: string): void {
    if (this.#isBroken) return;
    this.#report();
    const mayWait = this.#dropped > 0 ? MAX_BACKLOG * RESUME_SHARE : MAX_BACKLOG;
    if (this.#destination.writableLength + line.length > mayWait) this.#dropped += 1;
    else this.#gather(line);
  }

  #gather(line: string): void {
    if (this.#gathering === undefined) {
      this.#destination.cork();
      this.#gathering = setTimeout(() => this.#send(), GATHER_MS);
    }
    this.#destination.write(line);
  }

  #send(): void {
    if (this.#gathering === undefined) return;
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#destination.uncork();
  }

  /** Reports the number of missing lines, in their place. */
  #report(): void {
    if (this.#destination.writableLength <= MAX_BACKLOG * RESUME_SHARE) this.#reportNow();
  }

  #reportNow(): void {
    if (this.#dropped === 0 || this.#isBroken) return;
    const line = this.#options.reportOf(this.#dropped);
    this.#dropped = 0;
    this.#destination.write(line);
  }
}
