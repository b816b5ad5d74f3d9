import { messageOf, PromptError } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { type GraphNeeds, jobNeedsOf, typeOfKind } from '../../workflows/graphNeeds.js';
import type { GraphMachines } from '../instances/GraphMachines.js';
import type { FleetComparison } from './FleetComparison.js';
import { failureOf } from './failures.js';
import type { JobManager } from './JobManager.js';

/** Number of jobs read at once. */
const PAGE = 1000;

interface Parts {
  readonly manager: JobManager;
  readonly graphs: Pick<GraphMachines, 'onHopeless'>;
  readonly comparison: Pick<FleetComparison, 'compare'>;
}

/**
 * Ends jobs that need something that no machine has: with clients' graphs, or with models that clients chose. They were accepted
 * while machines were down that might have had it, or a manifest lists a model that no machine has. While another server has a machine that this one does not know, they wait.
 */
export class HopelessGraphs {
  readonly #manager: JobManager;
  readonly #comparison: Pick<FleetComparison, 'compare'>;
  readonly #logger: Logger;

  constructor({ manager, graphs, comparison }: Parts, logger: Logger) {
    this.#manager = manager;
    this.#comparison = comparison;
    this.#logger = logger;
    graphs.onHopeless((needs, missing) => {
      this.#end(needs, missing).catch((error: unknown) =>
        this.#logger.debug('Waiting jobs could not be looked at', { error: messageOf(error) }),
      );
    });
  }

  /** Jobs that begin meanwhile continue: a machine may have come that has everything. */
  async #end({ key }: GraphNeeds, missing: readonly string[]): Promise<void> {
    const message = `No ComfyUI instance has what the graph needs: ${missing.join(', ')}.`;
    const failure = failureOf(new PromptError('invalid workflow', message));
    // Until none is left: jobs that begin or end meanwhile move others to pages that were read already.
    for (let ids = await this.#waiting(key); ids.length > 0; ids = await this.#waiting(key)) {
      // After the jobs were read: another server may have accepted them because of a new machine.
      if (!(await this.#comparison.compare())) return;
      const ended = [];
      for (const id of ids) ended.push(await this.#manager.failPending(id, failure));
      if (ended.every((job) => job === undefined)) return;
    }
  }

  /** Ids of the pending jobs with these needs. */
  async #waiting(key: string): Promise<string[]> {
    const filter = { status: 'pending', type: typeOfKind(key) } as const;
    const ids: string[] = [];
    for (let offset = 0; ; offset += PAGE) {
      const { jobs } = await this.#manager.list(filter, { limit: PAGE, offset });
      for (const { id, request } of jobs) if (jobNeedsOf(request)?.key === key) ids.push(id);
      if (jobs.length < PAGE) return ids;
    }
  }
}
