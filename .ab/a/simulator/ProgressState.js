/** What `progress_state` tells about a prompt: every node that was started, in full, each time. */
export class ProgressState {
    #nodes = new Map();
    #promptId;
    constructor(promptId) {
        this.#promptId = promptId;
    }
    start(node) {
        this.#nodes.set(node, { value: 0, max: 1, state: 'running' });
    }
    step(node, value, max) {
        this.#nodes.set(node, { value, max, state: 'running' });
    }
    finish(node) {
        const max = this.#nodes.get(node)?.max ?? 1;
        this.#nodes.set(node, { value: max, max, state: 'finished' });
    }
    message() {
        const nodes = Object.fromEntries([...this.#nodes].map(([id, state]) => [
            id,
            {
                ...state,
                node_id: id,
                prompt_id: this.#promptId,
                display_node_id: id,
                parent_node_id: null,
                real_node_id: id,
            },
        ]));
        return { type: 'progress_state', data: { prompt_id: this.#promptId, nodes } };
    }
}
//# sourceMappingURL=ProgressState.js.map