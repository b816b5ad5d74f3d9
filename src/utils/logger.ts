import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { createLogger as createWinston, format, transports, type Logger as WinstonLogger } from 'winston';
import { BoundedOutput } from './BoundedOutput.js';

/** Fields of a log line that have a fixed name; others may stand beside them. */
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

/** What the services log through; `child` fixes the component's name. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
  /** Whether a debug line would be written, for whoever writes very many. */
  isDebugEnabled(): boolean;
}

/** The root logger, which also owns the files. */
export interface RootLogger extends Logger {
  /** Writes what is still buffered and closes the files. */
  close(): Promise<void>;
}

interface LoggerOptions {
  readonly level: string;
  /** Folder of `combined.log` and `error.log`; empty for the console only. */
  readonly directory: string;
  /** Readable colours in place of JSON lines on the console. */
  readonly pretty: boolean;
  /** The console; standard output when it is left out. */
  readonly console?: Writable;
}

const SERVICE = 'comfyui-express-middleware';
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;

/** Where winston keeps a line as it is written, and its level (the package `triple-beam`). */
const MESSAGE = Symbol.for('message');
const LEVEL = Symbol.for('level');

/** Once for all transports: a line has one time wherever it is read, and is put together once. */
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
 * Creates the server's logger: JSON lines (`timestamp, level, service, message, component`, …) on the console,
 * or readable ones on a terminal, and in rotating files. A folder that cannot be written is reported on the
 * console and does not stop the server. A destination that is too slow loses lines, and is told how many.
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
    transports: [new transports.Stream({ stream: output, ...(options.pretty ? { format: readable } : {}) })],
  });
  const outputs = [output, ...(options.directory === '' ? [] : addFiles(winston, options.directory))];
  return Object.assign(winston, { close: () => endLogger(winston, outputs) }) as unknown as RootLogger;
}

function addFiles(winston: WinstonLogger, directory: string): BoundedOutput[] {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    winston.error('Log folder is not writable, logging to the console only', {
      component: 'logger',
      error: error instanceof Error ? error.message : String(error),
    });
    return [];
  }
  return [
    addFile(winston, path.join(directory, 'combined.log')),
    addFile(winston, path.join(directory, 'error.log'), 'error'),
  ];
}

function addFile(winston: WinstonLogger, filename: string, level?: string): BoundedOutput {
  const file = new transports.File({
    filename,
    maxsize: MAX_FILE_BYTES,
    maxFiles: MAX_FILES,
    tailable: true,
  });
  const stream = new BoundedOutput(linesOf(file), {
    reportOf: (dropped) => reportOf(dropped, false),
    endsDestination: true,
  });
  const transport = new transports.Stream({ stream, ...(level ? { level } : {}) });
  // A full disk must not take the server down: the console still has every line.
  file.on('error', () => {
    stream.abandon();
    winston.remove(transport);
  });
  winston.add(transport);
  return stream;
}

/** A stream into winston's rotating file: what came while it was busy is one write, and one turn of the disk. */
function linesOf(file: InstanceType<typeof transports.File>): Writable {
  // The file ends each entry with a newline of its own.
  const entryOf = (lines: string) => ({ [MESSAGE]: lines.trimEnd() });
  return new Writable({
    decodeStrings: false,
    write: (lines: string, _encoding, done) => void file.write(entryOf(lines), done),
    writev: (parts, done) => void file.write(entryOf(parts.map(({ chunk }) => chunk).join('')), done),
    final: (done) => void file.end(done),
  });
}

/** The line in place of those that a slow destination lost. */
function reportOf(dropped: number, pretty: boolean): string {
  const level = 'warn';
  const message = 'Log lines dropped: the destination is too slow';
  const line = { level, message, service: SERVICE, component: 'logger', dropped, [LEVEL]: level };
  const made = (pretty ? format.combine(asJson, readable) : asJson).transform(line, {});
  return `${String((made as Record<symbol, unknown>)[MESSAGE])}\n`;
}

async function endLogger(winston: WinstonLogger, outputs: readonly BoundedOutput[]): Promise<void> {
  const finished = new Promise<void>((resolve) => winston.once('finish', () => resolve()));
  winston.end();
  // What somebody has to say after that is not worth an error: child loggers write through this, too.
  winston.write = () => true;
  await finished;
  await Promise.all(outputs.map((output) => output.flush()));
}

/** A logger that says nothing, for programs and tests that build services without a log. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLogger,
  isDebugEnabled: () => false,
};
