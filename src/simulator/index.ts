import type { IncomingMessage } from 'node:http';
import { Executor } from './Executor.js';
import { FrontDoor } from './FrontDoor.js';
import { type Faults, noFaults } from './faults.js';
import type { Folders } from './folders.js';
import { MAX_UPLOAD_BYTES, SimulatedApi } from './http.js';
import { Listener } from './Listener.js';
import { MemoryFolders } from './MemoryFolders.js';
import { machineClasses } from './machineClasses.js';
import { MISCHIEF } from './mischief.js';
import { MODEL_NODES } from './nodeFailures.js';
import { executorOptions, modelFolders, type SimulatorOptions } from './options.js';
import { isForeign } from './origins.js';
import { PromptWatch } from './PromptWatch.js';
import { PythonLock } from './PythonLock.js';
import { RunLog } from './RunLog.js';
import { SimulatedSockets } from './sockets.js';
import { strangersPrompt } from './strangers.js';
import { Traps } from './Traps.js';

export type { Faults } from './faults.js';
export { OUT_OF_MEMORY } from './faults.js';
export type { SimulatorOptions } from './options.js';

/**
 * A ComfyUI stand-in that uses its protocol over real sockets and makes real images, with faults that can be switched on. It runs
 * inside this process on one port, which stays the same after a crash and restart.
 */
export class Simulator {
  readonly faults: Faults = noFaults();
  /** Input, temp and output folders. As in ComfyUI, every start empties the temp folder, even if others share it. */
  readonly folders: Folders;
  /** Ids of every prompt ever accepted. */
  readonly promptIds: string[] = [];
  /** Ids of the prompts that started to run, in order. A prompt that ran twice occurs twice. */
  readonly executions: string[] = [];
  /** The runs in more detail, and the prompts lost when the process died. */
  readonly log: RunLog;
  /** Models that were loaded, in order, if loading takes time. */
  readonly modelLoads: string[] = [];
  /** Prompts of other clients, which are in neither list. */
  readonly strangerIds = new Set<string>();
  /** Python's GIL: while a node holds it, the whole process is blocked. */
  readonly lock = new PythonLock();
  readonly traps: Traps = new Traps(async (name) => MISCHIEF[name](this));
  readonly #options: SimulatorOptions;
  readonly #workMs: Record<string, number>;
  readonly #sockets: SimulatedSockets;
  readonly #door: FrontDoor;
  readonly #listener: Listener;
  #executor: Executor;
  #number = 0;
  /** Whether the process is dead, so that the next start is a new process. */
  #isDead = true;
  #starting: Promise<void> | undefined;
  readonly #watch = new PromptWatch(this.traps);

  constructor(options: SimulatorOptions = {}) {
    this.#options = options;
    this.folders = options.folders ?? new MemoryFolders();
    this.#workMs = { ...options.workMs };
    this.log = new RunLog(machineClasses(options), this.folders);
    this.#sockets = new SimulatedSockets(this.faults, this.lock, () => this.#features());
    this.#executor = this.#newExecutor();
    this.#door = new FrontDoor({
      api: this.#newApi(),
      faults: this.faults,
      lock: this.lock,
      maxBytes: () => this.#maxBytes(),
      refusal: (request) => this.#refusal(request),
      isAlive: () => !this.#isDead,
      onCall: (call) => this.#watch.onCall(call),
      later: (ms, what) => this.traps.later(ms, what),
    });
    this.#listener = new Listener({
      onRequest: (request, response) => void this.#door.handle(request, response),
      maySocket: async (request) => {
        await this.lock.free();
        return this.#refusal(request) === undefined && !this.faults.refuseSockets;
      },
      onSocket: (socket, request) => this.#sockets.add(socket, request, (id) => this.#executor.hello(id)),
    });
  }

  /** Whether it listens. */
  get isRunning(): boolean {
    return this.#listener.isRunning;
  }

  /** `host:port`, in the form of `COMFYUI_HOST`. */
  get host(): string {
    return `127.0.0.1:${this.#listener.port}`;
  }

  get sockets(): SimulatedSockets {
    return this.#sockets;
  }

  /** Requests by method and first part of the path, such as `GET /history`. */
  get requests(): ReadonlyMap<string, number> {
    return this.#door.requests;
  }

  /** Ids of the prompts in the history. */
  get historyIds(): string[] {
    return [...this.#executor.history.keys()];
  }

  /** Number of waiting and running prompts. */
  get queueRemaining(): number {
    return this.#executor.queueRemaining;
  }

  /** Sets the time of every model node, in milliseconds. */
  setWork(ms: number): void {
    for (const name of MODEL_NODES) this.#workMs[name] = ms;
  }

  /** Another client submits `count` prompts, which take `seconds` each. */
  addStrangers(count: number, seconds: number): void {
    for (let n = 0; n < count; n += 1) this.#addStranger(seconds);
  }

  /** Another client submits a prompt that runs until `release`, or until all faults end. */
  occupy(): void {
    this.faults.holdPrompts.add(this.#addStranger(0));
  }

  /** Ends the prompts of `occupy`. */
  release(): void {
    for (const id of this.faults.holdPrompts) this.#executor.interrupt(id);
  }

  /** Another client interrupts the running prompt, whichever it is. */
  interruptAnything(): void {
    this.#executor.interrupt(undefined);
  }

  /** Listens on `port`, or on any free port for 0. */
  async start(port = 0, host = '127.0.0.1'): Promise<void> {
    if (this.#isDead) this.folders.empty('temp');
    this.#isDead = false;
    await this.#listener.start(port, host);
  }

  /** Dies like a killed process: every connection is closed, and queue, history and cache are lost. */
  async crash(): Promise<void> {
    this.log.lost.push(...this.#executor.promptIds);
    this.#executor.kill();
    this.#executor = this.#newExecutor();
    this.#isDead = true;
    await this.unplug();
    this.lock.release();
  }

  /** Closes every connection and accepts no new ones; the running prompt continues. */
  async unplug(): Promise<void> {
    this.#sockets.drop();
    await this.#listener.stop();
  }

  /** Listens again on the same port. */
  async plugIn(): Promise<void> {
    if (this.isRunning) return;
    // A trap and `behave` may do this at the same time.
    this.#starting ??= this.start(this.#listener.port).finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  /** Crashes and starts again on the same port, with empty memory and an empty temp folder. */
  async restart(): Promise<void> {
    await this.crash();
    await this.plugIn();
  }

  /** Ends all faults. The machine restarts with empty memory if it was killed or if only a restart helps. */
  async behave(): Promise<void> {
    this.traps.clear();
    Object.assign(this.faults, noFaults());
    this.#door.releaseHeld();
    this.lock.release();
    if (this.#executor.isGpuBroken) await this.crash();
    await this.plugIn();
  }

  /** Stops the simulator. */
  async stop(): Promise<void> {
    this.traps.clear();
    await this.crash();
  }

  /**
   * Submits a prompt of another client.
   * @returns the prompt's id
   */
  #addStranger(seconds: number): string {
    const prompt = strangersPrompt(this.#number++, seconds);
    this.strangerIds.add(prompt.id);
    this.#executor.enqueue(prompt);
    return prompt.id;
  }

  #newApi(): SimulatedApi {
    return new SimulatedApi({
      executor: () => this.#executor,
      folders: this.folders,
      faults: this.faults,
      isOlder: this.#options.generation === 'older',
      models: modelFolders(this.#options),
      arguments: this.#options.disableMetadata ? ['--disable-metadata'] : [],
      features: () => this.#features(),
      nextNumber: () => this.#number++,
      onPrompt: (id) => this.promptIds.push(id),
    });
  }

  #newExecutor(): Executor {
    return new Executor(
      machineClasses(this.#options),
      {
        sockets: this.#sockets,
        folders: this.folders,
        faults: this.faults,
        lock: this.lock,
        onStart: (prompt) => {
          if (this.strangerIds.has(prompt.id)) return;
          this.executions.push(prompt.id);
          this.log.note(prompt);
        },
        onLoad: (model) => this.modelLoads.push(model),
        onMoment: (moment, prompt) => this.#watch.onMoment(moment, prompt),
        onOutput: (place, prompt) => this.#watch.onOutput(place, prompt),
      },
      executorOptions(this.#options, this.#workMs),
    );
  }

  #features(): Record<string, unknown> {
    const { moreFeatures } = this.faults;
    return { supports_preview_metadata: true, max_upload_size: this.#maxBytes(), ...moreFeatures };
  }

  #maxBytes(): number {
    return this.faults.maxUploadBytes ?? this.#options.maxUploadBytes ?? MAX_UPLOAD_BYTES;
  }

  /** The status for a request that is refused, by a proxy that requires a key or by ComfyUI. */
  #refusal(request: IncomingMessage): number | undefined {
    const { requireHeader } = this.#options;
    if (requireHeader && request.headers[requireHeader.name] !== requireHeader.value) return 401;
    return isForeign(request) ? 403 : undefined;
  }
}

/** Creates and starts a simulator. */
export async function startSimulator(options: SimulatorOptions = {}, port = 0): Promise<Simulator> {
  const simulator = new Simulator(options);
  await simulator.start(port);
  return simulator;
}
