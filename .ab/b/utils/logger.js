import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createLogger as createWinston, format, transports } from 'winston';
const SERVICE = 'comfyui-express-middleware';
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;
const readable = format.combine(format.colorize({ level: true }), format.printf(({ timestamp, level, message, component, service: _service, ...fields }) => {
    const rest = Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
        .join(' ');
    return `${String(timestamp).slice(11, 23)} ${level} [${component ?? SERVICE}] ${message}${rest ? `  ${rest}` : ''}`;
}));
/**
 * Creates the server's logger: JSON lines (`timestamp, level, service, message, component`, …) on the console,
 * or readable ones on a terminal, and in rotating files. A folder that cannot be written is reported on the
 * console and does not stop the server.
 */
export function createLogger(options) {
    const winston = createWinston({
        level: options.level,
        // Once for all transports: a line has one time wherever it is read, and is put together once.
        format: format.combine(format.timestamp(), format.json()),
        defaultMeta: { service: SERVICE },
        transports: [new transports.Console(options.pretty ? { format: readable } : {})],
    });
    if (options.directory !== '')
        addFiles(winston, options.directory);
    return Object.assign(winston, { close: () => endLogger(winston) });
}
function addFiles(winston, directory) {
    try {
        mkdirSync(directory, { recursive: true });
    }
    catch (error) {
        winston.error('Log folder cannot be written, logging to the console only', {
            component: 'logger',
            error: error instanceof Error ? error.message : String(error),
        });
        return;
    }
    for (const [filename, level] of [
        ['combined.log', undefined],
        ['error.log', 'error'],
    ]) {
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
async function endLogger(winston) {
    const finished = new Promise((resolve) => winston.once('finish', () => resolve()));
    winston.end();
    await finished;
}
/** A logger that says nothing, for programs and tests that build services without a log. */
export const silentLogger = {
    error: () => undefined,
    warn: () => undefined,
    info: () => undefined,
    debug: () => undefined,
    child: () => silentLogger,
    isDebugEnabled: () => false,
};
//# sourceMappingURL=logger.js.map