import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ServerState } from '../../src/services/comfyui/ServerState.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

const HOST = 'gpu-1:8188';
const HEARTBEAT_MS = 20_000;

let parent: string;
let directory: string;
let logger: RecordingLogger;
let states: ServerState[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  parent = path.join(mkdtempSync(path.join(tmpdir(), 'state-')), 'disk');
  directory = path.join(parent, 'state');
  logger = new RecordingLogger();
  states = [];
});
afterEach(() => {
  for (const state of states) state.close();
  vi.useRealTimers();
  rmSync(path.dirname(parent), { recursive: true });
});

function start(): ServerState {
  const state = new ServerState(directory, logger);
  states.push(state);
  return state;
}

/** Puts a file in the place of the disk. */
function breakDisk(): void {
  rmSync(parent, { recursive: true, force: true });
  writeFileSync(parent, '');
}

const repairDisk = () => rmSync(parent);
const recorded = ({ id }: ServerState): unknown =>
  JSON.parse(readFileSync(path.join(directory, `${id}.json`), 'utf8')).uploads;
const messages = () => logger.lines.map(({ level, message }) => `${level} ${message.split(':')[0]}`);

const [NOT_WRITABLE, WRITABLE] = ['warn STATE_DIR is not writable', 'info STATE_DIR is writable again'];
const [UNREADABLE, READABLE] = ['warn STATE_DIR cannot be read', 'info STATE_DIR can be read again'];

describe('the record of what a server leaves on the machines', () => {
  it('is written with a heartbeat, if it could not be written before', () => {
    const state = start();
    breakDisk();
    state.uses(HOST);
    state.uploads(HOST, 'a.png');
    repairDisk();
    vi.advanceTimersByTime(HEARTBEAT_MS);
    expect(recorded(state)).toEqual({ [HOST]: ['a.png'] });
  });

  it('is written before the next prompt, if it could not be written before', () => {
    const state = start();
    breakDisk();
    state.uses(HOST);
    state.uploads(HOST, 'a.png');
    repairDisk();
    state.uses(HOST);
    expect(recorded(state)).toEqual({ [HOST]: ['a.png'] });
  });

  it('is written again if somebody deletes it', () => {
    const state = start();
    state.uploads(HOST, 'a.png');
    rmSync(directory, { recursive: true });
    vi.advanceTimersByTime(HEARTBEAT_MS);
    expect(recorded(state)).toEqual({ [HOST]: ['a.png'] });
    expect(messages()).toEqual([]);
  });
});

describe('the log', () => {
  it('has the beginning and the end of each time in which the folder was not writable', () => {
    const state = start();
    for (const round of [1, 2]) {
      breakDisk();
      for (let n = 0; n < 3; n += 1) state.uses(`gpu-${round}:8188`);
      repairDisk();
      vi.advanceTimersByTime(HEARTBEAT_MS);
      expect(messages()).toEqual(Array.from({ length: round }, () => [NOT_WRITABLE, WRITABLE]).flat());
    }
  });

  it('does not call a folder unwritable that cannot be read', () => {
    breakDisk();
    start();
    expect(messages()).toEqual([UNREADABLE]);
    vi.advanceTimersByTime(HEARTBEAT_MS);
    repairDisk();
    vi.advanceTimersByTime(HEARTBEAT_MS);
    expect(messages()).toEqual([UNREADABLE, READABLE]);
  });
});

describe('an earlier run', () => {
  const ID = 'a'.repeat(32);
  const left = { hostname: 'other', pid: 1, pidNamespace: '', processStart: 1, hasEnded: true };
  const leave = () => {
    start().uses(HOST);
    writeFileSync(path.join(directory, `${ID}.json`), JSON.stringify({ ...left, id: ID, uploads: {} }));
  };

  it('is not forgotten while the folder cannot be read', () => {
    leave();
    const state = start();
    expect(state.predecessors.map(({ id }) => id)).toEqual([ID]);
    breakDisk();
    vi.advanceTimersByTime(HEARTBEAT_MS);
    expect(state.predecessors.map(({ id }) => id)).toEqual([ID]);
    repairDisk();
  });

  it('whose file cannot be deleted does not make the folder unwritable', () => {
    leave();
    const state = start();
    const file = path.join(directory, `${ID}.json`);
    rmSync(file);
    mkdirSync(file);
    for (const predecessor of state.predecessors) state.forget(predecessor);
    expect(messages()).toEqual(['warn The file of an earlier run in STATE_DIR cannot be deleted']);
  });
});
