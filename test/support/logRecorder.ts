import type { Logger } from '../../src/utils/logger.js';

interface Line {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that a test can read. Children write into the same one. */
export class LogRecorder implements Logger {
  readonly lines: Line[] = [];
  error = this.#at('error');
  warn = this.#at('warn');
  info = this.#at('info');
  debug = this.#at('debug');
  child = (): Logger => this;
  isDebugEnabled = (): boolean => true;

  #at(level: Line['level']) {
    return (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      this.lines.push({ level, message, fields });
    };
  }
}
