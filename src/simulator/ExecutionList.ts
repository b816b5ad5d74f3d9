/** The dependencies that determine the execution order. */
interface Wiring {
  /** Nodes that the inputs of a node link to. */
  sources(id: string): readonly string[];
  isCached(id: string): boolean;
  isOutput(id: string): boolean;
}

/** Nodes still to run, in ComfyUI's order: output nodes run as early as possible. */
export class ExecutionList {
  readonly #wiring: Wiring;
  /** Nodes waiting for a node, by that node's id, in the order in which they were added. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #blockedBy = new Map<string, number>();

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
  }

  /** Adds a node and all nodes that it depends on. Cached nodes have no dependencies. */
  add(id: string): void {
    const left = [id];
    const added: string[] = [];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if (this.#waiting.has(next)) continue;
      this.#waiting.set(next, new Set());
      this.#blockedBy.set(next, 0);
      added.push(next);
      const sources = this.#wiring.sources(next).filter((source) => !this.#wiring.isCached(source));
      left.push(...sources.reverse());
    }
    for (const one of added) {
      for (const source of this.#wiring.sources(one)) this.link(source, one);
    }
  }

  /** Makes the node `id` wait for the node `source`. */
  link(source: string, id: string): void {
    if (this.#wiring.isCached(source)) return;
    this.add(source);
    const waiting = this.#waiting.get(source);
    if (!waiting || waiting.has(id)) return;
    waiting.add(id);
    this.#blockedBy.set(id, (this.#blockedBy.get(id) ?? 0) + 1);
  }

  /** Returns the next node to run: an output node first, then a node close to an output node. */
  next(): string | undefined {
    const free = [...this.#blockedBy].filter(([, count]) => count === 0).map(([id]) => id);
    const { isOutput } = this.#wiring;
    const behind = (id: string) => [...(this.#waiting.get(id) ?? [])];
    return (
      free.find(isOutput) ??
      free.find((id) => behind(id).some(isOutput)) ??
      free.find((id) => behind(id).some((one) => behind(one).some(isOutput))) ??
      free[0]
    );
  }

  /** Returns a node that still waits. If none is free, nodes wait for each other in a cycle. */
  get first(): string | undefined {
    const [id] = this.#blockedBy.keys();
    return id;
  }

  /** Marks a node as finished. */
  complete(id: string): void {
    for (const one of this.#waiting.get(id) ?? []) {
      this.#blockedBy.set(one, (this.#blockedBy.get(one) ?? 1) - 1);
    }
    this.#waiting.delete(id);
    this.#blockedBy.delete(id);
  }
}
