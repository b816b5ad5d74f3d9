import { Writable } from 'node:stream';

/** What may wait for a slow destination, in characters; beyond it lines are dropped. */
const MAX_BACKLOG = 1024 * 1024;
/** Lines are taken again, and the ones that were dropped reported, once this share of the backlog is left. */
const RESUME_SHARE = 0.5;
/** Lines of so many ms are one write: each write is a call of the system, which costs as much as making the line. */
const GATHER_MS = 25;
/** How long a destination may take for the rest at the end, ms. */
const FLUSH_MS = 1000;

export interface OutputOptions {
  /** The line that says how many lines were dropped. */
  reportOf(dropped: number): string;
  /** Whether `flush` ends the destination: a file, but not standard output. */
  readonly endsDestination: boolean;
}

/**
 * Hands lines on to a destination and takes no notice of how fast that is: what would wait there beyond a bound is
 * dropped and counted, and one line says so when there is room again. Neither a pipe that nobody reads nor a slow disk
 * can fill the memory, and a closed pipe stops nobody.
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
      // Whoever read it is gone for good. A full disk may have room again.
      if (error.code === 'EPIPE') this.abandon();
    });
    destination.on('drain', () => this.#report());
  }

  override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
    this.#take(line);
    done();
  }

  /** Takes no line any more. */
  abandon(): void {
    this.#isBroken = true;
  }

  /** Resolves when the destination has everything, or has taken too long. */
  async flush(): Promise<void> {
    // Even where there is no room yet: nobody says it later.
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

  /** Says how many lines are missing, in the place where they are. */
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
