import { isFileWorkflow } from '../../workflows/files/fileWorkflow.js';
import { graphMemory } from '../../workflows/files/graphMemory.js';
import { GRAPH_TYPE } from '../../workflows/graphNeeds.js';
import type { Workflow } from '../../workflows/types.js';
import type { JobEvents } from '../queue/JobEvents.js';

/** Counts the memory of clients' own graphs whose jobs wait in this process. */
export class WaitingGraphs {
  /** By job. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(events: JobEvents) {
    events.subscribe('changed', ({ id, status, request }) =>
      this.#set(id, status === 'pending' ? graphBytes(request.workflow) : 0),
    );
    events.subscribe('removed', ({ id }) => this.#set(id, 0));
  }

  get bytes(): number {
    return this.#bytes;
  }

  #set(id: string, bytes: number): void {
    this.#bytes += bytes - (this.#sizes.get(id) ?? 0);
    if (bytes > 0) this.#sizes.set(id, bytes);
    else this.#sizes.delete(id);
  }
}

/** Returns the memory of a client's own graph; 0 for a workflow that jobs share. */
export function graphBytes(workflow: Workflow): number {
  return workflow.type === GRAPH_TYPE && isFileWorkflow(workflow) ? graphMemory(workflow) : 0;
}
