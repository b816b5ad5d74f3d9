import { sleep } from '../utils/timers.js';
import { Blocker } from './Blocker.js';
import { ExecutionList } from './ExecutionList.js';
import { errorReport } from './errorReport.js';
import type { Faults } from './faults.js';
import type { Folders } from './folders.js';
import { previewFrame, previewFrameWithMetadata } from './frames.js';
import { type NodeClass, type NodeContext, type NodeOutput, PNG_COST_MS } from './nodeClass.js';
import { failureOf, type Gpu, noteFailure } from './nodeFailures.js';
import { withOddItem } from './oddOutputs.js';
import { ProgressState } from './ProgressState.js';
import { PromptGraph } from './PromptGraph.js';
import type { PythonLock } from './PythonLock.js';
import type { TextChunk } from './pngText.js';
import { linkSource, type Moment, type Prompt } from './prompt.js';
import { metadataOf } from './promptMetadata.js';
import type { NodeMeta, ResultCache } from './ResultCache.js';
import type { Message } from './sockets.js';

interface ExecutionWorld {
  readonly classes: Readonly<Record<string, NodeClass>>;
  readonly folders: Folders;
  readonly faults: Faults;
  readonly gpu: Gpu;
  readonly lock: PythonLock;
  readonly workMs: Readonly<Record<string, number>>;
  readonly isOlder: boolean;
  /** Whether PNG files carry their prompt. */
  readonly hasMetadata: boolean;
  /** Share of ComfyUI's time for images that is taken, 0 for none. */
  readonly pngCost: number;
  readonly cache: ResultCache;
  /** Aborted when the simulated process dies. */
  readonly dead: AbortSignal;
  /** Prefix of the temp files of a node object. */
  tempPrefix(id: string, classType: string): string;
  send(message: Message): void;
  /** Sends a preview, in the form that the socket understands. */
  sendPreview(forms: { plain: () => Buffer; withMetadata: () => Buffer }): void;
  /** Whether the socket understands previews with metadata. */
  knowsMetadata(): boolean;
  onMoment(moment: Moment): void;
  onOutput(output: unknown): void;
}

/** How a run ended, as the history keeps it. */
export interface ExecutionEnd {
  readonly status: 'success' | 'error';
  readonly messages: readonly Message[];
  readonly outputs: Record<string, unknown>;
  readonly meta: Record<string, NodeMeta>;
}

class Interrupted extends Error {}

/** The run of one prompt: its nodes in order, and the messages in the order in which ComfyUI sends them. */
export class PromptExecution {
  /** Node at work, for a socket that connects meanwhile. */
  currentNode: string | undefined;
  /** Checked before and after every step, as ComfyUI does. */
  interrupted = false;
  readonly #world: ExecutionWorld;
  readonly #prompt: Prompt;
  readonly #graph: PromptGraph;
  readonly #list: ExecutionList;
  readonly #progress: ProgressState;
  /** Values of nodes that others run in place of. */
  readonly #expanded = new Map<string, readonly unknown[]>();
  readonly #executed: string[] = [];
  #inputs: Record<string, unknown> = {};
  readonly #outputs: Record<string, unknown> = {};
  readonly #meta: Record<string, NodeMeta> = {};
  /** The messages that the history keeps. */
  readonly #kept: Message[] = [];

  constructor(prompt: Prompt, world: ExecutionWorld) {
    this.#prompt = prompt;
    this.#world = world;
    this.#graph = new PromptGraph(prompt.graph, world.classes, world.folders);
    this.#progress = new ProgressState(prompt.id, (id) => this.#graph.originOf(id));
    this.#list = new ExecutionList({
      sources: (id) => this.#graph.sources(id),
      isCached: (id) => this.#isCached(id),
      isOutput: (id) => this.#graph.isOutput(id),
    });
  }

  async run(): Promise<ExecutionEnd> {
    const ids = this.#graph.behind(this.#prompt.outputs);
    this.#world.cache.begin(new Set(ids.map((id) => this.#graph.signature(id))));
    this.#keep('execution_start', { prompt_id: this.#prompt.id });
    const nodes = ids.filter((id) => this.#isCached(id));
    this.#keep('execution_cached', { nodes, prompt_id: this.#prompt.id });
    try {
      for (const id of this.#prompt.outputs) this.#list.add(id);
      for (let id = this.#list.next(); id !== undefined; id = this.#list.next()) {
        if (await this.#isDone(id)) this.#list.complete(id);
      }
    } catch (error) {
      return this.#failed(error);
    }
    // Older servers end with `executing {node: null}` alone.
    if (!this.#world.isOlder) this.#keep('execution_success', { prompt_id: this.#prompt.id });
    this.#world.onMoment('success');
    return this.#end('success');
  }

  /** Does what is to be done for a node; false when others run in its place first. */
  async #isDone(id: string): Promise<boolean> {
    const expanded = this.#expanded.get(id);
    if (expanded) {
      this.#conclude(id, { values: expanded.map((value) => this.#resolve(value)) });
      return true;
    }
    if (this.#isCached(id)) {
      this.#reuse(id);
      return true;
    }
    const output = await this.#execute(id);
    if (output.expand) {
      this.#expand(id, output.values, output.expand);
      return false;
    }
    this.#conclude(id, output);
    return true;
  }

  #isCached(id: string): boolean {
    return this.#world.cache.has(this.#graph.signature(id));
  }

  #reuse(id: string): void {
    const ui = this.#world.cache.get(this.#graph.signature(id))?.ui;
    if (ui === undefined) return;
    this.#tellExecuted(id, ui.output, ui.meta);
    this.#progress.finish(id);
    this.#sendProgress();
  }

  async #execute(id: string): Promise<NodeOutput> {
    const { classType, inputs, nodeClass } = this.#graph.node(id);
    const { faults, gpu, lock } = this.#world;
    await lock.free();
    this.currentNode = id;
    this.#progress.start(id);
    this.#sendProgress();
    this.#send('executing', { node: id, display_node: this.#graph.originOf(id).display });
    this.#checkInterrupt();
    // Inputs that the class does not declare never reach the node.
    const declared = Object.keys(nodeClass.required).map((name) => [name, this.#resolve(inputs[name])]);
    this.#inputs = Object.fromEntries(declared);
    const blocker = Object.values(this.#inputs).find((value) => value instanceof Blocker);
    if (blocker) this.#tellBlocked(id, classType, blocker);
    else {
      const failure = failureOf(classType, this.#prompt.id, faults, gpu);
      if (failure) throw failure;
    }
    const isBlocked = blocker || faults.blockNodes.has(classType);
    const message = blocker ? undefined : 'not this branch';
    const output = isBlocked
      ? { values: nodeClass.output.map(() => new Blocker(message)) }
      : await nodeClass.run(this.#inputs, this.#context(id, classType));
    this.#world.dead.throwIfAborted();
    this.#executed.push(id);
    return output;
  }

  #conclude(id: string, { values, ui: told }: NodeOutput): void {
    const { oddOutputs } = this.#world.faults;
    const ui = oddOutputs ? withOddItem(told, oddOutputs) : told;
    const meta = this.#graph.metaOf(id);
    const result = { values, ...(ui === undefined ? {} : { ui: { output: ui, meta } }) };
    this.#world.cache.set(this.#graph.signature(id), result);
    if (ui !== undefined) this.#tellExecuted(id, ui, meta);
    this.#progress.finish(id);
    this.#sendProgress();
  }

  #expand(id: string, values: readonly unknown[], nodes: Prompt['graph']): void {
    const ids = this.#graph.expand(id, nodes);
    const links = values.map((value) => {
      const inner = ids.get(linkSource(value) ?? '');
      return inner === undefined ? value : [inner, (value as unknown[])[1]];
    });
    this.#expanded.set(id, links);
    for (const inner of ids.values()) if (this.#graph.isOutput(inner)) this.#list.add(inner);
    for (const source of links.map(linkSource)) if (source !== undefined) this.#list.link(source, id);
  }

  /** What a link leads to, or the value itself. */
  #resolve(value: unknown): unknown {
    const source = linkSource(value);
    if (source === undefined) return value;
    const { values = [] } = this.#world.cache.get(this.#graph.signature(source)) ?? {};
    return values[Number((value as unknown[])[1])];
  }

  #context(id: string, classType: string): NodeContext {
    const { folders, hasMetadata, pngCost } = this.#world;
    let textChunks: readonly TextChunk[] | undefined;
    const chunks = () => {
      textChunks ??= hasMetadata ? metadataOf(this.#prompt, this.#graph) : [];
      return textChunks;
    };
    return {
      folders,
      tempPrefix: this.#world.tempPrefix(id, classType),
      get textChunks() {
        return chunks();
      },
      step: (value, max) => this.#step(id, classType, value, max),
      work: (ms) => this.#work(ms),
      charge: async (kind, pixels, since) => {
        if (pngCost === 0) return;
        const ms = (PNG_COST_MS[kind] * pngCost * (await pixels())) / 1_000_000;
        await this.#work(ms - (performance.now() - since));
      },
      preview: (image, format, isDirect = false) => this.#preview(id, image, format, isDirect),
    };
  }

  async #step(id: string, classType: string, value: number, max: number): Promise<void> {
    const { dead, faults, workMs } = this.#world;
    this.#world.onMoment('running');
    await this.#work((workMs[classType] ?? 0) / max);
    while (faults.hang && !this.interrupted && (await sleep(20, dead)));
    dead.throwIfAborted();
    this.#checkInterrupt();
    if (max === 1) return;
    this.#progress.step(id, value, max);
    this.#sendProgress();
    this.#send('progress', { value, max, prompt_id: this.#prompt.id, node: id });
  }

  async #work(ms: number): Promise<void> {
    const { dead, lock } = this.#world;
    if (ms > 0) await sleep(ms, dead);
    await lock.free();
    dead.throwIfAborted();
  }

  /** Nodes that go by the progress bar tell of a step of none first; the image comes before or after it. */
  #preview(id: string, image: Buffer, format: 'JPEG' | 'PNG', isDirect: boolean): void {
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
    this.#send('progress', { value: 0, max: 1, prompt_id: this.#prompt.id, node: id });
    if (!isFirst) this.#world.sendPreview({ plain, withMetadata });
  }

  #checkInterrupt(): void {
    if (this.interrupted) throw new Interrupted();
  }

  #tellExecuted(node: string, output: unknown, meta: NodeMeta): void {
    this.#outputs[node] = output;
    this.#meta[node] = meta;
    this.#world.onOutput(output);
    this.#send('executed', { node, display_node: this.#graph.originOf(node).display, output });
  }

  /** A branch that is not to run says so, and is neither the end nor kept in the history. */
  #tellBlocked(id: string, classType: string, { message }: Blocker): void {
    if (message === undefined) return;
    const data = {
      prompt_id: this.#prompt.id,
      node_id: id,
      node_type: classType,
      executed: [...this.#executed],
      exception_message: `Execution Blocked: ${message}`,
      exception_type: 'ExecutionBlocked',
      traceback: [],
      current_inputs: [],
      current_outputs: [],
    };
    this.#world.send({ type: 'execution_error', data });
  }

  #failed(error: unknown): ExecutionEnd {
    const node = this.#graph.originOf(this.currentNode ?? '').display;
    const where = {
      prompt_id: this.#prompt.id,
      node_id: node,
      node_type: this.#prompt.graph[node]?.class_type,
      executed: [...this.#executed],
    };
    if (error instanceof Interrupted) this.#keep('execution_interrupted', where);
    else {
      this.#world.dead.throwIfAborted();
      noteFailure(error, this.#world.gpu);
      const report = errorReport(error, this.#inputs, Object.keys(this.#prompt.graph));
      this.#keep('execution_error', { ...where, ...report });
    }
    return this.#end('error');
  }

  #end(status: ExecutionEnd['status']): ExecutionEnd {
    return { status, messages: this.#kept, outputs: this.#outputs, meta: this.#meta };
  }

  #keep(type: string, data: Record<string, unknown>): void {
    const message = { type, data: { ...data, timestamp: Date.now() } };
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
