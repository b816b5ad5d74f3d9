import { rm } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { FolderWatch } from '../../utils/FolderWatch.js';
import { Listeners } from '../../utils/Listeners.js';
import type { Logger } from '../../utils/logger.js';
import { type Json, stringifyJson } from '../../utils/losslessJson.js';
import { replaceFile } from '../../utils/replaceFile.js';
import { sleep } from '../../utils/timers.js';
import { graphJson } from '../graph.js';
import { FolderLooks } from './FolderLooks.js';
import type { FileWorkflow } from './fileWorkflow.js';
import { groupFiles, type WorkflowFiles } from './folderFiles.js';
import { folderWrite } from './folderWrite.js';
import { loadWorkflow } from './loadWorkflow.js';
import { writeManifest } from './manifestText.js';
import { type NodeLookup, noNodeInfo } from './nodeInfo.js';
import { putWorkflow } from './putWorkflow.js';
import { problemOf, type WorkflowProblem } from './WorkflowProblem.js';
import { withNodeInfo } from './withNodeInfo.js';

interface FolderOptions {
  readonly directory: string;
  /** Types of the built-in workflows. */
  readonly builtIn: ReadonlySet<string>;
  readonly logger: Logger;
  /** Poll interval in ms, for file systems that do not report changes. */
  readonly pollMs?: number;
}

/** The state of one workflow's files. */
interface Entry {
  readonly files: WorkflowFiles;
  /** Changes with each of the files. */
  readonly version: string;
  /** The last valid version; undefined if there was none. */
  readonly workflow: FileWorkflow | undefined;
  readonly problem: WorkflowProblem | undefined;
  /** Invalid only once so far: the file may be half written, and is read again. */
  readonly isDoubtful: boolean;
}

const POLL_MS = 1000;
/** Delay before a file that may be half written is read again, ms. */
const SETTLE_MS = 200;

/**
 * The workflows in a folder: `<type>.json`, a graph, and optionally `<type>.yaml`, its manifest. They are reloaded
 * when they change. An invalid file affects no others, and the last valid version of its workflow stays.
 */
export class WorkflowFolder {
  readonly #options: FolderOptions;
  readonly #watch: FolderWatch;
  readonly #listeners: Listeners<[]>;
  /** Reads and writes run one at a time. */
  readonly #alone = pLimit(1);
  readonly #looks: FolderLooks;
  #entries: ReadonlyMap<string, Entry> = new Map();
  #workflows: readonly FileWorkflow[] = [];
  #problems: readonly WorkflowProblem[] = [];
  #infoOf: NodeLookup = noNodeInfo;

  constructor(options: FolderOptions) {
    const { directory, pollMs = POLL_MS, logger } = options;
    this.#options = options;
    this.#looks = new FolderLooks(directory);
    this.#watch = new FolderWatch(directory, pollMs, () => this.#alone(() => this.#look()));
    this.#listeners = new Listeners((error) => logger.error('A workflow listener failed', { error }));
  }

  /** Reads the folder, which need not exist, and starts watching it. */
  async start(): Promise<void> {
    await this.#alone(() => this.#look());
    this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  /** In the order of their types; the same array until something changes. */
  all(): readonly FileWorkflow[] {
    return this.#workflows;
  }

  problems(): readonly WorkflowProblem[] {
    return this.#problems;
  }

  /** @returns a function that removes the listener */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Uses what the machines report about their node classes. Call it whenever that changes. */
  async useNodeInfo(infoOf: NodeLookup): Promise<void> {
    await this.#alone(async () => {
      this.#infoOf = infoOf;
      const entries = [...this.#entries].map(([type, entry]): [string, Entry] => [
        type,
        { ...entry, workflow: entry.workflow && withNodeInfo(entry.workflow, infoOf) },
      ]);
      this.#set(new Map(entries), this.#problems);
    });
  }

  /**
   * Writes a workflow's files, or replaces them.
   * @param manifest plain JSON; derived if omitted
   * @throws AppError of `putWorkflow` and `folderWrite`
   */
  async put(
    type: string,
    graph: Json,
    manifest?: unknown,
  ): Promise<{ workflow: FileWorkflow; isNew: boolean }> {
    const { builtIn } = this.#options;
    const { workflow, own } = putWorkflow(type, graph, manifest, { builtIn, infoOf: this.#infoOf });
    return this.#alone(async () => {
      const known = this.#entries.get(type);
      const names = {
        graph: known?.files.graph ?? `${type}.json`,
        manifest: known?.files.manifest ?? `${type}.yaml`,
      };
      const json = stringifyJson(graphJson(workflow.graph, () => null));
      await folderWrite(type, this.#options.logger, async () => {
        if (own === undefined) await this.#remove(names.manifest);
        else await replaceFile(this.#path(names.manifest), Buffer.from(writeManifest(own)));
        await replaceFile(this.#path(names.graph), Buffer.from(json));
      });
      await this.#look();
      return {
        workflow: this.#entries.get(type)?.workflow ?? workflow,
        isNew: known?.workflow === undefined,
      };
    });
  }

  /**
   * Deletes a workflow's files. Its jobs finish.
   * @returns whether the workflow existed
   * @throws AppError of `folderWrite`
   */
  async delete(type: string): Promise<boolean> {
    return this.#alone(async () => {
      const files = this.#entries.get(type)?.files;
      if (files === undefined) return false;
      await folderWrite(type, this.#options.logger, async () => {
        await this.#remove(files.graph);
        if (files.manifest !== undefined) await this.#remove(files.manifest);
      });
      await this.#look();
      return true;
    });
  }

  #path(file: string): string {
    return path.join(this.#options.directory, file);
  }

  async #remove(file: string): Promise<void> {
    await rm(this.#path(file), { force: true });
    this.#looks.forget(file);
  }

  /** Reads changed files, and once more if one may be half written or just being replaced. Never rejects. */
  async #look(): Promise<void> {
    const hasDoubts = await this.#readChanges();
    if (!hasDoubts) return;
    await sleep(SETTLE_MS);
    await this.#readChanges();
  }

  /** @returns whether a file may be half written, or is missing and may come back */
  async #readChanges(): Promise<boolean> {
    const found = await this.#looks.look().catch((error: Error) => error);
    if (found instanceof Error) {
      this.#set(this.#entries, [problemOf(path.basename(this.#options.directory), found)]);
      return false;
    }
    const { versions, missing, failures } = found;
    const { groups, strays } = groupFiles(versions.keys());
    const entries = new Map<string, Entry>();
    for (const files of groups) {
      const parts = [files.graph, files.manifest].map((file) => file && `${file} ${versions.get(file)}`);
      const known = this.#entries.get(files.type);
      const isMissing = [files.graph, files.manifest].some((file) => file && missing.has(file));
      entries.set(files.type, isMissing && known ? known : await this.#entryOf(files, parts.join()));
    }
    const problems = strays.map((stray): WorkflowProblem => ({ ...stray, code: 'INVALID_WORKFLOW' }));
    for (const [file, error] of failures) problems.push(problemOf(file, error));
    for (const { problem } of entries.values()) if (problem !== undefined) problems.push(problem);
    this.#set(entries, problems);
    return missing.size > 0 || [...entries.values()].some(({ isDoubtful }) => isDoubtful);
  }

  async #entryOf(files: WorkflowFiles, version: string): Promise<Entry> {
    const known = this.#entries.get(files.type);
    const isKnown = known?.version === version;
    if (isKnown && !known.isDoubtful) return known;
    const { directory, builtIn } = this.#options;
    const loaded = await loadWorkflow(files, { directory, builtIn, infoOf: this.#infoOf });
    if ('workflow' in loaded) {
      return { files, version, workflow: loaded.workflow, problem: undefined, isDoubtful: false };
    }
    // A half written file is reported only if it stays invalid.
    const problem = isKnown ? problemOf(loaded.file, loaded.error) : known?.problem;
    return { files, version, workflow: known?.workflow, problem, isDoubtful: !isKnown };
  }

  /** Replaces the entries, logs the changes, and notifies the listeners if workflows changed. */
  #set(entries: ReadonlyMap<string, Entry>, problems: readonly WorkflowProblem[]): void {
    const { logger } = this.#options;
    const workflows = [...entries.values()].flatMap(({ workflow }) => workflow ?? []);
    const before = new Set(this.#workflows);
    const told = new Set(this.#problems.map(({ file, message }) => JSON.stringify([file, message])));
    for (const { file, code, message } of problems) {
      if (!told.has(JSON.stringify([file, message])))
        logger.warn('A workflow file is invalid', { file, code, reason: message });
    }
    const isSame = workflows.length === before.size && workflows.every((workflow) => before.has(workflow));
    this.#entries = entries;
    this.#problems = problems;
    if (isSame) return;
    // If machines only added ranges and choices, graph and manifest are the same.
    const known = new Set(this.#workflows.flatMap(({ graph, manifest }): unknown[] => [graph, manifest]));
    for (const { type, graph, manifest } of workflows) {
      if (!known.has(graph) || !known.has(manifest)) logger.info('Workflow loaded', { jobType: type });
    }
    this.#workflows = workflows.toSorted((one, other) => (one.type < other.type ? -1 : 1));
    this.#listeners.tell();
  }
}
