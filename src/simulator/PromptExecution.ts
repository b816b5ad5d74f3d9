import { sleep } from '../utils/timers.js';
import { Blocker } from './Blocker.js';
import { ExecutionList } from './ExecutionList.js';
import type { ExecutionWorld } from './executionWorld.js';
import { unwrapped } from './inputErrors.js';
import { NodeException } from './NodeException.js';
import { declaredInputs, type NodeContext, type NodeOutput, PNG_COST_MS } from './nodeClass.js';
import { failureOf, MODEL_NODES, noteFailure } from './nodeFailures.js';
import { withOddItem } from './oddOutputs.js';
import { PromptGraph } from './PromptGraph.js';
import { type ExecutionEnd, PromptReport } from './PromptReport.js';
import type { TextChunk } from './pngText.js';
import { linkSource, type Prompt } from './prompt.js';
import { metadataOf } from './promptMetadata.js';

class Interrupted extends Error {}

/** Executes one prompt: its nodes in order, with messages in ComfyUI's order. */
export class PromptExecution {
  /** The running node, for sockets that connect during the run. */
  currentNode: string | undefined;
  /** Checked before and after every step, as ComfyUI does. */
  interrupted = false;
  readonly #world: ExecutionWorld;
  readonly #prompt: Prompt;
  readonly #graph: PromptGraph;
  readonly #list: ExecutionList;
  readonly #report: PromptReport;
  /** Values of expanded nodes, which come from the nodes that replaced them. */
  readonly #expanded = new Map<string, readonly unknown[]>();
  #inputs: Record<string, unknown> = {};

  constructor(prompt: Prompt, world: ExecutionWorld) {
    this.#prompt = prompt;
    this.#world = world;
    this.#graph = new PromptGraph(prompt.graph, world.classes, world.folders);
    this.#report = new PromptReport(prompt, this.#graph, world);
    this.#list = new ExecutionList({
      sources: (id) => this.#graph.sources(id),
      isCached: (id) => this.#isCached(id),
      isOutput: (id) => this.#graph.isOutput(id),
    });
  }

  async run(): Promise<ExecutionEnd> {
    const ids = this.#graph.behind(this.#prompt.outputs);
    this.#world.cache.begin(new Set(ids.map((id) => this.#graph.signature(id))));
    this.#report.start(ids.filter((id) => this.#isCached(id)));
    try {
      for (const id of this.#prompt.outputs) this.#list.add(id);
      for (let id = this.#list.next(); id !== undefined; id = this.#list.next()) {
        if (await this.#isDone(id)) this.#list.complete(id);
      }
      this.#checkCycle();
    } catch (error) {
      return this.#failed(error);
    }
    const end = this.#report.succeeded();
    this.#world.onMoment('success');
    return end;
  }

  /** Runs a node. Returns false if the node expanded into other nodes that must run first. */
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
    this.#report.output(id, ui.output, ui.meta);
    this.#report.finishNode(id);
  }

  async #execute(id: string): Promise<NodeOutput> {
    const { classType, inputs, nodeClass } = this.#graph.node(id);
    const { faults, gpu, lock } = this.#world;
    await lock.free();
    this.currentNode = id;
    this.#report.startNode(id);
    this.#checkInterrupt();
    // Inputs that the class does not declare are never passed to the node.
    const declared = Object.keys(declaredInputs(nodeClass)).filter((name) => inputs.has(name));
    this.#inputs = Object.fromEntries(declared.map((name) => [name, this.#resolve(inputs.get(name))]));
    const blocker = Object.values(this.#inputs).find((value) => value instanceof Blocker);
    if (blocker) this.#report.blocked(id, blocker);
    else {
      const failure = failureOf(classType, this.#prompt.id, faults, gpu);
      if (failure) throw failure;
    }
    if (!blocker) await this.#loadModel(classType);
    const isBlocked = blocker || faults.blockNodes.has(classType);
    const message = blocker ? undefined : 'not this branch';
    const output = isBlocked
      ? { values: nodeClass.output.map(() => new Blocker(message)) }
      : await nodeClass.run(this.#inputs, this.#context(id, classType));
    this.#world.dead.throwIfAborted();
    this.#report.ran(id);
    return output;
  }

  #conclude(id: string, { values, ui: told }: NodeOutput): void {
    const { oddOutputs } = this.#world.faults;
    const ui = oddOutputs ? withOddItem(told, oddOutputs) : told;
    const meta = this.#graph.metaOf(id);
    const result = { values, ...(ui === undefined ? {} : { ui: { output: ui, meta } }) };
    this.#world.cache.set(this.#graph.signature(id), result);
    if (ui !== undefined) this.#report.output(id, ui, meta);
    this.#report.finishNode(id);
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

  /** The value that a link leads to, or the value itself if it is no link. */
  #resolve(value: unknown): unknown {
    const source = linkSource(value);
    if (source === undefined) return unwrapped(value);
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
      id,
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
      preview: (image, format, isDirect = false) => this.#report.preview(id, image, format, isDirect),
      tell: (what, toAll) => this.#world.tell(what, toAll),
    };
  }

  async #step(id: string, classType: string, value: number, max: number): Promise<void> {
    const { dead, faults, workMs } = this.#world;
    this.#world.onMoment('running');
    await this.#work((workMs[classType] ?? 0) / max);
    const isHeld = () => faults.hang || faults.holdPrompts.has(this.#prompt.id);
    while (isHeld() && !this.interrupted) {
      await sleep(20, dead);
      dead.throwIfAborted();
    }
    dead.throwIfAborted();
    this.#checkInterrupt();
    if (max === 1) return;
    this.#report.step(id, value, max);
  }

  /** Waits for the load time if the node needs a model other than the loaded one. */
  async #loadModel(classType: string): Promise<void> {
    const { gpu, loadMs } = this.#world;
    if (loadMs === 0 || !MODEL_NODES.has(classType)) return;
    const model = modelOf(this.#inputs) ?? classType;
    if (gpu.model === model) return;
    await this.#work(loadMs);
    gpu.model = model;
    this.#world.onLoad(model);
  }

  async #work(ms: number): Promise<void> {
    const { dead, lock } = this.#world;
    if (ms > 0) await sleep(ms, dead);
    await lock.free();
    dead.throwIfAborted();
  }

  /** Links in inputs that a class does not declare pass the validation, but count for the order. */
  #checkCycle(): void {
    const id = this.#list.first;
    if (id === undefined) return;
    this.currentNode = id;
    throw new NodeException('graph.DependencyCycleError', 'Dependency cycle detected');
  }

  #checkInterrupt(): void {
    if (this.interrupted) throw new Interrupted();
  }

  #failed(error: unknown): ExecutionEnd {
    const id = this.currentNode ?? '';
    if (error instanceof Interrupted) return this.#report.interrupted(id);
    this.#world.dead.throwIfAborted();
    noteFailure(error, this.#world.gpu);
    return this.#report.failed(id, error, this.#inputs);
  }
}

/** Name of the model that a node gets from a loader. */
function modelOf({ model, upscale_model: upscaler = model }: Record<string, unknown>): string | undefined {
  const { name } = (upscaler ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : undefined;
}
