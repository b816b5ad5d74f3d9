import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createLogger as createWinston, format, transports, type Logger as WinstonLogger } from 'winston';

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
}

const SERVICE = 'comfyui-express-middleware';
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;

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
 * console and does not stop the server.
 */
export function createLogger(options: LoggerOptions): RootLogger {
  const winston = createWinston({
    level: options.level,
    // Once for all transports: a line has one time wherever it is read, and is put together once.
    format: format.combine(format.timestamp(), format.json()),
    defaultMeta: { service: SERVICE },
    transports: [new transports.Console(options.pretty ? { format: readable } : {})],
  });
  if (options.directory !== '') addFiles(winston, options.directory);
  return Object.assign(winston, { close: () => endLogger(winston) }) as unknown as RootLogger;
}

function addFiles(winston: WinstonLogger, directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    winston.error('Log folder cannot be written, logging to the console only', {
      component: 'logger',
      error: error instanceof Error ? error.message : String(error),
    });
    return;
  }
  for (const [filename, level] of [
    ['combined.log', undefined],
    ['error.log', 'error'],
  ] as const) {
    const file = new transports.File({
      filename: path.join(directory, filename),
      ...(level ? { level } : {}),
      maxsize: MAX_FILE_BYTES,
      maxFiles: MAX_FILES,
      tailable: true,
    });
    // A full disk must not take the server down: the console still has every line.
    file.on('error', () => winston.remove(file));
    winston.add(file);
  }
}

async function endLogger(winston: WinstonLogger): Promise<void> {
  const finished = new Promise<void>((resolve) => winston.once('finish', () => resolve()));
  winston.end();
  await finished;
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
