import { sleep } from '../utils/timers.js';
import type { FileStore } from './FileStore.js';
import type { Faults } from './faults.js';
import type { NodeClass } from './nodes.js';
import { type ExecutionEnd, type NodeResult, PromptExecution } from './PromptExecution.js';
import { listed, type Moment, outputName, type Prompt } from './prompt.js';
import type { Message, SimulatedSockets } from './sockets.js';

export interface ExecutorOptions {
  /** `older` takes no prompt id, sends neither `progress_state` nor `execution_success`, and interrupts anything. */
  readonly generation: 'current' | 'older';
  /** Milliseconds of model work by node class. */
  readonly workMs: Readonly<Record<string, number>>;
  /** Between `execution_success` and the history entry, ms. */
  readonly historyDelayMs: number;
}

/** One prompt at a time, in order; queue and history live in this object's memory and die with it. */
export class Executor {
  readonly history = new Map<string, Record<string, unknown>>();
  readonly classes: Readonly<Record<string, NodeClass>>;
  #pending: Prompt[] = [];
  #running: { prompt: Prompt; execution: PromptExecution } | undefined;
  #cache: ReadonlyMap<string, NodeResult> = new Map();
  readonly #dead = new AbortController();
  readonly #sockets: SimulatedSockets;
  readonly #files: FileStore;
  readonly #faults: Faults;
  readonly #onMoment: (moment: Moment, output: string) => void;
  readonly #options: ExecutorOptions;

  constructor(
    classes: Readonly<Record<string, NodeClass>>,
    world: {
      sockets: SimulatedSockets;
      files: FileStore;
      faults: Faults;
      onMoment(moment: Moment, output: string): void;
    },
    options: ExecutorOptions,
  ) {
    this.classes = classes;
    this.#sockets = world.sockets;
    this.#files = world.files;
    this.#faults = world.faults;
    this.#onMoment = world.onMoment;
    this.#options = options;
  }

  get queueRemaining(): number {
    return this.#pending.length + (this.#running ? 1 : 0);
  }

  /** What a socket is told when it connects: `executing` comes without a prompt id (protocol trap 4). */
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
    // ComfyUI's worker is a thread of its own: it takes the prompt once the POST was answered, or just before.
    if (this.#running) this.#onMoment('pending', outputName(prompt));
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

  /** With an id, stops that prompt if it is the one running; an older server, or none, stops whatever runs. */
  interrupt(promptId: string | undefined): void {
    if (!this.#running) return;
    const isMeant =
      promptId === undefined || this.#options.generation === 'older' || promptId === this.#running.prompt.id;
    if (isMeant) this.#running.execution.interrupted = true;
  }

  /** The process is gone: nothing of it runs on. */
  kill(): void {
    this.#dead.abort(new Error('killed'));
  }

  async #work(): Promise<void> {
    while (!this.#running && !this.#dead.signal.aborted) {
      const prompt = this.#pending.shift();
      if (!prompt) return;
      const execution = this.#execution(prompt);
      this.#running = { prompt, execution };
      this.#tellStatus();
      const end = await execution.run().catch(() => undefined);
      if (!end || this.#dead.signal.aborted) return;
      this.#cache = execution.results;
      const { historyDelayMs } = this.#options;
      if (historyDelayMs > 0) await sleep(historyDelayMs, this.#dead.signal);
      if (!this.#faults.loseHistory) this.history.set(prompt.id, historyEntry(prompt, end));
      this.#running = undefined;
      this.#tellStatus();
      this.#sockets.send(prompt.clientId, {
        type: 'executing',
        data: { node: null, prompt_id: prompt.id },
      });
    }
  }

  #execution(prompt: Prompt): PromptExecution {
    return new PromptExecution(prompt, {
      classes: this.classes,
      files: this.#files,
      faults: this.#faults,
      workMs: this.#options.workMs,
      isOlder: this.#options.generation === 'older',
      cache: this.#cache,
      dead: this.#dead.signal,
      send: (message) => this.#sockets.send(prompt.clientId, message),
      onMoment: (moment) => this.#onMoment(moment, outputName(prompt)),
    });
  }

  #execInfo(): { exec_info: { queue_remaining: number } } {
    return { exec_info: { queue_remaining: this.queueRemaining } };
  }

  #tellStatus(): void {
    this.#sockets.broadcast({ type: 'status', data: { status: this.#execInfo() } });
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
    meta: Object.fromEntries(
      Object.keys(end.outputs).map((id) => [
        id,
        { node_id: id, display_node: id, parent_node: null, real_node_id: id },
      ]),
    ),
  };
}
