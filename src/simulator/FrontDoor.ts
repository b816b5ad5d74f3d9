import type { IncomingMessage, ServerResponse } from 'node:http';
import { sleep } from '../utils/timers.js';
import { writeAnswer, writeSpoiled } from './answers.js';
import type { Faults, Matching } from './faults.js';
import { type Call, readCall, type SimulatedApi } from './http.js';
import type { PythonLock } from './PythonLock.js';

interface DoorWorld {
  readonly api: SimulatedApi;
  readonly faults: Faults;
  readonly lock: PythonLock;
  readonly maxBytes: () => number;
  /** The status for a request that is refused. */
  refusal(request: IncomingMessage): number | undefined;
  /** Whether the process runs. A killed process handles no request, even one that it has read. */
  isAlive(): boolean;
  /** Called when a request has arrived, before it is handled. */
  onCall(call: Call): Promise<void>;
  later(ms: number, what: () => unknown): void;
}

/** Passes requests to the API and responses to the client, and injects the configured faults. */
export class FrontDoor {
  /** Requests by method and first part of the path, such as `GET /history`. */
  readonly requests = new Map<string, number>();
  readonly #world: DoorWorld;
  /** Requests that never get a response. */
  readonly #held: ServerResponse[] = [];

  constructor(world: DoorWorld) {
    this.#world = world;
  }

  /** Never rejects: a request that cannot be answered is a 500, as in aiohttp. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#handle(request, response);
    } catch {
      if (response.headersSent) response.destroy();
      else writeAnswer(response, { status: 500, text: '500 Internal Server Error' });
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { api, faults, lock, maxBytes, refusal, isAlive, onCall, later } = this.#world;
    const call = await readCall(request, maxBytes(), faults.cut).catch(() => undefined);
    if (request.destroyed && !request.complete) return;
    await lock.free();
    if (!call) {
      const text = `Maximum request body size ${maxBytes()} exceeded.`;
      return writeAnswer(response, { status: 413, text });
    }
    const key = `${call.method} /${call.path.split('/')[1] ?? ''}`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
    await onCall(call);
    await lock.free();
    if (!isAlive()) return;
    const { delayMs, neverAnswer, respond, spoil } = faults;
    if (neverAnswer) return this.#hold(response);
    const refused = refusal(request);
    if (refused !== undefined) return writeAnswer(response, { status: refused });
    if (delayMs > 0) await sleep(delayMs);
    if (respond && isNext(respond, call)) {
      const { status, body = '', type = 'text/plain' } = respond;
      return writeAnswer(response, { status, text: body, textType: type });
    }
    const answer = await api.answer(call);
    if (faults.rewrite) return writeAnswer(response, answer, faults.rewrite);
    if (!spoil || !isNext(spoil, call)) return writeAnswer(response, answer);
    if (spoil.how === 'never') return this.#hold(response);
    if (spoil.how === 'late') return later(spoil.lateMs ?? 0, () => writeAnswer(response, answer));
    return writeSpoiled(response, answer, spoil.how);
  }

  /** Closes the connections of all held requests, so that their clients do not wait forever. */
  releaseHeld(): void {
    for (const response of this.#held.splice(0)) response.destroy();
  }

  #hold(response: ServerResponse): void {
    this.#held.push(response);
  }
}

/** Whether a fault is for this request. Counts it. */
function isNext(fault: Matching, { method, path }: Call): boolean {
  const isMeant = fault.times > 0 && (fault.method ?? method) === method && fault.path.test(path);
  if (isMeant) fault.times -= 1;
  return isMeant;
}
