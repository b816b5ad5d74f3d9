/** What the order of execution depends on. */
interface Wiring {
  /** Nodes that a node's inputs come from. */
  sources(id: string): readonly string[];
  isCached(id: string): boolean;
  isOutput(id: string): boolean;
}

/** The nodes that are still to run, in ComfyUI's order: outputs as soon as they can be had. */
export class ExecutionList {
  readonly #wiring: Wiring;
  /** Nodes that wait for a node, by its id; in the order in which the nodes were added. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #blockedBy = new Map<string, number>();

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
  }

  /** Adds a node with all that it needs. What is in the cache needs nothing. */
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

  /** Lets a node wait for another one. */
  link(source: string, id: string): void {
    if (this.#wiring.isCached(source)) return;
    this.add(source);
    const waiting = this.#waiting.get(source);
    if (!waiting || waiting.has(id)) return;
    waiting.add(id);
    this.#blockedBy.set(id, (this.#blockedBy.get(id) ?? 0) + 1);
  }

  /** The node that is next: one that tells the user something, or is close to one that does. */
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

  /** A node is done with. */
  complete(id: string): void {
    for (const one of this.#waiting.get(id) ?? []) {
      this.#blockedBy.set(one, (this.#blockedBy.get(one) ?? 1) - 1);
    }
    this.#waiting.delete(id);
    this.#blockedBy.delete(id);
  }
}
