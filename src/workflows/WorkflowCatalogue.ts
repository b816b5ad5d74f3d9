import { AppError } from '../errors.js';
import type { Json } from '../utils/losslessJson.js';
import type { NodeLookup } from './files/nodeInfo.js';
import type { WorkflowProblem } from './files/WorkflowProblem.js';
import { noSuchWorkflow } from './noSuchWorkflow.js';
import type { Workflow } from './types.js';

/** Stores workflows that are not built in, such as a `WorkflowFolder`. */
export interface WorkflowStore {
  /** The same array until something changes. */
  all(): readonly Workflow[];
  problems(): readonly WorkflowProblem[];
  onChange(listener: () => void): () => void;
  useNodeInfo(infoOf: NodeLookup): Promise<void>;
  put(type: string, graph: Json, manifest?: unknown): Promise<{ workflow: Workflow; isNew: boolean }>;
  delete(type: string): Promise<boolean>;
}

/** All workflows of the server: the built-in ones, and those of a store, which can change at any time. */
export class WorkflowCatalogue {
  readonly #builtIn: readonly Workflow[];
  readonly #store: WorkflowStore | undefined;
  #all: readonly Workflow[] = [];
  #byType: ReadonlyMap<string, Workflow> = new Map();

  constructor(builtIn: readonly Workflow[], store?: WorkflowStore) {
    this.#builtIn = builtIn;
    this.#store = store;
    this.#read();
    // Registered before every other listener, so that they see the new state.
    store?.onChange(() => this.#read());
  }

  /** Built-in workflows first; the same array until something changes. */
  all(): readonly Workflow[] {
    return this.#all;
  }

  get(type: string): Workflow | undefined {
    return this.#byType.get(type);
  }

  /** @returns a function that removes the listener */
  onChange(listener: () => void): () => void {
    return this.#store?.onChange(listener) ?? (() => undefined);
  }

  /** Invalid files, with the reasons. */
  problems(): readonly WorkflowProblem[] {
    return this.#store?.problems() ?? [];
  }

  /** Uses what the machines report about their node classes: ranges, choices and descriptions of parameters. */
  async useNodeInfo(infoOf: NodeLookup): Promise<void> {
    await this.#store?.useNodeInfo(infoOf);
  }

  /**
   * Stores a workflow, or replaces it. Existing jobs finish with the old version.
   * @param graph JSON as a client sent it
   * @param manifest plain JSON; derived if omitted
   * @throws AppError `INVALID_WORKFLOW`, `WORKFLOW_FORMAT_UI`, `WORKFLOW_BUILT_IN`; `FORBIDDEN` if there is no store, or it
   * is not writable; `QUEUE_UNAVAILABLE` if its disk is full, or servers share the store and it is unavailable
   */
  async put(type: string, graph: Json, manifest?: unknown): Promise<{ workflow: Workflow; isNew: boolean }> {
    return this.#changeable(type).put(type, graph, manifest);
  }

  /**
   * Deletes a workflow. Its jobs finish.
   * @throws AppError `WORKFLOW_NOT_FOUND`, `WORKFLOW_BUILT_IN`; `FORBIDDEN` if there is no store, or it cannot be
   * deleted here; `QUEUE_UNAVAILABLE` if its disk is full, or servers share the store and it is unavailable
   */
  async delete(type: string): Promise<void> {
    if (await this.#changeable(type).delete(type)) return;
    throw noSuchWorkflow(type, this.#all);
  }

  #changeable(type: string): WorkflowStore {
    if (this.#builtIn.some((workflow) => workflow.type === type))
      throw new AppError('WORKFLOW_BUILT_IN', `The workflow "${type}" is built in and cannot be changed.`);
    if (this.#store === undefined) throw new AppError('FORBIDDEN', 'This server does not store workflows.');
    return this.#store;
  }

  #read(): void {
    this.#all = [...this.#builtIn, ...(this.#store?.all() ?? [])];
    this.#byType = new Map(this.#all.map((workflow) => [workflow.type, workflow]));
  }
}
