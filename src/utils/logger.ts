import path from 'node:path';
import type { Writable } from 'node:stream';
import { createLogger as createWinston, format, transports, type Logger as WinstonLogger } from 'winston';
import { BoundedOutput } from './BoundedOutput.js';
import { LaterLines } from './LaterLines.js';
import { LogFile } from './LogFile.js';

/** Fields of a log line with a fixed name; others are allowed. */
interface LogFields {
  requestId?: string | undefined;
  jobId?: string | undefined;
  jobType?: string | undefined;
  instance?: string | undefined;
  /** Milliseconds. */
  processingDuration?: number | undefined;
  /** Bytes. */
  resultSize?: number | undefined;
  [field: string]: unknown;
}

/** The logger of the services; `child` sets the component. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
  /** Whether debug lines are written, for callers with many of them. */
  isDebugEnabled(): boolean;
}

/** The root logger, which also owns the files. */
export interface RootLogger extends Logger {
  /** Writes lines of this level and above from now on, for all child loggers, too. */
  setLevel(level: string): void;
  /** Writes what is still buffered and closes the files. */
  close(): Promise<void>;
}

interface LoggerOptions {
  readonly level: string;
  /** Folder of `combined.log` and `error.log`; empty for the console only. */
  readonly directory: string;
  /** Human-readable lines on the console instead of JSON. */
  readonly pretty: boolean;
  /** The console; standard output by default. */
  readonly console?: Writable;
  /** Interval at which a file that cannot be written is tried again, ms. */
  readonly retryMs?: number;
}

/** A line of the logger about itself. */
interface OwnLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const SERVICE = 'comfyui-express-middleware';
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;
const RETRY_MS = 30_000;

const FAILURE = { level: 'error', message: 'Log folder is not writable, logging to the console only' };
const RECOVERY = { level: 'warn', message: 'Log folder is writable again' };

/** Where winston keeps the formatted line and its level (package `triple-beam`). */
const MESSAGE = Symbol.for('message');
const LEVEL = Symbol.for('level');

/** Formats a line once for all transports, with the same time. */
const asJson = format.combine(format.timestamp(), format.json());

const readable = format.combine(
  format.colorize({ level: true }),
  format.printf(({ timestamp, level, message, component, service: _service, ...fields }) => {
    const rest = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(' ');
    return `${String(timestamp).slice(11, 23)} ${level} [${component ?? SERVICE}] ${message}${rest ? `  ${rest}` : ''}`;
  }),
);

/**
 * Writes lines to a stream. Winston's own transport keeps each line until the event loop turns, for an event that nobody listens
 * to. Tens of thousands of pipelined requests can arrive in one turn, and their lines filled a small heap.
 */
class LineTransport extends transports.Stream {
  readonly #stream: Writable;

  constructor(options: ConstructorParameters<typeof transports.Stream>[0] & { readonly stream: Writable }) {
    super(options);
    this.#stream = options.stream;
  }

  override log(line: Readonly<Record<symbol, unknown>>, next: () => void): void {
    this.#stream.write(`${String(line[MESSAGE])}\n`);
    next();
  }
}

/**
 * Creates the server's logger: JSON lines (`timestamp, level, service, message, component`, …) on the console, or
 * human-readable ones on a terminal, and in rotating files. An unwritable folder is reported on the console and does
 * not stop the server; it is used again when it is writable. Lines for a destination that is too slow are dropped and counted.
 */
export function createLogger(options: LoggerOptions): RootLogger {
  const output = new BoundedOutput(options.console ?? process.stdout, {
    reportOf: (dropped) => reportOf(dropped, options.pretty),
    endsDestination: false,
  });
  const winston = createWinston({
    level: options.level,
    format: asJson,
    defaultMeta: { service: SERVICE },
    transports: [new LineTransport({ stream: output, ...(options.pretty ? { format: readable } : {}) })],
  });
  const files = options.directory === '' ? [] : addFiles(winston, output, options);
  const lines = new LaterLines(winston);
  const setLevel = (level: string) => {
    winston.level = level;
  };
  return Object.assign(winston, {
    setLevel,
    close: () => {
      lines.write();
      return endLogger(winston, output, files);
    },
  }) as unknown as RootLogger;
}

function addFiles(winston: WinstonLogger, output: BoundedOutput, options: LoggerOptions): BoundedOutput[] {
  return [addFile('combined.log', {}), addFile('error.log', { level: 'error' })];

  function addFile(name: string, level: { level?: string }): BoundedOutput {
    // The file that cannot be written has no line about it, and the level of the log may hide the end.
    const tell = (line: Omit<OwnLine, 'fields'>, fields: OwnLine['fields']) =>
      void output.write(formatted({ ...line, fields: { file: name, ...fields } }, options.pretty));
    const file = new LogFile(path.join(options.directory, name), {
      maxBytes: MAX_FILE_BYTES,
      maxFiles: MAX_FILES,
      retryMs: options.retryMs ?? RETRY_MS,
      reportOf: (lost) => formatted({ ...RECOVERY, fields: { file: name, lost } }, false),
      onFailure: ({ message }) => tell(FAILURE, { error: message }),
      onRecovery: (lost) => tell(RECOVERY, { lost }),
    });
    const stream = new BoundedOutput(file, {
      reportOf: (dropped) => reportOf(dropped, false),
      endsDestination: true,
    });
    winston.add(new LineTransport({ stream, ...level }));
    return stream;
  }
}

/** The line that replaces those dropped for a slow destination. */
function reportOf(dropped: number, pretty: boolean): string {
  const message = 'Log lines dropped: the destination is too slow';
  return formatted({ level: 'warn', message, fields: { dropped } }, pretty);
}

/** Formats a line of the logger about itself. */
function formatted({ level, message, fields }: OwnLine, pretty: boolean): string {
  const line = { level, message, service: SERVICE, component: 'logger', ...fields, [LEVEL]: level };
  const made = (pretty ? format.combine(asJson, readable) : asJson).transform(line, {});
  return `${String((made as Record<symbol, unknown>)[MESSAGE])}\n`;
}

async function endLogger(
  winston: WinstonLogger,
  output: BoundedOutput,
  files: readonly BoundedOutput[],
): Promise<void> {
  const finished = new Promise<void>((resolve) => winston.once('finish', () => resolve()));
  winston.end();
  // Writing after that is no error: child loggers write through this, too.
  winston.write = () => true;
  await finished;
  // The console last: it has the failures of the files.
  await Promise.all(files.map((file) => file.flush()));
  await output.flush();
}

/** A logger that writes nothing, for programs and tests that need no log. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLogger,
  isDebugEnabled: () => false,
};
