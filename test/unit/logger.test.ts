import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../src/utils/logger.js';
import { eventually } from '../support/eventually.js';

const MIB = 1024 * 1024;

/** A console that accepts lines only on request. */
class HeldConsole extends Writable {
  readonly lines: string[] = [];
  isHeld = false;
  #goOn: (() => void) | undefined;

  constructor() {
    super({ decodeStrings: false });
  }

  override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
    if (line !== '') this.lines.push(line);
    if (this.isHeld) this.#goOn = done;
    else done();
  }

  release(): void {
    this.isHeld = false;
    this.#goOn?.();
  }
}

let directory: string;
let output: HeldConsole;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'logs-'));
  output = new HeldConsole();
});
afterEach(() => rm(directory, { recursive: true }));

const logTo = (options: { directory?: string; pretty?: boolean } = {}) =>
  createLogger({ level: 'info', directory: '', pretty: false, console: output, ...options });

describe('the logger', () => {
  /** A value that counts how often it is formatted. */
  const counted = () => {
    const value = { formatted: 0, toJSON: () => (value.formatted += 1) };
    return value;
  };

  it('formats a line after the work of the turn, with the time and the order of the calls', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1000 });
    const logger = logTo();
    const value = counted();
    logger.info('first', { value });
    vi.setSystemTime(3000);
    logger.child({ component: 'jobs' }).warn('second');
    expect(value.formatted).toBe(0);
    await nextTurn();
    expect(value.formatted).toBe(1);
    await logger.close();
    vi.useRealTimers();
    expect(
      output.lines
        .join('')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      expect.objectContaining({ message: 'first', timestamp: '1970-01-01T00:00:01.000Z' }),
      expect.objectContaining({ message: 'second', timestamp: '1970-01-01T00:00:03.000Z' }),
    ]);
  });

  it('formats many lines at once, so that they do not wait in memory', () => {
    const logger = logTo();
    const value = counted();
    for (let n = 0; n < 1000; n += 1) logger.info('line', { value });
    expect(value.formatted).toBe(1000);
  });

  it('does not format lines below its level', async () => {
    const logger = logTo();
    const value = counted();
    logger.debug('line', { value });
    await logger.close();
    expect(value.formatted).toBe(0);
    expect(output.lines).toEqual([]);
  });

  it('writes JSON lines with the fixed fields, errors to a file of their own too', async () => {
    const logger = logTo({ directory });
    const log = logger.child({ component: 'jobs' });
    log.info('Job completed', { jobId: '7', resultSize: 5 });
    log.error('Job failed', { jobId: '8' });
    log.debug('not at this level');
    await logger.close();
    const lines = (await readFile(path.join(directory, 'combined.log'), 'utf8'))
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'info',
        message: 'Job completed',
        component: 'jobs',
        jobId: '7',
        resultSize: 5,
      }),
      expect.objectContaining({ level: 'error', message: 'Job failed', component: 'jobs', jobId: '8' }),
    ]);
    for (const line of lines) {
      expect(line.service).toBe('comfyui-express-middleware');
      expect(new Date(line.timestamp).toISOString()).toBe(line.timestamp);
    }
    expect(await readFile(path.join(directory, 'error.log'), 'utf8')).toBe(`${JSON.stringify(lines[1])}\n`);
    expect(output.lines.map((line) => JSON.parse(line))).toEqual(lines);
  });

  it('goes on with the console when the folder cannot be written', async () => {
    const file = path.join(directory, 'file');
    await writeFile(file, '');
    const logger = logTo({ directory: path.join(file, 'logs') });
    logger.info('still here');
    await logger.close();
    expect(output.lines.join('')).toContain('Log folder is not writable');
    expect(output.lines.join('')).toContain('still here');
  });

  it('is readable on a terminal', async () => {
    const logger = logTo({ pretty: true });
    logger.child({ component: 'jobs' }).info('Job completed', { jobId: '7', instance: undefined });
    await logger.close();
    expect(output.lines.join('')).toMatch(
      /\d\d:\d\d:\d\d\.\d{3} .*info.* \[jobs\] Job completed {2}jobId=7\n/,
    );
  });
});

describe('a destination that is too slow', () => {
  const LINES = 20_000;
  const filler = 'x'.repeat(200);

  it.each([false, true])(
    'loses lines, keeps no more than a bound, and says how many (pretty: %s)',
    async (pretty) => {
      const logger = logTo({ pretty });
      output.isHeld = true;
      for (let n = 0; n < LINES; n += 1) {
        logger.info('Request', { n, filler });
        if (n % 1000 === 0) await nextTurn();
      }
      await nextTurn();
      expect(output.writableLength).toBeLessThanOrEqual(MIB);
      output.release();
      const reports = () => output.lines.filter((line) => line.includes('Log lines dropped'));
      await eventually(() => expect(reports()).toHaveLength(1));
      const dropped = Number(/dropped\W+(\d+)/.exec(reports()[0] ?? '')?.[1]);
      expect(output.lines.filter((line) => line.includes('Request'))).toHaveLength(LINES - dropped);
      expect(dropped).toBeGreaterThan(LINES / 2);
      logger.info('after it');
      await logger.close();
      expect(output.lines.at(-1)).toContain('after it');
      expect(reports()).toHaveLength(1);
    },
  );

  it('says so once for each time, however often it is slow', async () => {
    const logger = logTo();
    for (const round of [1, 2]) {
      output.isHeld = true;
      for (let n = 0; n < LINES; n += 1) logger.info('Request', { n, filler });
      await nextTurn();
      output.release();
      await eventually(() => {
        expect(output.lines.filter((line) => line.includes('dropped'))).toHaveLength(round);
      });
    }
    await logger.close();
  });

  it('is told at the end what it lost, although it has no room yet', async () => {
    const logger = logTo();
    output.isHeld = true;
    for (let n = 0; n < LINES; n += 1) logger.info('Request', { n, filler });
    const closed = logger.close();
    await nextTurn();
    output.release();
    await closed;
    expect(output.lines.at(-1)).toContain('Log lines dropped');
  });

  it('does not keep the end waiting', async () => {
    const logger = logTo();
    output.isHeld = true;
    logger.info('Stopped');
    await logger.close();
  });

  it('takes no line from the files', async () => {
    const logger = logTo({ directory });
    output.isHeld = true;
    for (let n = 0; n < LINES; n += 1) {
      logger.info('Request', { n, filler });
      if (n % 100 === 0) await nextTurn();
    }
    await logger.close();
    const lines = (await readFile(path.join(directory, 'combined.log'), 'utf8')).trim().split('\n');
    const ends = lines.map((line) => JSON.parse(line) as { n?: number; dropped?: number });
    const dropped = ends.reduce((sum, line) => sum + (line.dropped ?? 0), 0);
    expect(ends.filter(({ n }) => n !== undefined)).toHaveLength(LINES - dropped);
  });
});

describe('a line that comes after the end', () => {
  it('is lost, and no error', async () => {
    const logger = logTo({ directory });
    const log = logger.child({ component: 'jobs' });
    await logger.close();
    log.error('too late');
    logger.info('too late');
    await nextTurn();
    expect(await readFile(path.join(directory, 'combined.log'), 'utf8')).not.toContain('too late');
  });
});

describe('a console that is closed', () => {
  it('stops nobody, and is not written to any more', async () => {
    const logger = logTo({ directory });
    output.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    logger.info('goes on');
    await logger.close();
    expect(output.lines).toEqual([]);
    expect(await readFile(path.join(directory, 'combined.log'), 'utf8')).toContain('goes on');
  });
});
