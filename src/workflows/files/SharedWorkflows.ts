import { createHash } from 'node:crypto';
import { AppError, messageOf } from '../../errors.js';
import { Listeners } from '../../utils/Listeners.js';
import type { Logger } from '../../utils/logger.js';
import type { Json } from '../../utils/losslessJson.js';
import { Repeater } from '../../utils/Repeater.js';
import type { WorkflowStore } from '../WorkflowCatalogue.js';
import { checkResults } from './checkManifest.js';
import type { FileWorkflow } from './fileWorkflow.js';
import { type NodeLookup, noNodeInfo } from './nodeInfo.js';
import { putWorkflow } from './putWorkflow.js';
import { problemOf, type WorkflowProblem } from './WorkflowProblem.js';
import type { WorkflowTexts } from './WorkflowTexts.js';
import { withNodeInfo } from './withNodeInfo.js';
import { quoted } from './workflowError.js';
import { readWorkflow, writeWorkflow } from './workflowText.js';
import { checkType } from './workflowType.js';

/** Interval of the check for workflows from other servers, ms. */
const LOOK_MS = 1000;

interface Parts {
  /** This server's own files. */
  readonly folder: Pick<WorkflowStore, 'problems' | 'onChange' | 'useNodeInfo'> & {
    all(): readonly FileWorkflow[];
    start(): Promise<void>;
    stop(): Promise<void>;
  };
  readonly texts: WorkflowTexts;
  /** Types of the built-in workflows. */
  readonly builtIn: ReadonlySet<string>;
  readonly logger: Logger;
}

/** The state of one shared workflow. */
interface Entry {
  readonly version: string;
  /** The last valid version; undefined if there was none. */
  readonly workflow: FileWorkflow | undefined;
  readonly problem: WorkflowProblem | undefined;
}

/**
 * The workflows of servers that share their jobs. A workflow stored by a client is available on all servers, and each
 * server also has the files of its own folder. A stored workflow takes precedence over a file, so that all servers
 * have the same; after its deletion, the file counts again. Files are never written here: they belong to the
 * operator.
 */
export class SharedWorkflows implements WorkflowStore {
  readonly #parts: Parts;
  readonly #listeners: Listeners<[]>;
  readonly #looks: Repeater;
  #entries: ReadonlyMap<string, Entry> = new Map();
  #all: readonly FileWorkflow[] = [];
  #infoOf: NodeLookup = noNodeInfo;

  constructor(parts: Parts) {
    const { logger, folder } = parts;
    this.#parts = parts;
    this.#listeners = new Listeners((error) => logger.error('A workflow listener failed', { error }));
    this.#looks = new Repeater(() => this.#look(), LOOK_MS, this.#onError);
    folder.onChange(() => this.#merge());
  }

  /** Reads all workflows and starts watching for changes. @throws the rejection of the read */
  async start(): Promise<void> {
    await this.#parts.folder.start();
    await this.#looks.now();
    this.#looks.start();
  }

  async stop(): Promise<void> {
    this.#looks.stop();
    await this.#parts.folder.stop();
  }

  /** In the order of their types; the same array until something changes. */
  all(): readonly FileWorkflow[] {
    return this.#all;
  }

  problems(): readonly WorkflowProblem[] {
    const own = [...this.#entries.values()].flatMap(({ problem }) => problem ?? []);
    return [...this.#parts.folder.problems(), ...own];
  }

  /** @returns a function that removes the listener */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  async useNodeInfo(infoOf: NodeLookup): Promise<void> {
    this.#infoOf = infoOf;
    const entries = [...this.#entries].map(([type, entry]): [string, Entry] => [
      type,
      { ...entry, workflow: entry.workflow && withNodeInfo(entry.workflow, infoOf) },
    ]);
    this.#entries = new Map(entries);
    await this.#parts.folder.useNodeInfo(infoOf);
    this.#merge();
  }

  /** @throws AppError `QUEUE_UNAVAILABLE`, and the errors of `putWorkflow` */
  async put(
    type: string,
    graph: Json,
    manifest?: unknown,
  ): Promise<{ workflow: FileWorkflow; isNew: boolean }> {
    const { folder, texts, builtIn, logger } = this.#parts;
    const { workflow } = putWorkflow(type, graph, manifest, { builtIn, infoOf: this.#infoOf });
    const text = writeWorkflow(workflow);
    const version = versionOf(text);
    const isFirst = await texts.put(type, version, text);
    const isNew = isFirst && !folder.all().some((own) => own.type === type);
    logger.info('Workflow loaded', { jobType: type });
    // It is stored, whether this server can read it now or later.
    this.#entries = new Map(this.#entries).set(type, { version, workflow, problem: undefined });
    this.#merge();
    // A check that started earlier may have removed it again.
    await this.#looks.now().catch(this.#onError);
    return { workflow: this.#entries.get(type)?.workflow ?? workflow, isNew };
  }

  /** @throws AppError `QUEUE_UNAVAILABLE`, and `FORBIDDEN` for a workflow that exists only as a file of this server */
  async delete(type: string): Promise<boolean> {
    const { folder, texts } = this.#parts;
    const isDeleted = await texts.delete(type);
    this.#entries = new Map([...this.#entries].filter(([other]) => other !== type));
    this.#merge();
    await this.#looks.now().catch(this.#onError);
    if (!isDeleted && folder.all().some((own) => own.type === type)) {
      throw new AppError(
        'FORBIDDEN',
        `The workflow ${quoted(type)} is a file of this server: delete it there.`,
      );
    }
    return isDeleted;
  }

  /** Reads what has changed. */
  async #look(): Promise<void> {
    const { texts } = this.#parts;
    const versions = await texts.versions();
    const changed = [...versions].flatMap(([type, version]) =>
      this.#entries.get(type)?.version === version ? [] : type,
    );
    const read = changed.length > 0 ? await texts.read(changed) : new Map<string, string>();
    const entries = new Map<string, Entry>();
    for (const type of versions.keys()) {
      const known = this.#entries.get(type);
      const text = read.get(type);
      const entry = text === undefined ? known : this.#entryOf(type, text, known);
      if (entry) entries.set(type, entry);
    }
    this.#entries = entries;
    this.#merge();
  }

  /** An unreadable workflow, for example of a newer server, is a problem; the last valid version stays. */
  #entryOf(type: string, text: string, known: Entry | undefined): Entry {
    const { builtIn, logger } = this.#parts;
    // It may be newer than the version that caused this read.
    const version = versionOf(text);
    if (known?.version === version) return known;
    try {
      checkType(type, builtIn);
      const workflow = withNodeInfo(readWorkflow(text), this.#infoOf);
      checkResults(workflow.graph, workflow.manifest);
      logger.info('Workflow loaded', { jobType: type });
      return { version, workflow, problem: undefined };
    } catch (error) {
      const problem = problemOf(`${type} in Redis`, error);
      const { file, code, message } = problem;
      logger.warn('A workflow file is invalid', { file, code, reason: message });
      return { version, workflow: known?.workflow, problem };
    }
  }

  /** Notifies the listeners if anything visible changed. */
  #merge(): void {
    const byType = new Map(this.#parts.folder.all().map((workflow) => [workflow.type, workflow]));
    for (const [type, { workflow }] of this.#entries) if (workflow) byType.set(type, workflow);
    const all = [...byType.values()].toSorted((one, other) => (one.type < other.type ? -1 : 1));
    const isSame = all.length === this.#all.length && all.every((one, at) => one === this.#all[at]);
    if (isSame) return;
    this.#all = all;
    this.#listeners.tell();
  }

  /** The connection logs outages; this is for debugging. */
  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Shared workflows could not be read', { error: messageOf(error) });
  };
}

function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
