import { createHash } from 'node:crypto';
import { type FileWorkflow, isFileWorkflow } from '../../../workflows/files/fileWorkflow.js';
import { graphMemory } from '../../../workflows/files/graphMemory.js';
import { readWorkflow, writeWorkflow } from '../../../workflows/files/workflowText.js';
import { lostWorkflow } from '../../../workflows/lostWorkflow.js';
import type { Workflow } from '../../../workflows/types.js';

/** Reads definitions by their names, in order; null for missing ones. */
export type ReadDefinitions = (names: readonly string[]) => Promise<ReadonlyArray<string | null>>;

/** Memory of cached workflows, bytes. */
const MAX_BYTES = 64 * 1024 * 1024;

interface Kept {
  readonly workflow: FileWorkflow;
  readonly bytes: number;
}

/**
 * The workflows of jobs. A built-in one is identified by its type. One of a file has a definition, which is stored
 * separately under its hash, so that records stay small: replacing the workflow does not affect its jobs.
 */
export class WorkflowDefinitions {
  readonly #builtIn: ReadonlyMap<string, Workflow>;
  readonly #read: ReadDefinitions;
  readonly #names = new WeakMap<Workflow, string>();
  /** By name, the most recently used last. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(builtIn: readonly Workflow[], read: ReadDefinitions) {
    this.#builtIn = new Map(builtIn.map((workflow) => [workflow.type, workflow]));
    this.#read = read;
  }

  /** Returns the name of a workflow's definition; `undefined` for a built-in workflow. */
  nameOf(workflow: Workflow): string | undefined {
    const known = this.#names.get(workflow);
    if (known !== undefined || !isFileWorkflow(workflow)) return known;
    const text = writeWorkflow(workflow);
    const name = createHash('sha256').update(text).digest('base64url');
    this.#names.set(workflow, name);
    this.#keep(name, workflow);
    return name;
  }

  /** Returns the definition under the workflow's name; undefined for a built-in or lost one. */
  textOf(workflow: Workflow): string | undefined {
    return isFileWorkflow(workflow) ? writeWorkflow(workflow) : undefined;
  }

  /** @throws the rejection of the read */
  async find(names: Iterable<string>): Promise<ReadonlyMap<string, Workflow>> {
    const found = new Map<string, Workflow>();
    const missing: string[] = [];
    for (const name of new Set(names)) {
      const kept = this.#kept.get(name);
      if (!kept) {
        missing.push(name);
        continue;
      }
      found.set(name, kept.workflow);
      this.#kept.delete(name);
      this.#kept.set(name, kept);
    }
    const texts = missing.length === 0 ? [] : await this.#read(missing);
    for (const [at, name] of missing.entries()) {
      const text = texts[at];
      const workflow = text === null || text === undefined ? undefined : readable(text);
      if (!workflow) continue;
      this.#names.set(workflow, name);
      this.#keep(name, workflow);
      found.set(name, workflow);
    }
    return found;
  }

  /** Returns the workflow of a job. A lost one keeps its name, so that the job's record does too. */
  workflowOf(type: string, name: string | undefined, found: ReadonlyMap<string, Workflow>): Workflow {
    const workflow = name === undefined ? this.#builtIn.get(type) : found.get(name);
    if (workflow) return workflow;
    const lost = lostWorkflow(type);
    if (name !== undefined) this.#names.set(lost, name);
    return lost;
  }

  #keep(name: string, workflow: FileWorkflow): void {
    if (this.#kept.has(name)) return;
    const bytes = graphMemory(workflow);
    this.#kept.set(name, { workflow, bytes });
    this.#bytes += bytes;
    for (const [oldest, kept] of this.#kept) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#kept.delete(oldest);
      this.#bytes -= kept.bytes;
    }
  }
}

/** A damaged definition counts as missing. */
function readable(text: string): FileWorkflow | undefined {
  try {
    return readWorkflow(text);
  } catch {
    return undefined;
  }
}
