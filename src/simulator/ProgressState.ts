interface NodeState {
  value: number;
  max: number;
  state: 'running' | 'finished';
}

/** The origin of a node. Nodes of an expanded node are displayed as that node. */
export interface NodeOrigin {
  readonly display: string;
  readonly parent: string | null;
}

/** The content of `progress_state` messages for a prompt: each message lists every started node. */
export class ProgressState {
  readonly #nodes = new Map<string, NodeState>();
  readonly #promptId: string;
  readonly #originOf: (node: string) => NodeOrigin;

  constructor(promptId: string, originOf: (node: string) => NodeOrigin) {
    this.#promptId = promptId;
    this.#originOf = originOf;
  }

  start(node: string): void {
    this.#nodes.set(node, { value: 0, max: 1, state: 'running' });
  }

  step(node: string, value: number, max: number): void {
    this.#nodes.set(node, { value, max, state: 'running' });
  }

  finish(node: string): void {
    const max = this.#nodes.get(node)?.max ?? 1;
    this.#nodes.set(node, { value: max, max, state: 'finished' });
  }

  message(): { type: string; data: unknown } {
    const nodes = Object.fromEntries(
      [...this.#nodes].map(([id, state]) => {
        const { display, parent } = this.#originOf(id);
        const node = {
          ...state,
          node_id: id,
          prompt_id: this.#promptId,
          display_node_id: display,
          parent_node_id: parent,
          real_node_id: display,
        };
        return [id, node];
      }),
    );
    return { type: 'progress_state', data: { prompt_id: this.#promptId, nodes } };
  }
}
