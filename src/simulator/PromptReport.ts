import type { Blocker } from './Blocker.js';
import { errorReport } from './errorReport.js';
import type { ExecutionWorld } from './executionWorld.js';
import { previewFrame, previewFrameWithMetadata } from './frames.js';
import { ProgressState } from './ProgressState.js';
import type { PromptGraph } from './PromptGraph.js';
import { classOf, type Prompt } from './prompt.js';
import type { NodeMeta } from './ResultCache.js';
import type { Message } from './sockets.js';

/** The end of a run, as the history stores it. */
export interface ExecutionEnd {
  readonly status: 'success' | 'error';
  readonly messages: readonly Message[];
  readonly outputs: Record<string, unknown>;
  readonly meta: Record<string, NodeMeta>;
}

/** Sends a running prompt's messages to its client and collects the history entry. */
export class PromptReport {
  readonly #world: ExecutionWorld;
  readonly #prompt: Prompt;
  readonly #graph: PromptGraph;
  readonly #progress: ProgressState;
  /** Nodes that ran, without those taken from the cache. */
  readonly #executed: string[] = [];
  readonly #outputs: Record<string, unknown> = {};
  readonly #meta: Record<string, NodeMeta> = {};
  /** Messages for the history. */
  readonly #kept: Message[] = [];

  constructor(prompt: Prompt, graph: PromptGraph, world: ExecutionWorld) {
    this.#prompt = prompt;
    this.#graph = graph;
    this.#world = world;
    this.#progress = new ProgressState(prompt.id, (id) => graph.originOf(id));
  }

  start(cachedNodes: readonly string[]): void {
    this.#keep('execution_start', { prompt_id: this.#prompt.id });
    this.#keep('execution_cached', { nodes: cachedNodes, prompt_id: this.#prompt.id });
  }

  startNode(id: string): void {
    this.#progress.start(id);
    this.#sendProgress();
    this.#send('executing', { node: id, display_node: this.#graph.originOf(id).display });
  }

  step(id: string, value: number, max: number): void {
    this.#progress.step(id, value, max);
    this.#sendProgress();
    this.#tellStep(id, value, max);
  }

  /** Records that a node ran. A node that expanded is not finished yet. */
  ran(id: string): void {
    this.#executed.push(id);
  }

  finishNode(id: string): void {
    this.#progress.finish(id);
    this.#sendProgress();
  }

  output(id: string, output: unknown, meta: NodeMeta): void {
    this.#outputs[id] = output;
    this.#meta[id] = meta;
    this.#world.onOutput(output);
    this.#send('executed', { node: id, display_node: this.#graph.originOf(id).display, output });
  }

  /** Reports a blocked branch. This does not end the prompt and is not stored in the history. */
  blocked(id: string, { message }: Blocker): void {
    if (message === undefined) return;
    const data = {
      ...this.#where(id),
      exception_message: `Execution Blocked: ${message}`,
      exception_type: 'ExecutionBlocked',
      traceback: [],
      current_inputs: [],
      current_outputs: [],
    };
    this.#world.send({ type: 'execution_error', data });
  }

  /** Nodes with a progress bar first report step 0; the image comes before or after that message. */
  preview(id: string, image: Buffer, format: 'JPEG' | 'PNG', isDirect: boolean): void {
    const plain = () => previewFrame(image, format);
    if (isDirect) {
      this.#world.sendPreview({ plain, withMetadata: plain });
      return;
    }
    const { display, parent } = this.#graph.originOf(id);
    const withMetadata = () =>
      previewFrameWithMetadata(image, {
        node_id: id,
        prompt_id: this.#prompt.id,
        display_node_id: display,
        parent_node_id: parent,
        real_node_id: display,
        image_type: format === 'PNG' ? 'image/png' : 'image/jpeg',
      });
    this.#progress.step(id, 0, 1);
    this.#sendProgress();
    const isFirst = this.#world.knowsMetadata();
    if (isFirst) this.#world.sendPreview({ plain, withMetadata });
    this.#tellStep(id, 0, 1);
    if (!isFirst) this.#world.sendPreview({ plain, withMetadata });
  }

  /** Older servers only send `executing {node: null}` at the end. */
  succeeded(): ExecutionEnd {
    if (!this.#world.isOlder) this.#keep('execution_success', { prompt_id: this.#prompt.id });
    return this.#end('success');
  }

  interrupted(id: string): ExecutionEnd {
    this.#keep('execution_interrupted', this.#where(id));
    return this.#end('error');
  }

  failed(id: string, error: unknown, inputs: Readonly<Record<string, unknown>>): ExecutionEnd {
    const report = errorReport(error, inputs, [...this.#prompt.graph.keys()]);
    this.#keep('execution_error', { ...this.#where(id), ...report });
    return this.#end('error');
  }

  /** Errors name the node of the submitted prompt, not a node that replaced it. */
  #where(id: string): Record<string, unknown> {
    const node_id = this.#graph.originOf(id).display;
    return {
      prompt_id: this.#prompt.id,
      node_id,
      node_type: classOf(this.#prompt.graph.get(node_id)),
      executed: [...this.#executed],
    };
  }

  #end(status: ExecutionEnd['status']): ExecutionEnd {
    const outputs = Object.entries(this.#outputs);
    if (this.#world.faults.reverseHistory) outputs.reverse();
    return { status, messages: this.#kept, outputs: Object.fromEntries(outputs), meta: this.#meta };
  }

  #keep(type: string, data: Record<string, unknown>): void {
    const message = { type, data: { ...data, timestamp: Date.now() } };
    this.#kept.push(message);
    this.#world.send(message);
  }

  #send(type: string, data: Record<string, unknown>): void {
    this.#world.send({ type, data: { ...data, prompt_id: this.#prompt.id } });
  }

  #tellStep(node: string, value: number, max: number): void {
    this.#world.tell({ type: 'progress', data: { value, max, prompt_id: this.#prompt.id, node } });
  }

  #sendProgress(): void {
    if (!this.#world.isOlder) this.#world.send(this.#progress.message());
  }
}
