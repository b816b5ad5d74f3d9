import { PromptError } from '../../errors.js';
import { neededBy } from '../../workflows/files/GraphView.js';
import type { PromptGraph } from '../../workflows/graph.js';
import type { ExecutionErrorData } from './protocol.js';

/** The nodes of a prompt that a machine reported as blocked. The history does not contain them. */
export class BlockedNodes {
  readonly #graph: PromptGraph;
  /** Reasons by the node's id. */
  readonly #reasons = new Map<string, string>();
  /** The reason of the last one. */
  last: string | undefined;

  constructor(graph: PromptGraph) {
    this.#graph = graph;
  }

  add({ node_id, exception_message }: ExecutionErrorData): void {
    this.last = exception_message?.trim();
    if (node_id && this.last) this.#reasons.set(node_id, this.last);
  }

  /** Throws if a node did not run because a node that it needs was blocked with a reason. @throws PromptError `no output` */
  expectRun(id: string): void {
    const needed = neededBy(this.#graph, [id]);
    // The nodes of an expansion have the id of the expanded node, a dot, and more.
    const isNeeded = (blocked: string) =>
      needed.has(blocked) || [...needed].some((one) => blocked.startsWith(`${one}.`));
    const found = [...this.#reasons].find(([blocked]) => isNeeded(blocked));
    if (found) throw noOutput('ComfyUI finished the prompt without its first output', found[1]);
  }
}

/**
 * @param message without the full stop
 * @param why ComfyUI's reason, if it gave one
 */
export function noOutput(message: string, why: string | undefined): PromptError {
  return new PromptError('no output', why ? `${message}: ${why}` : `${message}.`);
}
