import { sleep } from '../utils/timers.js';
import type { Faults } from './faults.js';
import { type FilePlace, FOLDER_TYPES, type Folders } from './folders.js';
import { NodeObjects } from './NodeObjects.js';
import type { NodeClass } from './nodeClass.js';
import { type Gpu, newGpu } from './nodeFailures.js';
import { PromptExecution } from './PromptExecution.js';
import type { ExecutionEnd } from './PromptReport.js';
import type { PythonLock } from './PythonLock.js';
import { listed, type Moment, type Prompt } from './prompt.js';
import { ResultCache } from './ResultCache.js';
import type { Message, SimulatedSockets } from './sockets.js';

export interface ExecutorOptions {
  /**
   * `older` accepts no prompt id, sends neither `progress_state` nor `execution_success`, and interrupts whatever prompt runs.
   */
  readonly generation: 'current' | 'older';
  /** Milliseconds of model work by node class. */
  readonly workMs: Readonly<Record<string, number>>;
  /** Time to load a model other than that of the last prompt, ms. The first load takes just as long. */
  readonly loadMs: number;
  /** Delay between `execution_success` and the history entry, ms. */
  readonly historyDelayMs: number;
  /** PNG files do not contain their prompt, as with `--disable-metadata`. */
  readonly disableMetadata: boolean;
  /** Number of node results in an LRU cache, as with `--cache-lru`; the classic cache if undefined. */
  readonly cacheSize: number | undefined;
  /** Minimum time for decoding and writing images, as a share of ComfyUI's time; 0 adds no delay. */
  readonly pngCost: number;
}

export interface ExecutorWorld {
  readonly sockets: SimulatedSockets;
  readonly folders: Folders;
  readonly faults: Faults;
  readonly lock: PythonLock;
  /** A prompt starts to run. */
  onStart(prompt: Prompt): void;
  /** Another model was loaded. */
  onLoad(model: string): void;
  onMoment(moment: Moment, prompt: Prompt): void;
  /** A prompt names a file as an output. */
  onOutput(place: FilePlace, prompt: Prompt): void;
}

/** Runs one prompt at a time, in order. The queue and the history are in memory and are lost with this object. */
export class Executor {
  readonly history = new Map<string, Record<string, unknown>>();
  readonly classes: Readonly<Record<string, NodeClass>>;
  #pending: Prompt[] = [];
  #running: { prompt: Prompt; execution: PromptExecution } | undefined;
  readonly #cache: ResultCache;
  readonly #objects = new NodeObjects();
  readonly #gpu: Gpu = newGpu();
  readonly #dead = new AbortController();
  readonly #world: ExecutorWorld;
  readonly #options: ExecutorOptions;

  constructor(classes: Readonly<Record<string, NodeClass>>, world: ExecutorWorld, options: ExecutorOptions) {
    this.classes = classes;
    this.#world = world;
    this.#options = options;
    this.#cache = new ResultCache(options.cacheSize);
  }

  /** Whether the GPU works again only after a restart. */
  get isGpuBroken(): boolean {
    return this.#gpu.isBroken;
  }

  get queueRemaining(): number {
    return this.#pending.length + (this.#running ? 1 : 0);
  }

  /** Ids of all known prompts: waiting, running and in the history. */
  get promptIds(): string[] {
    const running = this.#running ? [this.#running.prompt.id] : [];
    return [...this.history.keys(), ...running, ...this.#pending.map(({ id }) => id)];
  }

  /** Messages for a socket that has just connected. `executing` carries no prompt id (protocol trap 4). */
  hello(clientId: string): Message[] {
    const messages: Message[] = [{ type: 'status', data: { status: this.#execInfo(), sid: clientId } }];
    const node = this.#running?.execution.currentNode;
    if (node !== undefined && this.#running?.prompt.clientId === clientId) {
      messages.push({ type: 'executing', data: { node } });
    }
    return messages;
  }

  enqueue(prompt: Prompt): void {
    this.#pending.push(prompt);
    this.#tellStatus();
    // ComfyUI's worker is a separate thread: it takes the prompt just before or after the response to the POST.
    if (this.#running) this.#world.onMoment('pending', prompt);
    else setImmediate(() => void this.#work());
  }

  queue(): { queue_running: unknown[]; queue_pending: unknown[] } {
    return {
      queue_running: this.#running ? [listed(this.#running.prompt)] : [],
      queue_pending: this.#pending.map(listed),
    };
  }

  deletePending(ids: readonly string[]): void {
    this.#pending = this.#pending.filter((prompt) => !ids.includes(prompt.id));
    this.#tellStatus();
  }

  clearPending(): void {
    this.#pending = [];
    this.#tellStatus();
  }

  /** Interrupts the prompt with this id if it is running. Without an id, or on an older server, interrupts any running prompt. */
  interrupt(promptId: unknown): void {
    if (!this.#running) return;
    const isMeant =
      promptId === undefined || this.#options.generation === 'older' || promptId === this.#running.prompt.id;
    if (isMeant) this.#running.execution.interrupted = true;
  }

  /** Aborts everything, because the process has died. */
  kill(): void {
    this.#dead.abort(new Error('killed'));
  }

  async #work(): Promise<void> {
    while (!this.#running && !this.#dead.signal.aborted) {
      const prompt = this.#pending.shift();
      if (!prompt) return;
      this.#world.onStart(prompt);
      this.#objects.keep(prompt.graph);
      const execution = this.#execution(prompt);
      this.#running = { prompt, execution };
      this.#tellStatus();
      const end = await execution.run().catch(() => undefined);
      if (!end || this.#dead.signal.aborted) return;
      const { historyDelayMs } = this.#options;
      if (historyDelayMs > 0) await sleep(historyDelayMs, this.#dead.signal);
      if (!this.#world.faults.loseHistory) this.history.set(prompt.id, historyEntry(prompt, end));
      this.#running = undefined;
      this.#tellStatus();
      this.#world.sockets.send(prompt.clientId, {
        type: 'executing',
        data: { node: null, prompt_id: prompt.id },
      });
    }
  }

  #execution(prompt: Prompt): PromptExecution {
    const { sockets, folders, faults, lock, onLoad, onMoment } = this.#world;
    const { clientId } = prompt;
    return new PromptExecution(prompt, {
      classes: this.classes,
      folders,
      faults,
      gpu: this.#gpu,
      lock,
      workMs: this.#options.workMs,
      loadMs: this.#options.loadMs,
      isOlder: this.#options.generation === 'older',
      hasMetadata: !this.#options.disableMetadata,
      pngCost: this.#options.pngCost,
      cache: this.#cache,
      dead: this.#dead.signal,
      tempPrefix: (id, classType) => this.#objects.tempPrefix(id, classType),
      send: (message) => sockets.send(clientId, message),
      tell: (what, toAll = false) => sockets.tell(toAll ? undefined : clientId, what),
      sendPreview: (forms) => sockets.sendPreviewTo(clientId, forms),
      knowsMetadata: () => sockets.knowsMetadata(clientId),
      onLoad,
      onMoment: (moment) => onMoment(moment, prompt),
      onOutput: (output) => {
        for (const place of filesOf(output)) this.#world.onOutput(place, prompt);
      },
    });
  }

  #execInfo(): { exec_info: { queue_remaining: number } } {
    return { exec_info: { queue_remaining: this.queueRemaining } };
  }

  #tellStatus(): void {
    this.#world.sockets.broadcast({ type: 'status', data: { status: this.#execInfo() } });
  }
}

function historyEntry(prompt: Prompt, end: ExecutionEnd): Record<string, unknown> {
  return {
    prompt: listed(prompt),
    outputs: end.outputs,
    status: {
      status_str: end.status,
      completed: end.status === 'success',
      messages: end.messages.map(({ type, data }) => [type, data]),
    },
    meta: end.meta,
  };
}

/** The files that a node's output names. */
function filesOf(output: unknown): FilePlace[] {
  const items = Object.values(output as Record<string, unknown[]>).flat() as Array<Partial<FilePlace> | null>;
  return items.flatMap((item) => {
    const { filename, subfolder = '', type } = item ?? {};
    return filename !== undefined && type !== undefined && FOLDER_TYPES.includes(type)
      ? [{ filename, subfolder, type }]
      : [];
  });
}
