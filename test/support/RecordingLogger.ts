import type { Logger } from '../../src/utils/logger.js';

interface RecordedLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that stores its lines for the test. */
export class RecordingLogger implements Logger {
  readonly lines: RecordedLine[];
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(lines: RecordedLine[] = [], fields: Readonly<Record<string, unknown>> = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  error: Logger['error'] = (message, fields) => this.#add('error', message, fields);
  warn: Logger['warn'] = (message, fields) => this.#add('warn', message, fields);
  info: Logger['info'] = (message, fields) => this.#add('info', message, fields);
  debug: Logger['debug'] = (message, fields) => this.#add('debug', message, fields);

  child(fields: Readonly<Record<string, unknown>>): Logger {
    return new RecordingLogger(this.lines, { ...this.#fields, ...fields });
  }

  isDebugEnabled(): boolean {
    return true;
  }

  #add(level: RecordedLine['level'], message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.lines.push({ level, message, fields: { ...this.#fields, ...fields } });
  }
}
