import { PromptError } from '../../errors.js';
import { failureOfException } from '../../promptFailures.js';
import type { PromptGraph } from '../../workflows/types.js';
import { workflowNodeId } from './ownOutput.js';
import {
  type ExecutionErrorData,
  type HistoryEntry,
  historyErrors,
  type ImageFile,
  type PromptMessage,
} from './protocol.js';

/** How far a prompt is. */
export interface PromptProgress {
  /** 0..99 while it runs; never falls. */
  readonly percentage: number;
  /** The node at work. */
  readonly node?: { readonly id: string; readonly classType: string } | undefined;
}

/** How a prompt ended: with images of its output node, or with an error. */
export type PromptOutcome =
  | { readonly kind: 'succeeded'; readonly images: readonly ImageFile[] }
  | { readonly kind: 'failed'; readonly error: PromptError }
  /** The instance does not know the prompt any more. */
  | { readonly kind: 'lost'; readonly error: PromptError }
  /** It is over, but what came of it must be read from the history. */
  | { readonly kind: 'ask-history' };

/**
 * Reads the messages of one prompt: no I/O, no time. `outcome` is set once, by the first message that ends the
 * run, in its newer form (`execution_success`) or its older one (`executing` with no node).
 */
export class PromptTracker {
  outcome: PromptOutcome | undefined;
  /** `executing {node: null}` was seen: from then on the history entry exists (protocol trap 2). */
  hasLeftQueue = false;
  /** What a node said that refused to run its branch. */
  blockedBecause: string | undefined;
  readonly #graph: PromptGraph;
  readonly #outputNode: string;
  readonly #total: number;
  readonly #done = new Set<string>();
  #images: readonly ImageFile[] | undefined;
  #node: string | undefined;
  #nodeFraction = 0;
  #percentage = 0;

  constructor(graph: PromptGraph, outputNode: string) {
    this.#graph = graph;
    this.#outputNode = outputNode;
    this.#total = Math.max(1, Object.keys(graph).length);
  }

  get progress(): PromptProgress {
    const classType = this.#node === undefined ? undefined : this.#graph[this.#node]?.class_type;
    return {
      percentage: this.#percentage,
      node: this.#node !== undefined && classType !== undefined ? { id: this.#node, classType } : undefined,
    };
  }

  /** Takes one message of this prompt. */
  accept(message: PromptMessage): void {
    switch (message.type) {
      case 'execution_start':
        break;
      case 'execution_cached':
        for (const node of message.data.nodes) this.#finishNode(node);
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
        if ((message.data.display_node ?? message.data.node) === this.#outputNode) {
          this.#images = message.data.output?.images;
        }
        break;
      case 'execution_success':
        this.outcome ??= this.#success();
        break;
      case 'execution_error':
        // The history does not keep it.
        if (isBlocked(message.data)) this.blockedBecause = message.data.exception_message?.trim();
        else this.outcome ??= { kind: 'failed', error: executionError(message.data) };
        break;
      case 'execution_interrupted':
        this.outcome ??= { kind: 'failed', error: interruptedError() };
        break;
    }
    this.#updatePercentage();
  }

  #success(): PromptOutcome {
    return this.#images && this.#images.length > 0
      ? { kind: 'succeeded', images: this.#images }
      : { kind: 'ask-history' };
  }

  #acceptExecuting(node: string | null): void {
    if (node === null) {
      this.hasLeftQueue = true;
      this.outcome ??= this.#success();
      return;
    }
    // Older servers never say that a node is done: the next one's start does.
    if (this.#node !== undefined && this.#node !== node) this.#finishNode(this.#node);
    this.#startNode(node);
  }

  #acceptProgressState(nodes: Readonly<Record<string, { value: number; max: number; state: string }>>): void {
    for (const [id, { value, max, state }] of Object.entries(nodes)) {
      if (state === 'finished') this.#finishNode(id);
      else if (state === 'running') this.#setNodeProgress(id, value, max);
    }
  }

  #setNodeProgress(node: string | undefined, value: number, max: number): void {
    if (node === undefined || this.#done.has(node)) return;
    if (node !== this.#node) this.#startNode(node);
    this.#nodeFraction = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  }

  #startNode(node: string): void {
    if (node !== this.#node) this.#nodeFraction = 0;
    this.#node = node;
  }

  #finishNode(node: string): void {
    if (this.#graph[node]) this.#done.add(node);
    if (node === this.#node) {
      this.#node = undefined;
      this.#nodeFraction = 0;
    }
  }

  #updatePercentage(): void {
    const done = Math.min(this.#total, this.#done.size + this.#nodeFraction);
    const percentage = Math.min(99, Math.floor((100 * done) / this.#total));
    this.#percentage = Math.max(this.#percentage, percentage);
  }
}

/**
 * What a history entry says of its prompt.
 * @param blockedBecause why a branch did not run, where that was heard
 */
export function outcomeOfHistory(
  entry: HistoryEntry,
  outputNode: string,
  blockedBecause?: string,
): PromptOutcome {
  const errors = historyErrors(entry);
  const failure = errors.find((error) => !isBlocked(error));
  if (failure) return { kind: 'failed', error: executionError(failure) };
  if (entry.status?.messages.some(([type]) => type === 'execution_interrupted')) {
    return { kind: 'failed', error: interruptedError() };
  }
  const images = entry.outputs[outputNode]?.images;
  if (images && images.length > 0) return { kind: 'succeeded', images };
  const why = blockedBecause ?? errors[0]?.exception_message?.trim();
  const message = 'ComfyUI ended the prompt without an image of its output node';
  return { kind: 'failed', error: new PromptError('no output', why ? `${message}: ${why}` : `${message}.`) };
}

/** A node refused to run its branch. The other branches go on, so it is not the end of the prompt. */
function isBlocked({ exception_type }: ExecutionErrorData): boolean {
  return exception_type === 'ExecutionBlocked';
}

function executionError(data: ExecutionErrorData): PromptError {
  const type = data.exception_type ?? '';
  const message = data.exception_message?.trim() || type || 'no message';
  const nodeType = data.node_type ?? undefined;
  const nodeId = data.node_id ? workflowNodeId(data.node_id) : undefined;
  const node = `${nodeType ?? 'a node'}${nodeId ? ` (node ${nodeId})` : ''}`;
  return new PromptError(failureOfException({ nodeType, type, message }), `${node} failed: ${message}`, {
    details: {
      node_id: nodeId ?? null,
      node_class: nodeType ?? null,
      exception_type: data.exception_type ?? null,
      message,
    },
  });
}

function interruptedError(): PromptError {
  return new PromptError('interrupted', 'Somebody else interrupted the prompt on ComfyUI.');
}
