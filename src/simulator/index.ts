import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { sleep } from '../utils/timers.js';
import { writeAnswer, writeSpoiled } from './answers.js';
import { Executor, type ExecutorOptions } from './Executor.js';
import { FileStore } from './FileStore.js';
import { type Faults, noFaults } from './faults.js';
import { type Call, parseJson, readCall, SimulatedApi } from './http.js';
import { MISCHIEF } from './mischief.js';
import { echoClasses, nodeClasses } from './nodes.js';
import { MODEL_NODES } from './PromptExecution.js';
import { graphSchema, outputName } from './prompt.js';
import { SimulatedSockets } from './sockets.js';
import { Traps } from './Traps.js';

export type { Faults } from './faults.js';
export { OUT_OF_MEMORY } from './faults.js';

export interface SimulatorOptions extends Partial<ExecutorOptions> {
  /** Node classes that this instance does not have. */
  readonly withoutNodes?: readonly string[];
  /** A header without which nobody gets in, as behind a proxy that asks for a key. Name in lower case. */
  readonly requireHeader?: { readonly name: string; readonly value: string };
  /** Nodes hand images on as they are. */
  readonly isEcho?: boolean;
  /** Enlargement models that it has. */
  readonly models?: readonly string[];
}

const submission = z.object({ prompt: graphSchema });

const DEFAULT_MODELS = ['4x_NMKD-Siax_200k.pth', '4x_foolhardy_Remacri.pth'];

/**
 * A ComfyUI stand-in that speaks its protocol over real sockets and makes real images, with faults that can be
 * switched on. It lives in one process and has one port, which it keeps over a crash and restart.
 */
export class Simulator {
  readonly faults: Faults = noFaults();
  /** Ids of every prompt that was ever accepted. */
  readonly promptIds: string[] = [];
  /** Requests by method and first part of the path, such as `GET /history`. */
  readonly requests = new Map<string, number>();
  readonly traps: Traps = new Traps(async (name) => MISCHIEF[name](this));
  readonly #options: SimulatorOptions;
  readonly #workMs: Record<string, number>;
  readonly #sockets: SimulatedSockets;
  readonly #api: SimulatedApi;
  #executor: Executor;
  #files = new FileStore();
  #http: Server | undefined;
  #ws: WebSocketServer | undefined;
  #port = 0;
  #number = 0;
  /** Requests that are never answered. */
  readonly #held: ServerResponse[] = [];

  constructor(options: SimulatorOptions = {}) {
    this.#options = options;
    this.#workMs = { ...options.workMs };
    this.#sockets = new SimulatedSockets(this.faults);
    this.#executor = this.#newExecutor();
    this.#api = new SimulatedApi({
      executor: () => this.#executor,
      files: () => this.#files,
      faults: this.faults,
      acceptsPromptId: options.generation !== 'older',
      nextNumber: () => this.#number++,
      onPrompt: (id) => this.promptIds.push(id),
    });
  }

  /** Whether it listens. */
  get isRunning(): boolean {
    return this.#http !== undefined;
  }

  /** `host:port`, as `COMFYUI_HOST` takes it. */
  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get sockets(): SimulatedSockets {
    return this.#sockets;
  }

  /** Ids of the prompts in the history. */
  get historyIds(): string[] {
    return [...this.#executor.history.keys()];
  }

  /** Prompts that wait or run. */
  get queueRemaining(): number {
    return this.#executor.queueRemaining;
  }

  /** Lets every model node take `ms` milliseconds from now on. */
  setWork(ms: number): void {
    for (const name of MODEL_NODES) this.#workMs[name] = ms;
  }

  /** Listens on `port`, or on any free one for 0. */
  async start(port = 0, host = '127.0.0.1'): Promise<void> {
    const http = createServer((request, response) => void this.#handle(request, response));
    this.#ws = new WebSocketServer({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      if (
        !this.#mayEnter(request) ||
        this.faults.refuseSockets ||
        !/^(\/api)?\/ws\b/.test(request.url ?? '')
      ) {
        socket.destroy();
        return;
      }
      this.#ws?.handleUpgrade(request, socket, head, (ws) => {
        this.#sockets.add(ws, request, (id) => this.#executor.hello(id));
      });
    });
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(port, host, resolve);
    });
    this.#http = http;
    this.#port = (http.address() as AddressInfo).port;
  }

  /** Dies like a killed process: every connection is cut, and queue, history, cache and files are gone. */
  async crash(): Promise<void> {
    this.#executor.kill();
    this.#files = new FileStore();
    this.#executor = this.#newExecutor();
    await this.unplug();
  }

  /** Cuts every connection and takes no new one; what runs goes on. */
  async unplug(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    this.#sockets.drop();
    http?.closeAllConnections();
    await new Promise<void>((resolve) => (http ? http.close(() => resolve()) : resolve()));
  }

  /** Listens again on the same port. */
  async plugIn(): Promise<void> {
    if (!this.#http) await this.start(this.#port);
  }

  /** Comes back on the same port, with nothing in its memory. */
  async restart(): Promise<void> {
    await this.crash();
    await this.plugIn();
  }

  /** Ends all mischief: the machine is as it was, or back with nothing in its memory if it was killed. */
  async behave(): Promise<void> {
    this.traps.clear();
    Object.assign(this.faults, noFaults());
    // Requests that were never to be answered must not wait for ever now.
    for (const response of this.#held.splice(0)) response.destroy();
    await this.plugIn();
  }

  /** Ends. */
  async stop(): Promise<void> {
    this.traps.clear();
    await this.crash();
  }

  #newExecutor(): Executor {
    const { withoutNodes = [], models = DEFAULT_MODELS, isEcho = false } = this.#options;
    const classes = Object.fromEntries(
      Object.entries(isEcho ? echoClasses(models) : nodeClasses(models)).filter(
        ([name]) => !withoutNodes.includes(name),
      ),
    );
    return new Executor(
      classes,
      {
        sockets: this.#sockets,
        files: this.#files,
        faults: this.faults,
        onMoment: (moment, output) => void this.traps.onMoment(moment, output),
      },
      {
        generation: this.#options.generation ?? 'current',
        workMs: this.#workMs,
        historyDelayMs: this.#options.historyDelayMs ?? 5,
      },
    );
  }

  #mayEnter(request: IncomingMessage): boolean {
    const { requireHeader } = this.#options;
    return !requireHeader || request.headers[requireHeader.name] === requireHeader.value;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await readCall(request).catch(() => undefined);
    if (request.destroyed && !request.complete) return;
    if (!call) return writeAnswer(response, { status: 413 });
    const key = `${call.method} /${call.path.split('/')[1] ?? ''}`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
    await this.#onRequest(call);
    const { delayMs, neverAnswer, respond, spoil } = this.faults;
    if (neverAnswer) return this.#hold(response);
    if (!this.#mayEnter(request)) return writeAnswer(response, { status: 401 });
    if (delayMs > 0) await sleep(delayMs);
    if (respond && respond.times > 0 && respond.path.test(call.path)) {
      respond.times -= 1;
      return writeAnswer(response, { status: respond.status, text: respond.body ?? '' });
    }
    const answer = this.#api.answer(call);
    if (this.faults.rewrite) return writeAnswer(response, answer, this.faults.rewrite);
    if (!spoil || spoil.times <= 0 || !spoil.path.test(call.path)) return writeAnswer(response, answer);
    spoil.times -= 1;
    if (spoil.how === 'never') return this.#hold(response);
    if (spoil.how === 'late') return this.traps.later(spoil.lateMs ?? 0, () => writeAnswer(response, answer));
    return writeSpoiled(response, answer, spoil.how);
  }

  /** The moments that a request is: a prompt that comes, and a result that is fetched. */
  async #onRequest(call: Call): Promise<void> {
    if (!this.traps.waiting) return;
    if (call.method === 'POST' && call.path === '/prompt') {
      const body = submission.safeParse(parseJson(call.body));
      if (body.success) await this.traps.onMoment('submit', outputName({ graph: body.data.prompt }));
    } else if (call.path === '/view') {
      await this.traps.onMoment('view', `${call.query.get('subfolder')}/${call.query.get('filename')}`);
    }
  }

  #hold(response: ServerResponse): void {
    this.#held.push(response);
  }
}

/** Creates a simulator and starts it. */
export async function startSimulator(options: SimulatorOptions = {}, port = 0): Promise<Simulator> {
  const simulator = new Simulator(options);
  await simulator.start(port);
  return simulator;
}
