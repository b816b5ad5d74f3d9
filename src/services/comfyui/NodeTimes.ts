import type { PromptGraph } from '../../workflows/graph.js';
import { workflowNodeId } from './ownOutputs.js';

/** The execution time of one node of a prompt. */
export interface NodeTime {
  /** The node's id in the workflow. */
  readonly nodeId: string;
  readonly classType: string;
  readonly ms: number;
}

/** Maximum number of reported nodes, the slowest ones. A graph may have thousands. */
const MAX_NODES = 100;

/** Measures the execution time of a prompt's nodes from the messages about the running node. ComfyUI runs one after the other. */
export class NodeTimes {
  readonly #graph: PromptGraph;
  readonly #ms = new Map<string, number>();
  #current: { readonly id: string; readonly since: number } | undefined;

  constructor(graph: PromptGraph) {
    this.#graph = graph;
  }

  /**
   * @param id of the node that runs from now on, undefined for none
   * @param now `performance.now()`
   */
  at(id: string | undefined, now: number): void {
    const before = this.#current;
    if (before?.id === id) return;
    if (before) this.#ms.set(before.id, (this.#ms.get(before.id) ?? 0) + now - before.since);
    this.#current = id === undefined ? undefined : { id, since: now };
  }

  /** The nodes that ran, in the order of their start; without those from ComfyUI's cache. */
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
