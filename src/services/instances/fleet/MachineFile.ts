import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../../../errors.js';
import { machineEntry } from '../../../schemas/instances.js';
import { plainIssue } from '../../../schemas/plainIssue.js';
import { FolderWatch } from '../../../utils/FolderWatch.js';
import type { Logger } from '../../../utils/logger.js';
import { issueText } from './issueText.js';
import { type Listed, listed } from './Machine.js';

/** Network drives and mounted ConfigMaps send no change events; ms. */
const POLL_MS = 2000;

/** Characters. */
const MAX_LENGTH = 1024 * 1024;

const shape = z.union([
  z.array(machineEntry),
  z.strictObject({ instances: z.array(machineEntry) }).transform(({ instances }) => instances),
]);

/** `INSTANCES_FILE`: a list of machines in YAML or JSON, read again when it changes. */
export class MachineFile {
  readonly #file: string;
  readonly #onList: (list: readonly Listed[]) => Promise<void>;
  readonly #logger: Logger;
  readonly #watch: FolderWatch;
  #text: string | undefined;
  #problem: string | undefined;

  /** @param onList called with the entries of the file whenever they change */
  constructor(file: string, onList: (list: readonly Listed[]) => Promise<void>, logger: Logger) {
    this.#file = file;
    this.#onList = onList;
    this.#logger = logger;
    this.#watch = new FolderWatch(path.dirname(path.resolve(file)), POLL_MS, () => this.#look());
  }

  /** Why the file is invalid now; the machines of its last valid version stay. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Reads the file and watches it. @throws Error that explains what is wrong with it */
  async start(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      throw new Error(`INSTANCES_FILE: ${messageOf(error)}`);
    }
    this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  async #look(): Promise<void> {
    try {
      await this.#read();
      this.#problem = undefined;
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#problem) {
        this.#logger.error('INSTANCES_FILE cannot be used: the machines stay as they were', { problem });
      }
      this.#problem = problem;
    }
  }

  async #read(): Promise<void> {
    const text = await this.#readText();
    if (text === this.#text && this.#problem === undefined) return;
    const entries = this.#parse(text);
    const list: Listed[] = [];
    for (const [at, entry] of entries.entries()) {
      try {
        list.push(await listed(entry));
      } catch (error) {
        throw new Error(`${this.#file}: entry ${at + 1}: ${messageOf(error)}`);
      }
    }
    this.#text = text;
    await this.#onList(list);
  }

  async #readText(): Promise<string> {
    try {
      return await readFile(this.#file, 'utf8');
    } catch (error) {
      throw new Error(`${this.#file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  #parse(text: string): z.output<typeof shape> {
    if (text.length > MAX_LENGTH) throw new Error(`${this.#file} has more than ${MAX_LENGTH} characters`);
    let content: unknown;
    try {
      content = parse(text, { logLevel: 'error' });
    } catch {
      // The parser's message repeats the line, which may have a secret in it.
      throw new Error(`${this.#file} is neither YAML nor JSON`);
    }
    const parsed = shape.safeParse(content ?? []);
    if (parsed.success) return parsed.data;
    throw new Error(`${this.#file} ${whatIsWrong(content)}`);
  }
}

/** The first problem by its place, without any value. */
function whatIsWrong(content: unknown): string {
  const list = Array.isArray(content) ? content : (content as { instances?: unknown } | null)?.instances;
  if (!Array.isArray(list)) return 'must be a list of machines, or "instances:" with such a list';
  for (const [at, entry] of list.entries()) {
    const parsed = machineEntry.safeParse(entry, { error: plainIssue });
    const [issue] = parsed.error?.issues ?? [];
    if (issue) return `has an invalid entry ${at + 1}: ${issueText(issue)}`;
  }
  return 'must have no other key than "instances:"';
}
