import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { v4 as uuid } from 'uuid';
import { z } from 'zod';
import { messageOf } from '../../errors.js';
import { isMissing } from '../../utils/isMissing.js';
import type { Logger } from '../../utils/logger.js';

/** Interval at which a server shows that it is alive, ms. */
const HEARTBEAT_MS = 20_000;
/** How long a server on another host may be silent, ms. */
const STALE_MS = 600_000;
/** The same on this host, where another program may have its pid, or the process may be suspended. */
const STALE_HERE_MS = 24 * 3_600_000;

const recordSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  hostname: z.string(),
  pid: z.int(),
  /** The namespace of the pid: containers on one host may all have pid 1. Empty if unknown. */
  pidNamespace: z.string(),
  /** `performance.timeOrigin` of the process: a new process may have the pid of an old one. */
  processStart: z.number(),
  /** The server ended properly. */
  hasEnded: z.boolean(),
  /** Names of the files in each machine's temp folder, by `host:port`. */
  uploads: z.record(z.string(), z.array(z.string())),
});

type ServerRecord = z.output<typeof recordSchema>;

/** What can go wrong with the folder, and what the log says at the beginning and at the end. */
const TROUBLES = {
  write: {
    begin: 'STATE_DIR is not writable: nothing is cleaned up on the machines after a crash',
    end: 'STATE_DIR is writable again',
  },
  read: {
    begin: 'STATE_DIR cannot be read: what earlier runs left on the machines is not cleaned up',
    end: 'STATE_DIR can be read again',
  },
  delete: {
    begin: 'The file of an earlier run in STATE_DIR cannot be deleted: its machines are cleaned up again',
    end: 'Files in STATE_DIR can be deleted again',
  },
};

/** A server that no longer runs and left prompts or uploads on machines. */
export interface Predecessor {
  readonly id: string;
  readonly uploads: Readonly<Record<string, readonly string[]>>;
}

/**
 * Records on disk what this server leaves on the machines, so that the next start can clean up after a crash. Each
 * start has a new id and file, so that servers can share a folder.
 */
export class ServerState {
  readonly id = uuid().replaceAll('-', '');
  #predecessors: readonly Predecessor[] = [];
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #record: ServerRecord;
  readonly #heartbeat: NodeJS.Timeout | undefined;
  /** What is going wrong now. */
  readonly #troubles = new Set<keyof typeof TROUBLES>();
  /** Whether the last write succeeded. */
  #isStored = true;

  /** @param directory empty to record nothing */
  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
    this.#record = {
      id: this.id,
      hostname: hostname(),
      pid: process.pid,
      pidNamespace: pidNamespace(),
      processStart: performance.timeOrigin,
      hasEnded: false,
      uploads: {},
    };
    if (directory === '') return;
    this.#readPredecessors();
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  /**
   * Servers that ended and left something behind. A server on another host is known to have ended only after a while.
   */
  get predecessors(): readonly Predecessor[] {
    return this.#predecessors;
  }

  /** This server is about to use the machine. */
  uses(host: string): void {
    if (this.#record.uploads[host] && this.#isStored) return;
    this.#record.uploads[host] ??= [];
    this.#write();
  }

  /** This server is about to upload a file with this name. */
  uploads(host: string, name: string): void {
    const names = this.#record.uploads[host] ?? [];
    this.#record.uploads[host] = [...names, name];
    this.#write();
  }

  /** Nothing of a predecessor is left on any machine. */
  forget(predecessor: Predecessor): void {
    this.#predecessors = this.#predecessors.filter(({ id }) => id !== predecessor.id);
    this.#try('delete', () => rmSync(this.#file(predecessor.id), { force: true }));
  }

  /** The server ends: the next start need not wait to be sure of it. */
  close(): void {
    clearInterval(this.#heartbeat);
    this.#record.hasEnded = true;
    if (Object.keys(this.#record.uploads).length > 0) this.#write();
  }

  #file(id: string): string {
    return path.join(this.#directory, `${id}.json`);
  }

  /** Synchronously and atomically: a name that is not on disk cannot be cleaned up after a crash. */
  #write(): void {
    if (this.#directory === '') return;
    const file = this.#file(this.id);
    this.#isStored = this.#try('write', () => {
      mkdirSync(this.#directory, { recursive: true });
      writeFileSync(`${file}.tmp`, JSON.stringify(this.#record));
      renameSync(`${file}.tmp`, file);
    });
  }

  #beat(): void {
    this.#readPredecessors();
    if (Object.keys(this.#record.uploads).length > 0 && !this.#touch()) this.#write();
  }

  /** @returns whether the file has everything, and its new time; false if it was deleted */
  #touch(): boolean {
    const now = new Date();
    try {
      utimesSync(this.#file(this.id), now, now);
      return this.#isStored;
    } catch {
      return false;
    }
  }

  /** If the folder cannot be read, the known ones stay. */
  #readPredecessors(): void {
    this.#try('read', () => {
      const names = namesIn(this.#directory).filter((name) => name.endsWith('.json'));
      this.#predecessors = names.flatMap((name) => {
        const found = readRecord(path.join(this.#directory, name));
        if (found === undefined || found.record.id === this.id) return [];
        return isOver(found.record, found.lastBeat) ? [found.record] : [];
      });
    });
  }

  /**
   * Trouble with the folder only prevents the cleanup after a crash. The log has its beginning and its end.
   * @returns whether the work succeeded
   */
  #try(kind: keyof typeof TROUBLES, work: () => void): boolean {
    const fields = { directory: this.#directory };
    try {
      work();
    } catch (error) {
      if (!this.#troubles.has(kind))
        this.#logger.warn(TROUBLES[kind].begin, { ...fields, error: messageOf(error) });
      this.#troubles.add(kind);
      return false;
    }
    if (this.#troubles.delete(kind)) this.#logger.info(TROUBLES[kind].end, fields);
    return true;
  }
}

/** Nothing without the folder: it is created by the first write. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** @returns undefined for a file of another kind, or one that another server just deleted */
function readRecord(file: string): { record: ServerRecord; lastBeat: number } | undefined {
  try {
    const record = recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return { record, lastBeat: statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

/** Whether the server certainly no longer runs: a cleanup behind a running server would destroy its jobs. */
function isOver({ hasEnded, pid, processStart, ...record }: ServerRecord, lastBeat: number): boolean {
  if (hasEnded) return true;
  const isHere = record.hostname === hostname() && record.pidNamespace === pidNamespace();
  if (!isHere) return Date.now() - lastBeat > STALE_MS;
  if (pid === process.pid) return processStart !== performance.timeOrigin;
  try {
    process.kill(pid, 0);
    return Date.now() - lastBeat > STALE_HERE_MS;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
