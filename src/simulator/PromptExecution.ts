import { createHash } from 'node:crypto';
import { sleep } from '../utils/timers.js';
import type { FileStore } from './FileStore.js';
import { type Faults, OUT_OF_MEMORY } from './faults.js';
import { type NodeClass, NodeException } from './nodes.js';
import { ProgressState } from './ProgressState.js';
import { linkSource, type Moment, type Prompt } from './prompt.js';
import type { Message } from './sockets.js';

/** What a node left behind; kept from one prompt to the next, by the node's signature. */
export interface NodeResult {
  readonly values: readonly unknown[];
  readonly ui?: unknown;
}

interface ExecutionWorld {
  readonly classes: Readonly<Record<string, NodeClass>>;
  readonly files: FileStore;
  readonly faults: Faults;
  readonly workMs: Readonly<Record<string, number>>;
  readonly isOlder: boolean;
  /** Results of the prompt before, by signature. */
  readonly cache: ReadonlyMap<string, NodeResult>;
  /** Aborted when the simulated process dies. */
  readonly dead: AbortSignal;
  send(message: Message): void;
  onMoment(moment: Moment): void;
}

/** How a run ended, as the history keeps it. */
export interface ExecutionEnd {
  readonly status: 'success' | 'error';
  readonly messages: readonly Message[];
  readonly outputs: Record<string, unknown>;
}

/** Nodes that put a model on the GPU. */
export const MODEL_NODES: ReadonlySet<string> = new Set(['InspyrenetRembg', 'ImageUpscaleWithModel']);

class Interrupted extends Error {}

/** The run of one prompt: its nodes in order, and the messages in the order in which ComfyUI sends them. */
export class PromptExecution {
  /** Node at work, for a socket that connects meanwhile. */
  currentNode: string | undefined;
  /** Checked before and after every step, as ComfyUI does. */
  interrupted = false;
  /** Results of this run, the cache of the next one. */
  readonly results = new Map<string, NodeResult>();
  readonly #world: ExecutionWorld;
  readonly #prompt: Prompt;
  readonly #signatures = new Map<string, string>();
  readonly #progress: ProgressState;
  readonly #outputs: Record<string, unknown> = {};
  /** The messages that the history keeps. */
  readonly #kept: Message[] = [];

  constructor(prompt: Prompt, world: ExecutionWorld) {
    this.#prompt = prompt;
    this.#world = world;
    this.#progress = new ProgressState(prompt.id);
  }

  async run(): Promise<ExecutionEnd> {
    const order = this.#order();
    const cached = order.filter((id) => this.#world.cache.has(this.#signature(id)));
    this.#keep('execution_start', {});
    this.#keep('execution_cached', { nodes: cached });
    try {
      for (const id of order) {
        if (cached.includes(id)) this.#reuse(id);
        else await this.#execute(id);
      }
    } catch (error) {
      return this.#failed(error);
    }
    // Older servers end with `executing {node: null}` alone.
    if (!this.#world.isOlder) this.#keep('execution_success', {});
    this.#world.onMoment('success');
    return { status: 'success', messages: this.#kept, outputs: this.#outputs };
  }

  #order(): string[] {
    const order: string[] = [];
    const visit = (id: string) => {
      if (order.includes(id)) return;
      for (const value of Object.values(this.#prompt.graph[id]?.inputs ?? {})) {
        const source = linkSource(value);
        if (source !== undefined) visit(source);
      }
      order.push(id);
    };
    for (const id of this.#prompt.outputs) visit(id);
    return order;
  }

  /** Two nodes with the same class, values and sources give the same result. */
  #signature(id: string): string {
    const known = this.#signatures.get(id);
    if (known) return known;
    const node = this.#prompt.graph[id];
    const hash = createHash('sha1').update(node?.class_type ?? '');
    for (const [name, value] of Object.entries(node?.inputs ?? {})) {
      const source = linkSource(value);
      const link = source === undefined ? '' : `${this.#signature(source)}:${(value as unknown[])[1]}`;
      hash.update(`\0${name}=`);
      // An image is a text of megabytes, which takes longer to quote than to hash.
      if (typeof value === 'string') hash.update(`${value.length} `).update(value);
      else hash.update(link || JSON.stringify(value));
    }
    const signature = hash.digest('hex');
    this.#signatures.set(id, signature);
    return signature;
  }

  #reuse(id: string): void {
    const result = this.#world.cache.get(this.#signature(id));
    if (!result) return;
    this.results.set(this.#signature(id), result);
    if (result.ui === undefined) return;
    this.#tellExecuted(id, result.ui);
    this.#progress.finish(id);
    this.#sendProgress();
  }

  async #execute(id: string): Promise<void> {
    const { classes, faults } = this.#world;
    const node = this.#prompt.graph[id];
    const nodeClass = classes[node?.class_type ?? ''];
    if (!node || !nodeClass) return;
    this.currentNode = id;
    this.#progress.start(id);
    this.#sendProgress();
    this.#send('executing', { node: id, display_node: id });
    this.#checkInterrupt();
    const isOutOfMemory = faults.memoryFull && MODEL_NODES.has(node.class_type);
    const failure = isOutOfMemory ? OUT_OF_MEMORY : faults.failNodes.get(node.class_type);
    if (failure) throw new NodeException(failure.type, failure.message);
    const result = await nodeClass.run(this.#resolveInputs(node.inputs), {
      step: (value, max) => this.#step(id, node.class_type, value, max),
      readInput: (name) => this.#world.files.get('input', '', name),
      saveOutput: (prefix, bytes) => this.#world.files.saveOutput(prefix, bytes),
    });
    this.#world.dead.throwIfAborted();
    this.results.set(this.#signature(id), result);
    if (result.ui !== undefined) this.#tellExecuted(id, result.ui);
    this.#progress.finish(id);
    this.#sendProgress();
  }

  #resolveInputs(inputs: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => {
        const source = linkSource(value);
        if (source === undefined) return [name, value];
        return [name, this.results.get(this.#signature(source))?.values[Number((value as unknown[])[1])]];
      }),
    );
  }

  async #step(id: string, classType: string, value: number, max: number): Promise<void> {
    const { dead, faults, workMs } = this.#world;
    this.#world.onMoment('running');
    const ms = (workMs[classType] ?? 0) / max;
    if (ms > 0) await sleep(ms, dead);
    while (faults.hang && !this.interrupted && (await sleep(20, dead)));
    dead.throwIfAborted();
    this.#checkInterrupt();
    if (max === 1) return;
    this.#progress.step(id, value, max);
    this.#sendProgress();
    this.#send('progress', { value, max, node: id });
  }

  #checkInterrupt(): void {
    if (this.interrupted) throw new Interrupted();
  }

  #tellExecuted(node: string, output: unknown): void {
    this.#outputs[node] = output;
    this.#send('executed', { node, display_node: node, output });
  }

  #failed(error: unknown): ExecutionEnd {
    const node = this.currentNode ?? '';
    const node_type = this.#prompt.graph[node]?.class_type;
    if (error instanceof Interrupted) {
      this.#keep('execution_interrupted', { node_id: node, node_type, executed: [] });
    } else {
      this.#world.dead.throwIfAborted();
      this.#keep('execution_error', {
        node_id: node,
        node_type,
        executed: [],
        exception_message: error instanceof Error ? error.message : String(error),
        exception_type: error instanceof NodeException ? error.exceptionType : 'RuntimeError',
        traceback: ['  File "execution.py", line 1, in execute\n'],
        current_inputs: {},
        current_outputs: Object.keys(this.#prompt.graph),
      });
    }
    return { status: 'error', messages: this.#kept, outputs: {} };
  }

  #keep(type: string, data: Record<string, unknown>): void {
    const message = { type, data: { ...data, prompt_id: this.#prompt.id, timestamp: Date.now() } };
    this.#kept.push(message);
    this.#world.send(message);
  }

  #send(type: string, data: Record<string, unknown>): void {
    this.#world.send({ type, data: { ...data, prompt_id: this.#prompt.id } });
  }

  #sendProgress(): void {
    if (!this.#world.isOlder) this.#world.send(this.#progress.message());
  }
}
