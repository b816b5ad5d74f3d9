import { once } from 'node:events';
import type { Server } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { workOnImages } from './services/images/settings.js';
import type { Services } from './services/index.js';
import { settledWithin } from './utils/deadline.js';
import type { Logger, RootLogger } from './utils/logger.js';
import { TimeBudget } from './utils/TimeBudget.js';
import { sleep } from './utils/timers.js';

interface Parts {
  readonly servers: readonly Server[];
  readonly services: Services;
  readonly logger: RootLogger;
}

/** What is kept back for the clients' connections and for the log: a tenth, at most half a second. */
const LAST_STEPS = { share: 0.1, maxMs: 500 };
/** What the last of a server gets even with no time at all, ms. */
const MIN_MS = 50;
/** After the end of its time the process is ended, whatever it is at, ms. */
const LAST_MOMENT_MS = 150;
/** More connections than wait for a server that is alive. */
const MAX_TURNS = 1000;
/** npm passes a signal on that the process has already had where both are in one group, as with Ctrl-C, ms. */
const SAME_SIGNAL_MS = 1000;

/**
 * Ends the process in good order: on a signal with code 0, after an error that nobody caught with code 1. One budget
 * counts from that moment to the exit. A second signal ends it at once.
 */
export class Stopper {
  readonly #parts: Parts;
  readonly #timeoutMs: number;
  readonly #log: Logger;
  /** `performance.now()` of when it began; undefined while the server runs. */
  #beganAt: number | undefined;
  #exitCode = 0;

  constructor(parts: Parts, timeoutMs: number, log: Logger) {
    this.#parts = parts;
    this.#timeoutMs = timeoutMs;
    this.#log = log;
  }

  /** Waits for signals and for errors that nobody caught. */
  listen(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onSignal(signal));
    process.on('uncaughtException', (error) => this.#onUncaught('Uncaught exception', error));
    process.on('unhandledRejection', (reason) => this.#onUncaught('Unhandled rejection', reason));
  }

  #onSignal(signal: string): void {
    if (this.#beganAt === undefined) {
      this.#log.info('Stopping', { signal, activeJobs: this.#parts.services.processor.activeJobs });
      void this.#stop();
      return;
    }
    const isPassedOn = process.env['npm_lifecycle_event'] !== undefined;
    if (!isPassedOn || performance.now() - this.#beganAt > SAME_SIGNAL_MS) exit(1);
  }

  /** What the program is in is not known any more: it ends, and whoever watches over it starts it anew. */
  #onUncaught(message: string, error: unknown): void {
    this.#log.error(message, { stack: error instanceof Error ? error.stack : String(error) });
    this.#exitCode = 1;
    if (this.#beganAt === undefined) void this.#stop();
  }

  async #stop(): Promise<void> {
    this.#beganAt = performance.now();
    const { servers, services, logger } = this.#parts;
    const whole = new TimeBudget(this.#timeoutMs);
    setTimeout(() => exit(1), this.#timeoutMs + LAST_MOMENT_MS);
    const lastStepsMs = Math.min(LAST_STEPS.maxMs, this.#timeoutMs * LAST_STEPS.share);
    // The port stays open meanwhile: clients fetch what they wait for, load balancers read "critical".
    const servicesMs = Math.max(MIN_MS, this.#timeoutMs - lastStepsMs);
    const leftBehind = await services.stop(new TimeBudget(servicesMs));
    if (leftBehind.length > 0) this.#exitCode = 1;
    const graceMs = whole.leftMs * 0.8;
    await Promise.all(servers.map((server) => this.#closeServer(server, graceMs)));
    this.#log.info('Stopped');
    await settledWithin(Math.max(MIN_MS, whole.leftMs), logger.close()).catch(() => undefined);
    while (isHeld() && whole.leftMs > 0) await sleep(5);
    exit(this.#exitCode);
  }

  /** Answers that are on their way get `graceMs`; a client that does not read is cut off then. */
  async #closeServer(server: Server, graceMs: number): Promise<void> {
    const closed = once(server, 'close');
    await takeConnections(server);
    server.close();
    server.closeIdleConnections();
    const cutOff = setTimeout(() => server.closeAllConnections(), Math.min(500, graceMs));
    await closed;
    clearTimeout(cutOff);
  }
}

/**
 * Takes the connections that the system has made and Node has not seen: they would be reset, and a proxy may not send a POST
 * again. Node takes one in each turn of the event loop.
 */
async function takeConnections(server: Server): Promise<void> {
  let taken = 0;
  const count = () => {
    taken += 1;
  };
  server.on('connection', count);
  for (let turns = 0, before = -1; before < taken && turns < MAX_TURNS; turns += 1) {
    before = taken;
    // From one to the next, the event loop has looked for connections.
    await nextTurn();
    await nextTurn();
  }
  server.off('connection', count);
}

/**
 * Whether file operations, look-ups of names or work on images are under way. Node waits for them, even in
 * `process.exit`, and a disk that hangs never answers.
 */
function isHeld(): boolean {
  const kinds = process.getActiveResourcesInfo();
  return workOnImages() > 0 || kinds.some((kind) => /^(FSReq|GetAddrInfo|GetNameInfo)/.test(kind));
}

/** Ends the process now; by a signal where nothing else does. */
function exit(code: number): never {
  if (isHeld()) process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}
