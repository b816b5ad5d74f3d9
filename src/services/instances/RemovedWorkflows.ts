import type { Workflow } from '../../workflows/types.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';

/** Workflows that were removed while this server ran, until their last job has ended: their jobs go on. */
export class RemovedWorkflows {
  readonly #workflows: Pick<WorkflowCatalogue, 'all' | 'get'>;
  readonly #hasUnfinishedJobs: (type: string) => Promise<boolean>;
  #previous: readonly Workflow[];
  readonly #byType = new Map<string, Workflow>();

  /** @param hasUnfinishedJobs whether jobs of the type wait or run, on any server */
  constructor(
    workflows: Pick<WorkflowCatalogue, 'all' | 'get' | 'onChange'>,
    hasUnfinishedJobs: (type: string) => Promise<boolean>,
  ) {
    this.#workflows = workflows;
    this.#hasUnfinishedJobs = hasUnfinishedJobs;
    this.#previous = workflows.all();
    workflows.onChange(() => this.#onChange());
  }

  /** The removed workflow of the type; undefined if it has no jobs any more, or a new one has taken its place. */
  get(type: string): Workflow | undefined {
    return this.#byType.get(type);
  }

  all(): Workflow[] {
    return [...this.#byType.values()];
  }

  /** Forgets those whose last job has ended. Never rejects: those that cannot be looked up are kept. */
  async forgetUnused(): Promise<void> {
    await Promise.all(
      this.all().map(async (workflow) => {
        const { type } = workflow;
        if (await this.#hasUnfinishedJobs(type).catch(() => true)) return;
        // It may have been replaced and removed again in the meantime.
        if (this.#byType.get(type) === workflow) this.#byType.delete(type);
      }),
    );
  }

  #onChange(): void {
    for (const workflow of this.#previous) this.#byType.set(workflow.type, workflow);
    this.#previous = this.#workflows.all();
    for (const { type } of this.#previous) this.#byType.delete(type);
  }
}
