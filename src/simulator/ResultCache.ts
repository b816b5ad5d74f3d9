/** What a node left behind; kept from one prompt to the next, by the node's signature. */
export interface NodeResult {
  readonly values: readonly unknown[];
  /** What `executed` told, and which node it was then. */
  readonly ui?: { readonly output: unknown; readonly meta: NodeMeta };
}

/** A node as the history's `meta` describes it. */
export interface NodeMeta {
  readonly node_id: string;
  readonly display_node: string;
  readonly parent_node: string | null;
  readonly real_node_id: string;
}

/** Results of earlier prompts. A file that one of them names may be gone, or be another by now: nobody looks. */
export class ResultCache {
  readonly #results = new Map<string, NodeResult>();
  readonly #limit: number | undefined;

  /**
   * @param limit results kept, those that were used last; undefined for ComfyUI's own way, which keeps what the
   * next prompt uses too and nothing else
   */
  constructor(limit?: number) {
    this.#limit = limit;
  }

  /** A prompt begins: what is too old for the cache and not of use to it goes. */
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
