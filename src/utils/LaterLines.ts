import type { Logger as WinstonLogger } from 'winston';

/** Lines that may wait: more are written at once, so that they do not fill the memory. */
const MAX_WAITING = 100;

type Line = Parameters<WinstonLogger['write']>[0] & { level: string; timestamp?: string };

/**
 * Formats log lines after the work of this turn of the event loop: no client waits for them. Lines below the level are not
 * formatted; winston formats them, and drops them then.
 */
export class LaterLines {
  readonly #format: WinstonLogger['write'];
  #waiting: Line[] = [];
  #timer: NodeJS.Immediate | undefined;

  /** Takes over the lines of a logger and of its children. */
  constructor(winston: WinstonLogger) {
    this.#format = winston.write.bind(winston);
    winston.write = (line: Line) => {
      if (winston.isLevelEnabled(line.level)) this.#add(line);
      return true;
    };
  }

  /** Writes the lines that wait. */
  write(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    const lines = this.#waiting;
    this.#waiting = [];
    for (const line of lines) this.#format(line);
  }

  #add(line: Line): void {
    line.timestamp = new Date().toISOString();
    this.#waiting.push(line);
    if (this.#waiting.length >= MAX_WAITING) this.write();
    else this.#timer ??= setImmediate(() => this.write());
  }
}
