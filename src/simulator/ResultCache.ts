/** The result of a node; cached between prompts by the node's signature. */
export interface NodeResult {
  readonly values: readonly unknown[];
  /** The output of the `executed` message and the node that it belonged to. */
  readonly ui?: { readonly output: unknown; readonly meta: NodeMeta };
}

/** A node as the history's `meta` describes it. */
export interface NodeMeta {
  readonly node_id: string;
  readonly display_node: string;
  readonly parent_node: string | null;
  readonly real_node_id: string;
}

/** Results of earlier prompts. As in ComfyUI, nothing checks whether their files still exist or have changed. */
export class ResultCache {
  readonly #results = new Map<string, NodeResult>();
  readonly #limit: number | undefined;

  /**
   * @param limit number of results to keep, least recently used removed first; undefined for ComfyUI's default, which keeps only
   *   results that the next prompt uses as well
   */
  constructor(limit?: number) {
    this.#limit = limit;
  }

  /** Starts a prompt: removes results that are too old and not used by it. */
  begin(signatures: ReadonlySet<string>): void {
    for (const signature of signatures) this.get(signature);
    for (const signature of this.#results.keys()) {
      if (this.#limit !== undefined && this.#results.size <= this.#limit) return;
      if (!signatures.has(signature)) this.#results.delete(signature);
    }
  }

  has(signature: string): boolean {
    return this.#results.has(signature);
  }

  get(signature: string): NodeResult | undefined {
    const result = this.#results.get(signature);
    if (result) this.set(signature, result);
    return result;
  }

  set(signature: string, result: NodeResult): void {
    this.#results.delete(signature);
    this.#results.set(signature, result);
  }
}
