import { AppError } from '../errors.js';
import type { Json } from '../utils/losslessJson.js';
import type { NodeLookup } from './files/nodeInfo.js';
import type { WorkflowProblem } from './files/WorkflowProblem.js';
import type { Workflow } from './types.js';

/** Keeps workflows that are not built in, such as a `WorkflowFolder`. */
export interface WorkflowStore {
  /** The same array until something changes. */
  all(): readonly Workflow[];
  problems(): readonly WorkflowProblem[];
  onChange(listener: () => void): () => void;
  useNodeInfo(infoOf: NodeLookup): Promise<void>;
  put(type: string, graph: Json, manifest?: unknown): Promise<{ workflow: Workflow; isNew: boolean }>;
  delete(type: string): Promise<boolean>;
}

/** Every workflow that the server offers: those that are built in, and those of a store, which may change at any time. */
export class WorkflowCatalogue {
  readonly #builtIn: readonly Workflow[];
  readonly #store: WorkflowStore | undefined;
  #all: readonly Workflow[] = [];
  #byType: ReadonlyMap<string, Workflow> = new Map();

  constructor(builtIn: readonly Workflow[], store?: WorkflowStore) {
    this.#builtIn = builtIn;
    this.#store = store;
    this.#read();
    // Before every other listener, so that they find what they are told of.
    store?.onChange(() => this.#read());
  }

  /** Those that are built in come first; the same array until something changes. */
  all(): readonly Workflow[] {
    return this.#all;
  }

  get(type: string): Workflow | undefined {
    return this.#byType.get(type);
  }

  /** @returns what takes the listener away again */
  onChange(listener: () => void): () => void {
    return this.#store?.onChange(listener) ?? (() => undefined);
  }

  /** Files that cannot be used, and why. */
  problems(): readonly WorkflowProblem[] {
    return this.#store?.problems() ?? [];
  }

  /** Takes over what the machines say of their node classes: ranges, choices and descriptions of parameters. */
  async useNodeInfo(infoOf: NodeLookup): Promise<void> {
    await this.#store?.useNodeInfo(infoOf);
  }

  /**
   * Keeps a workflow, in place of one of the same type. Jobs that were made already finish as they started.
   * @param graph JSON as a client sent it
   * @param manifest plain JSON; without one, it is derived
   * @throws AppError `INVALID_WORKFLOW`, `WORKFLOW_FORMAT_UI`, `WORKFLOW_BUILT_IN`; `FORBIDDEN` where none are kept;
   *   `QUEUE_UNAVAILABLE` where servers share them and cannot now
   */
  async put(type: string, graph: Json, manifest?: unknown): Promise<{ workflow: Workflow; isNew: boolean }> {
    return this.#changeable(type).put(type, graph, manifest);
  }

  /**
   * Removes a workflow. Its jobs go on.
   * @throws AppError `WORKFLOW_NOT_FOUND`, `WORKFLOW_BUILT_IN`; `FORBIDDEN` where none are kept, or it cannot be deleted
   *   here; `QUEUE_UNAVAILABLE` where servers share them and cannot now
   */
  async delete(type: string): Promise<void> {
    if (await this.#changeable(type).delete(type)) return;
    throw new AppError('WORKFLOW_NOT_FOUND', 'There is no workflow of this name.');
  }

  #changeable(type: string): WorkflowStore {
    if (this.#builtIn.some((workflow) => workflow.type === type))
      throw new AppError('WORKFLOW_BUILT_IN', `The workflow "${type}" is built in and cannot be changed.`);
    if (this.#store === undefined) throw new AppError('FORBIDDEN', 'This server keeps no workflows.');
    return this.#store;
  }

  #read(): void {
    this.#all = [...this.#builtIn, ...(this.#store?.all() ?? [])];
    this.#byType = new Map(this.#all.map((workflow) => [workflow.type, workflow]));
  }
}
