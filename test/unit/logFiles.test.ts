import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger, type RootLogger } from '../../src/utils/logger.js';
import { eventually } from '../support/eventually.js';

const FAILURE = 'Log folder is not writable, logging to the console only';
const RECOVERY = 'Log folder is writable again';
const MIB = 1024 * 1024;

interface Line {
  readonly message: string;
  readonly file?: string;
  readonly lost?: number;
}

let parent: string;
let directory: string;
let console: string[];
let logger: RootLogger;
let isClosed: boolean;

beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'logs-'));
  directory = path.join(parent, 'disk', 'logs');
  console = [];
  isClosed = false;
  await repairDisk();
});
afterEach(async () => {
  await close();
  await rm(parent, { recursive: true });
});

async function close(): Promise<void> {
  if (!isClosed) await logger.close();
  isClosed = true;
}

function start(level = 'info'): void {
  const write: Writable['_write'] = (line: string, _encoding, done) => {
    console.push(line);
    done();
  };
  const output = new Writable({ decodeStrings: false, write });
  logger = createLogger({ level, directory, pretty: false, console: output, retryMs: 50 });
}

const place = (name: string) => path.join(directory, name);
const parsed = (text: string): Line[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
const lostIn = (lines: readonly Line[]) => lines.filter(({ message }) => message === 'lost').length;
const linesIn = async (name = 'combined.log') => parsed(await readFile(place(name), 'utf8').catch(() => ''));
const messagesIn = async (name?: string) => (await linesIn(name)).map(({ message }) => message);
/** What the console says about a file. */
const told = (name = 'combined.log') =>
  parsed(console.join('')).flatMap(({ message, file }) => (file === name ? [message] : []));

/** Writes a line, and waits until it is in the file. */
async function logged(message: string): Promise<void> {
  logger.info(message);
  await eventually(async () => expect((await messagesIn()).at(-1)).toBe(message));
}

/** Replaces the disk at once: the files may be written at the same moment. */
async function putInPlace(target: string): Promise<void> {
  await symlink(target, path.join(parent, 'next'));
  await rename(path.join(parent, 'next'), path.dirname(directory));
}

async function breakDisk(): Promise<void> {
  await writeFile(path.join(parent, 'file'), '');
  await putInPlace(path.join(parent, 'file'));
}

const repairDisk = async () => putInPlace(await mkdtemp(path.join(parent, 'disk-')));

/** Logs lines until the console tells of the failure. @returns how many */
async function logUntilTold(times: number): Promise<void> {
  await eventually(() => {
    logger.info('lost');
    expect(told().filter((message) => message === FAILURE)).toHaveLength(times);
  });
}

describe('log files that cannot be written', () => {
  it('are written again when it is possible, with the number of the lost lines in their place', async () => {
    start();
    for (const times of [1, 2]) {
      await logged('before');
      const before = lostIn(parsed(console.join('')));
      await breakDisk();
      await logUntilTold(times);
      await repairDisk();
      await eventually(() => expect(told()).toHaveLength(2 * times));
      await logged('after');
      const lines = await linesIn();
      const { lost = 0, ...report } = lines[0] ?? {};
      expect(report).toMatchObject({ message: RECOVERY, level: 'warn', component: 'logger' });
      expect(lost).toBeGreaterThan(0);
      // The last ones may come when the file is written again.
      expect(lost + lostIn(lines)).toBe(lostIn(parsed(console.join(''))) - before);
      expect(told()).toEqual(Array.from({ length: times }, () => [FAILURE, RECOVERY]).flat());
    }
  });

  it('are written later if the folder was not writable at the start', async () => {
    await breakDisk();
    start('error');
    logger.error('lost');
    await eventually(() => expect(told('error.log')).toEqual([FAILURE]));
    await repairDisk();
    await eventually(() => expect(told('error.log')).toEqual([FAILURE, RECOVERY]));
    logger.error('after');
    await eventually(async () => expect(await messagesIn('error.log')).toEqual([RECOVERY, 'after']));
    await eventually(async () => expect(await messagesIn()).toEqual([RECOVERY, 'after']));
  });

  it.runIf(existsSync('/dev/full'))('are tried again on a full disk until it has room', async () => {
    await mkdir(directory, { recursive: true });
    await symlink('/dev/full', place('combined.log'));
    start();
    await logUntilTold(1);
    // Opening succeeds on a full disk.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(told()).toEqual([FAILURE]);
    await rm(place('combined.log'));
    await eventually(() => expect(told()).toEqual([FAILURE, RECOVERY]));
    await logged('after');
    expect(await messagesIn()).toEqual([RECOVERY, 'after']);
  });

  it('say at the end what they lost, if there is room by then', async () => {
    start();
    await logged('before');
    await breakDisk();
    await logUntilTold(1);
    await repairDisk();
    await close();
    expect(await messagesIn()).toEqual([RECOVERY]);
    expect(told()).toEqual([FAILURE, RECOVERY]);
  });
});

describe('log files', () => {
  it('are created again with their folder when somebody deletes it', async () => {
    start();
    await logged('before');
    await rename(directory, `${directory}-deleted`);
    await logged('after');
    logger.error('failed');
    await eventually(async () => expect(await messagesIn('error.log')).toEqual(['failed']));
    expect(await messagesIn()).toEqual(['after', 'failed']);
    expect(told()).toEqual([]);
  });

  it('are created again when another program puts them aside', async () => {
    start();
    await logged('before');
    await rename(place('combined.log'), place('kept'));
    await logged('after');
    expect(await messagesIn('kept')).toEqual(['before']);
    expect(await messagesIn()).toEqual(['after']);
  });

  it('begin a new line after one that a crash cut off', async () => {
    await mkdir(directory, { recursive: true });
    await writeFile(place('combined.log'), '{"message":"whole"}\n{"mess');
    start();
    await eventually(async () => expect(await readFile(place('combined.log'), 'utf8')).toMatch(/mess\n$/));
    logger.info('after');
    await close();
    const [whole, half, after, ...rest] = (await readFile(place('combined.log'), 'utf8')).split('\n');
    expect([whole, half, rest]).toEqual(['{"message":"whole"}', '{"mess', ['']]);
    expect(JSON.parse(after ?? '')).toMatchObject({ message: 'after' });
  });

  it('are put aside at 10 MB, and only the five newest stay', async () => {
    await mkdir(directory, { recursive: true });
    const older = [1, 2, 3, 4].map((n) => `combined${n}.log`);
    for (const name of older) await writeFile(place(name), name);
    start();
    const filler = 'x'.repeat(MIB / 2);
    for (let n = 0; n < 24; n += 1) await logged(`${n} ${filler}`);
    await close();
    expect((await readdir(directory)).toSorted()).toEqual([...older, 'combined.log', 'error.log'].toSorted());
    const numbers = [...(await messagesIn('combined1.log')), ...(await messagesIn())].map(Number.parseFloat);
    expect(numbers).toEqual(Array.from({ length: 24 }, (_, n) => n));
    expect((await stat(place('combined1.log'))).size).toBeLessThan(11 * MIB);
    for (const n of [1, 2, 3]) {
      expect(await readFile(place(`combined${n + 1}.log`), 'utf8')).toBe(`combined${n}.log`);
    }
  });
});
