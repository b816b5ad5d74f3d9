import { PromptError } from '../../errors.js';
import { historyError, } from './protocol.js';
/**
 * Reads the messages of one prompt: no I/O, no time. `outcome` is set once, by the first message that ends the
 * run, in its newer form (`execution_success`) or its older one (`executing` with no node).
 */
export class PromptTracker {
    outcome;
    /** `executing {node: null}` was seen: from then on the history entry exists (protocol trap 2). */
    hasLeftQueue = false;
    #graph;
    #outputNode;
    #total;
    #done = new Set();
    #images;
    #node;
    #nodeFraction = 0;
    #percentage = 0;
    constructor(graph, outputNode) {
        this.#graph = graph;
        this.#outputNode = outputNode;
        this.#total = Math.max(1, Object.keys(graph).length);
    }
    get progress() {
        const classType = this.#node === undefined ? undefined : this.#graph[this.#node]?.class_type;
        return {
            percentage: this.#percentage,
            node: this.#node !== undefined && classType !== undefined ? { id: this.#node, classType } : undefined,
        };
    }
    /** Takes one message of this prompt. */
    accept(message) {
        switch (message.type) {
            case 'execution_start':
                break;
            case 'execution_cached':
                for (const node of message.data.nodes)
                    this.#finishNode(node);
                break;
            case 'progress_state':
                this.#acceptProgressState(message.data.nodes);
                break;
            case 'executing':
                this.#acceptExecuting(message.data.node);
                break;
            case 'progress':
                this.#setNodeProgress(message.data.node ?? this.#node, message.data.value, message.data.max);
                break;
            case 'executed':
                if (message.data.node === this.#outputNode)
                    this.#images = message.data.output?.images;
                break;
            case 'execution_success':
                this.outcome ??= this.#success();
                break;
            case 'execution_error':
                this.outcome ??= { kind: 'failed', error: executionError(message.data) };
                break;
            case 'execution_interrupted':
                this.outcome ??= { kind: 'failed', error: interruptedError() };
                break;
        }
        this.#updatePercentage();
    }
    #success() {
        return this.#images && this.#images.length > 0
            ? { kind: 'succeeded', images: this.#images }
            : { kind: 'ask-history' };
    }
    #acceptExecuting(node) {
        if (node === null) {
            this.hasLeftQueue = true;
            this.outcome ??= this.#success();
            return;
        }
        // Older servers never say that a node is done: the next one's start does.
        if (this.#node !== undefined && this.#node !== node)
            this.#finishNode(this.#node);
        this.#startNode(node);
    }
    #acceptProgressState(nodes) {
        for (const [id, { value, max, state }] of Object.entries(nodes)) {
            if (state === 'finished')
                this.#finishNode(id);
            else if (state === 'running')
                this.#setNodeProgress(id, value, max);
        }
    }
    #setNodeProgress(node, value, max) {
        if (node === undefined || this.#done.has(node))
            return;
        if (node !== this.#node)
            this.#startNode(node);
        this.#nodeFraction = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
    }
    #startNode(node) {
        if (node !== this.#node)
            this.#nodeFraction = 0;
        this.#node = node;
    }
    #finishNode(node) {
        if (this.#graph[node])
            this.#done.add(node);
        if (node === this.#node) {
            this.#node = undefined;
            this.#nodeFraction = 0;
        }
    }
    #updatePercentage() {
        const done = Math.min(this.#total, this.#done.size + this.#nodeFraction);
        const percentage = Math.min(99, Math.floor((100 * done) / this.#total));
        this.#percentage = Math.max(this.#percentage, percentage);
    }
}
/** What a history entry says of its prompt. */
export function outcomeOfHistory(entry, outputNode) {
    const failure = historyError(entry);
    if (failure)
        return { kind: 'failed', error: executionError(failure) };
    if (entry.status?.messages.some(([type]) => type === 'execution_interrupted')) {
        return { kind: 'failed', error: interruptedError() };
    }
    const images = entry.outputs[outputNode]?.images;
    if (images && images.length > 0)
        return { kind: 'succeeded', images };
    const error = new PromptError('ComfyUI ended the prompt without an image of its output node.', {
        category: entry.status?.status_str === 'error' ? 'execution_error' : 'result_missing',
        retryable: false,
    });
    return { kind: 'failed', error };
}
function executionError(data) {
    const message = data.exception_message?.trim() || data.exception_type || 'no message';
    const isOutOfMemory = /OutOfMemory/.test(data.exception_type ?? '') || /out of memory|allocation on device/i.test(message);
    const node = `${data.node_type ?? 'a node'}${data.node_id ? ` (node ${data.node_id})` : ''}`;
    return new PromptError(`${node} failed: ${message}`, {
        category: isOutOfMemory ? 'out_of_memory' : 'execution_error',
        retryable: isOutOfMemory,
        details: {
            node_id: data.node_id ?? null,
            node_class: data.node_type ?? null,
            exception_type: data.exception_type ?? null,
            message,
        },
    });
}
function interruptedError() {
    return new PromptError('The prompt was interrupted on ComfyUI.', {
        category: 'execution_error',
        retryable: false,
    });
}
//# sourceMappingURL=promptTracker.js.map