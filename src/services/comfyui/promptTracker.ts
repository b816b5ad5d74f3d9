import { PromptError } from '../../errors.js';
import { failureOfException } from '../../promptFailures.js';
import { type PromptGraph, textsOf } from '../../workflows/graph.js';
import { inOrder } from './historyOrder.js';
import type { OutputItem } from './outputItems.js';
import { workflowNodeId } from './ownOutputs.js';
import { isBlocked } from './promptEnds.js';
import { type ExecutionErrorData, type HistoryEntry, historyErrors, type PromptMessage } from './protocol.js';

/** The progress of a prompt. */
export interface PromptProgress {
  /** 0..99 while the prompt runs; never decreases. */
  readonly percentage: number;
  /** The running node. */
  readonly node?: { readonly id: string; readonly classType: string } | undefined;
}

/** The progress in all detail. */
export interface PromptDetail extends PromptProgress {
  /** The percentage as 0..1, not rounded: finished nodes, and the steps of the running one. */
  readonly fraction: number;
  readonly nodesDone: number;
  readonly nodesTotal: number;
  /** Steps of the running node, if it reports them. */
  readonly steps?: { readonly done: number; readonly total: number } | undefined;
}

/** Outputs by output node; nodes without outputs are omitted. */
export type MadeByNode = ReadonlyMap<string, readonly OutputItem[]>;

/** The end of a prompt: with the outputs of its output nodes, or with an error. */
export type PromptOutcome =
  | { readonly kind: 'succeeded'; readonly made: MadeByNode }
  | { readonly kind: 'failed'; readonly error: PromptError }
  /** The instance no longer has the prompt. */
  | { readonly kind: 'lost'; readonly error: PromptError }
  /** The prompt waited too long in the instance's queue. It was removed there, and did not run. */
  | { readonly kind: 'withdrawn'; readonly error: PromptError }
  /** The prompt has ended, but its result must be read from the history. */
  | { readonly kind: 'ask-history' };

type NodesProgress = Extract<PromptMessage, { type: 'progress_state' }>['data']['nodes'];

/**
 * Evaluates the messages of one prompt: no I/O, no time. `outcome` is set once, by the first message that ends the run, in its
 * newer form (`execution_success`) or its older one (`executing` without a node).
 */
export class PromptTracker {
  outcome: PromptOutcome | undefined;
  /** `executing {node: null}` was received: from then on the history entry exists (protocol trap 2). */
  hasLeftQueue = false;
  /** The message of a node that blocked its branch. */
  blockedBecause: string | undefined;
  /** Messages may have been missed: the known outputs may be incomplete. */
  hasGaps = false;
  /** Nodes whose outputs were reported, in this order. */
  readonly reported = new Set<string>();
  readonly graph: PromptGraph;
  readonly #made: MadeItems;
  readonly #total: number;
  readonly #done = new Set<string>();
  #node: string | undefined;
  #steps: { readonly done: number; readonly total: number } | undefined;
  #fraction = 0;

  constructor(graph: PromptGraph, outputNodes: readonly string[]) {
    this.graph = graph;
    this.#made = new MadeItems(outputNodes);
    this.#total = Math.max(1, graph.size);
  }

  /** Id of the running node, if known: a node of the prompt, or one of its expansion. */
  get node(): string | undefined {
    return this.outcome ? undefined : this.#node;
  }

  get detail(): PromptDetail {
    const { percentage, node } = this.progress;
    return {
      percentage,
      node: node && { ...node, id: workflowNodeId(node.id) },
      fraction: this.#fraction,
      nodesDone: this.#done.size,
      nodesTotal: this.#total,
      steps: this.#steps,
    };
  }

  get progress(): PromptProgress {
    const classType = this.#node === undefined ? undefined : this.graph.get(this.#node)?.classType;
    return {
      percentage: Math.min(99, Math.floor(100 * this.#fraction)),
      node: this.#node !== undefined && classType !== undefined ? { id: this.#node, classType } : undefined,
    };
  }

  /** The outputs so far. */
  get made(): MadeByNode {
    return this.#made.byNode();
  }

  /** Evaluates one message of this prompt. */
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
        this.#acceptExecuting(message.data.node, message.data.display_node);
        break;
      case 'progress':
        this.#setNodeProgress(message.data.node ?? this.#node, message.data.value, message.data.max);
        break;
      case 'executed':
        this.reported.add(message.data.node);
        this.#made.add(message.data.node, message.data.display_node, message.data.output);
        break;
      case 'execution_success':
        this.outcome ??= this.#success();
        break;
      case 'execution_error':
        // The history does not contain it.
        if (isBlocked(message.data)) this.blockedBecause = message.data.exception_message?.trim();
        else this.outcome ??= { kind: 'failed', error: executionError(message.data, this.graph) };
        break;
      case 'execution_interrupted':
        this.outcome ??= { kind: 'failed', error: interruptedError() };
        break;
    }
    this.#updateFraction();
  }

  /** An output node without a message may still have outputs: the history has them. */
  #success(): PromptOutcome {
    if (this.hasGaps || !this.#made.isComplete) return { kind: 'ask-history' };
    return { kind: 'succeeded', made: this.#made.byNode() };
  }

  #acceptExecuting(id: string | null, displayId: string | null | undefined): void {
    if (id === null) {
      this.hasLeftQueue = true;
      this.outcome ??= this.#success();
      return;
    }
    const node = this.#inPrompt(id, displayId);
    // Older servers do not report the end of a node: the start of the next one implies it.
    if (this.#node !== undefined && this.#node !== node) this.#finishNode(this.#node);
    this.#startNode(node);
  }

  #acceptProgressState(nodes: NodesProgress): void {
    for (const [id, { value, max, state, display_node_id }] of Object.entries(nodes)) {
      if (state === 'finished') this.#finishNode(id);
      // The nodes of an expansion do not report the progress of the expanded node.
      else if (state === 'running' && this.graph.has(id)) this.#setNodeProgress(id, value, max);
      else if (state === 'running') this.#startNode(this.#inPrompt(id, display_node_id));
    }
  }

  /** The node of the prompt that a running node belongs to. */
  #inPrompt(id: string, displayId: string | null | undefined): string {
    return this.graph.has(id) ? id : (displayId ?? id);
  }

  #setNodeProgress(node: string | undefined, value: number, max: number): void {
    if (node === undefined || this.#done.has(node)) return;
    if (node !== this.#node) this.#startNode(node);
    this.#steps = max > 0 ? { done: Math.min(max, Math.max(0, value)), total: max } : undefined;
  }

  #startNode(node: string): void {
    if (node !== this.#node) this.#steps = undefined;
    this.#node = node;
  }

  #finishNode(node: string): void {
    if (this.graph.has(node)) this.#done.add(node);
    if (node === this.#node) {
      this.#node = undefined;
      this.#steps = undefined;
    }
  }

  #updateFraction(): void {
    const { done = 0, total = 1 } = this.#steps ?? {};
    const nodes = Math.min(this.#total, this.#done.size + done / total);
    this.#fraction = Math.max(this.#fraction, nodes / this.#total);
  }
}

/** The outputs of output nodes and of the nodes in their expansions, in the order of their ends. */
class MadeItems {
  /** By output node, then by the node that ran. */
  readonly #items: ReadonlyMap<string, Map<string, readonly OutputItem[]>>;

  constructor(outputNodes: readonly string[]) {
    this.#items = new Map(outputNodes.map((id) => [id, new Map()]));
  }

  /**
   * @param node the node that ran
   * @param displayNode the node of the prompt that it belongs to, if reported
   */
  add(node: string, displayNode: string | null | undefined, items: readonly OutputItem[]): void {
    // The output node is checked first: for a cached result, ComfyUI reports the node that made it in an earlier prompt.
    const ofNode = this.#items.get(node) ?? this.#items.get(displayNode ?? '');
    if (items.length > 0) ofNode?.set(node, items);
  }

  /** Whether every output node has outputs. */
  get isComplete(): boolean {
    return [...this.#items.values()].every(({ size }) => size > 0);
  }

  byNode(): MadeByNode {
    const made = [...this.#items].map(([id, items]) => [id, [...items.values()].flat()] as const);
    return new Map(made.filter(([, items]) => items.length > 0));
  }
}

/**
 * The outcome in a history entry.
 * @param graph the prompt's: its texts may be repeated in an error
 * @param blockedBecause why a branch did not run, if known
 * @param reported nodes whose outputs were reported, in this order
 */
export function outcomeOfHistory(
  entry: HistoryEntry,
  outputNodes: readonly string[],
  { graph, blockedBecause, reported }: Pick<PromptTracker, 'graph' | 'blockedBecause' | 'reported'>,
): PromptOutcome {
  const errors = historyErrors(entry);
  const failure = errors.find((error) => !isBlocked(error));
  if (failure) return { kind: 'failed', error: executionError(failure, graph) };
  if (entry.status?.messages.some(([type]) => type === 'execution_interrupted')) {
    return { kind: 'failed', error: interruptedError() };
  }
  const items = new MadeItems(outputNodes);
  for (const node of inOrder(Object.keys(entry.outputs), reported)) {
    items.add(node, entry.meta[node]?.display_node, entry.outputs[node] ?? []);
  }
  const made = items.byNode();
  if (made.size > 0) return { kind: 'succeeded', made };
  const why = blockedBecause ?? errors[0]?.exception_message?.trim();
  const message = 'ComfyUI finished the prompt without an output';
  return { kind: 'failed', error: new PromptError('no output', why ? `${message}: ${why}` : `${message}.`) };
}

function executionError(data: ExecutionErrorData, graph: PromptGraph): PromptError {
  const type = data.exception_type ?? '';
  const message = data.exception_message?.trim() || type || 'no message';
  const nodeType = data.node_type ?? undefined;
  const nodeId = data.node_id ? workflowNodeId(data.node_id) : undefined;
  const node = `${nodeType ?? 'a node'}${nodeId ? ` (node ${nodeId})` : ''}`;
  const clientTexts = textsOf(graph);
  const failure = failureOfException({ nodeType, type, message, clientTexts });
  return new PromptError(failure, `${node} failed: ${message}`, {
    clientTexts,
    details: {
      node_id: nodeId ?? null,
      node_class: nodeType ?? null,
      exception_type: data.exception_type ?? null,
      message,
    },
  });
}

function interruptedError(): PromptError {
  return new PromptError('interrupted', 'Another user interrupted the prompt on ComfyUI.');
}
