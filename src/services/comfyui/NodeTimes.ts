import type { PromptGraph } from '../../workflows/graph.js';
import { workflowNodeId } from './ownOutputs.js';

/** How long one node of a prompt was at work. */
export interface NodeTime {
  /** As the workflow has it. */
  readonly nodeId: string;
  readonly classType: string;
  readonly ms: number;
}

/** Nodes that are told of: those that took longest. A graph may have thousands. */
const MAX_NODES = 100;

/** How long the nodes of one prompt were at work, by which of them messages say it is. ComfyUI runs one after the other. */
export class NodeTimes {
  readonly #graph: PromptGraph;
  readonly #ms = new Map<string, number>();
  #current: { readonly id: string; readonly since: number } | undefined;

  constructor(graph: PromptGraph) {
    this.#graph = graph;
  }

  /**
   * @param id of the node that is at work from now on, undefined for none
   * @param now `performance.now()`
   */
  at(id: string | undefined, now: number): void {
    const before = this.#current;
    if (before?.id === id) return;
    if (before) this.#ms.set(before.id, (this.#ms.get(before.id) ?? 0) + now - before.since);
    this.#current = id === undefined ? undefined : { id, since: now };
  }

  /** Nodes that were at work, in the order in which they began; what came out of ComfyUI's cache is not among them. */
  all(): NodeTime[] {
    const known = [...this.#ms].flatMap(([id, ms]) => {
      const classType = this.#graph.get(id)?.classType;
      return classType === undefined ? [] : [{ nodeId: workflowNodeId(id), classType, ms }];
    });
    if (known.length <= MAX_NODES) return known;
    const longest = new Set([...known].sort((a, b) => b.ms - a.ms).slice(0, MAX_NODES));
    return known.filter((one) => longest.has(one));
  }
}
