import type { Span } from './Tracer.js';
import type { Tracing } from './Tracing.js';

interface WorkingNode {
  readonly id: string;
  readonly classType: string;
}

/** Spans of the nodes of one prompt: each ends when the next node starts. */
export class NodeSpans {
  readonly #tracing: Tracing;
  readonly #parent: string | undefined;
  #node: string | undefined;
  #span: Span | undefined;

  /** @param parent the prompt's span */
  constructor(tracing: Tracing, parent: Span) {
    this.#tracing = tracing;
    this.#parent = parent.traceparent;
  }

  /** Starts the span of a node. @param node that is executing; `undefined` for none */
  works(node: WorkingNode | undefined): void {
    if (this.#parent === undefined || node?.id === this.#node) return;
    this.end();
    this.#node = node?.id;
    if (!node) return;
    const attributes = { 'comfyui.node.id': node.id, 'comfyui.node.class': node.classType };
    this.#span = this.#tracing.span(`node ${node.classType}`, { parent: this.#parent, attributes });
  }

  end(): void {
    this.#span?.end();
    this.#span = undefined;
  }
}
